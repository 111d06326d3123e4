"""MaxUp: the worst copy of each image, and what the copies cost."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.maxup import MaxUp, _Worst
from core.models.base import Net
from core.spec import Training
from core.train.loop import build, train


def hooks_of(seed: int = 0, **settings: Any) -> _Worst:
    nothing = torch.zeros(0)
    hooks = MaxUp(**settings).hooks(Session(nothing, nothing, 4, Training(), False, seed))
    assert isinstance(hooks, _Worst)
    return hooks


@pytest.fixture
def net() -> Net:
    return Net(nn.Flatten(), 3, 4, torch.full((3,), 0.5), torch.ones(3))


@pytest.fixture
def numbered() -> tuple[Tensor, Tensor, Tensor]:
    """Every image has one brightness; 0.5, the colour of boxes, is none of them."""
    values = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.6, 0.7])
    return (
        values[:, None, None, None].expand(6, 3, 8, 8).contiguous(),
        torch.tensor([0, 1, 2, 3, 0, 1]),
        torch.arange(6),
    )


def test_copies_follow_each_other_and_each_has_one_box(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    images, labels, rows = numbered
    before = images.clone()
    made, wanted = hooks_of(copies=3, side=0.5).batch(images, labels, rows, net)
    assert torch.equal(images, before)
    assert made.shape == (18, 3, 8, 8) and wanted.tolist() == labels.tolist() * 3
    hidden = made == 0.5
    assert torch.equal(made[~hidden], images.repeat(3, 1, 1, 1)[~hidden])
    assert (hidden[:, 0].flatten(1).sum(dim=1) <= 16).all()  # boxes of earlier copies do not pile up
    assert len(hidden.float().unique(dim=0)) > 12


def test_the_loss_by_hand() -> None:
    """Three images: the right class has 1/2, 1/4, 1/2 in the first copies and 1/8, 1/2, 1/2 in the second ones."""
    hooks = hooks_of(copies=2)
    right = torch.tensor([1 / 2, 1 / 4, 1 / 2, 1 / 8, 1 / 2, 1 / 2])
    labels = torch.tensor([0, 1, 0])
    logits = torch.stack([right, 1 - right], dim=1).log()
    logits[[1, 4]] = logits[[1, 4]].flip(1)
    worst = [math.log(8), math.log(4), math.log(2)]
    assert float(hooks.loss(logits, labels.repeat(2))) == pytest.approx(sum(worst) / 3)


def test_copies_of_another_image_are_never_compared() -> None:
    """Image 0 is hard in both copies (ln 4), image 1 easy in both: were neighbours paired, ln 4 would come twice."""
    right = torch.tensor([1 / 4, 3 / 4, 1 / 4, 3 / 4])
    logits = torch.stack([right, 1 - right], dim=1).log()
    loss = hooks_of(copies=2).loss(logits, torch.zeros(4, dtype=torch.int64))
    assert float(loss) == pytest.approx((math.log(4) + math.log(4 / 3)) / 2)


def test_only_the_worst_copy_has_a_gradient() -> None:
    right = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 2])
    logits = torch.stack([right, 1 - right], dim=1).log().requires_grad_()
    hooks_of(copies=2).loss(logits, torch.zeros(4, dtype=torch.int64)).backward()
    assert logits.grad is not None
    assert (logits.grad != 0).any(dim=1).tolist() == [False, True, True, False]
    assert torch.allclose(logits.grad[1], torch.tensor([-3 / 8, 3 / 8]))  # half of softmax - onehot


def test_one_copy_is_plain_cutout_with_the_plain_loss(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    hooks = hooks_of(copies=1)
    made, wanted = hooks.batch(*numbered, net)
    logits = net(nn.functional.adaptive_avg_pool2d(made, 1)).detach()
    assert len(made) == 6
    assert float(hooks.loss(logits, wanted)) == pytest.approx(float(nn.functional.cross_entropy(logits, wanted)))


def test_warm_up_has_one_copy(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    hooks, sizes = hooks_of(warm_up=2), []
    for epoch in range(4):
        assert hooks.rows(epoch, numbered[2], net) is numbered[2]
        sizes.append(len(hooks.batch(*numbered, net)[0]))
    assert sizes == [6, 6, 24, 24]


def test_what_is_drawn_follows_from_the_defenses_seed_alone(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    state = torch.get_rng_state()
    one, same, other = (hooks_of(seed).batch(*numbered, net)[0] for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_copies_are_paid_for(tiny: ImageSet) -> None:
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    trained = train(net, tiny, Training(epochs=2, batch_size=20), seed=0, device="cpu", hooks=hooks_of(warm_up=1))
    assert trained.passes == (1 + 4) * len(tiny)
