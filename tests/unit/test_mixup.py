"""Mixup: proportions of images and of losses are the same ones, and every image has its own."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.mixing import Mixing
from core.defenses.mixup import Mixup
from core.models.base import Net
from core.spec import Training
from core.train.loop import build, train

B = 12


def hooks_of(seed: int = 0, **settings: Any) -> Mixing:
    nothing = torch.zeros(0)
    hooks = Mixup(**settings).hooks(Session(nothing, nothing, B, Training(), False, seed))
    assert isinstance(hooks, Mixing)
    return hooks


@pytest.fixture
def net() -> Net:
    return Net(nn.Flatten(), 3, B, torch.zeros(3), torch.ones(3))


@pytest.fixture
def numbered() -> tuple[Tensor, Tensor, Tensor]:
    """Image r is r / 20 in its one pixel, and its label is r."""
    rows = torch.arange(B)
    return (rows / 20)[:, None, None, None].expand(B, 3, 1, 1).contiguous(), rows.clone(), rows


@pytest.mark.parametrize("count", [2, 4])
def test_an_image_is_made_of_what_its_shares_say(count: int, net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    hooks = hooks_of(images=count)
    images, labels, rows = numbered
    before = images.clone()
    mixed, wanted = hooks.batch(images, labels, rows, net)
    assert torch.equal(images, before) and torch.equal(wanted, labels)
    assert hooks.shares.shape == hooks.labels.shape == (B, count)
    assert torch.equal(hooks.labels[:, 0], labels)  # the first part of every image is the image itself
    assert torch.allclose(hooks.shares.sum(dim=1), torch.ones(B)) and (hooks.shares >= 0).all()
    expected = (hooks.shares * hooks.labels).sum(dim=1) / 20
    assert torch.allclose(mixed[:, 0, 0, 0], expected, atol=1e-6)
    assert len(hooks.shares[:, 0].unique()) == B  # not one draw for the batch
    assert all(sorted(column) == list(range(B)) for column in hooks.labels.T.tolist())


def test_the_loss_by_hand() -> None:
    """Probabilities 1/2, 1/4, 1/4 and shares 3/4 of class 0, 1/4 of class 2: 3/4 ln 2 + 1/4 ln 4 = 5/4 ln 2."""
    hooks = hooks_of()
    hooks.labels, hooks.shares = torch.tensor([[0, 2], [1, 1]]), torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    logits = torch.tensor([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]).log() + 7
    loss = hooks.loss(logits, torch.tensor([2, 2]))  # the loop's own labels have no part
    assert float(loss) == pytest.approx((1.25 * math.log(2) + math.log(2)) / 2)


def test_where_one_image_has_the_whole_share_the_loss_is_the_plain_one() -> None:
    hooks = hooks_of()
    hooks.labels, hooks.shares = torch.tensor([[0, 1], [2, 0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    logits = torch.tensor([[0.3, -2.0, 1.0], [4.0, 0.1, 0.2]])
    expected = nn.functional.cross_entropy(logits, torch.tensor([0, 2]))
    assert float(hooks.loss(logits, torch.tensor([0, 2]))) == pytest.approx(float(expected))


@pytest.mark.parametrize("alpha, low, high", [(0.01, 0.9, 1.0), (100.0, 0.25, 0.5)])
def test_alpha_says_how_even_the_shares_are(
    alpha: float, low: float, high: float, net: Net, numbered: tuple[Tensor, Tensor, Tensor]
) -> None:
    hooks = hooks_of(alpha=alpha)
    hooks.batch(*numbered, net)
    assert low <= float(hooks.shares.amax(dim=1).mean()) <= high


def test_what_is_drawn_follows_from_the_defenses_seed_alone(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    state = torch.get_rng_state()
    one, same, other = (hooks_of(seed).batch(*numbered, net)[0] for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_learns_with_it_at_the_cost_of_plain_training(tiny: ImageSet) -> None:
    net = build(registry.load("models", "small_cnn")(width=8), tiny, 0, "cpu")
    config = Training(epochs=8, batch_size=20)
    images, labels = torch.from_numpy(tiny.images), torch.from_numpy(tiny.labels)
    hooks = Mixup(images=2).hooks(Session(images, labels, 4, config, False, 0))
    trained = train(net, tiny, config, seed=0, device="cpu", hooks=hooks)
    assert trained.passes == 8 * len(tiny)
    with torch.no_grad():
        right = net(images.float() / 255).argmax(dim=1) == labels
    assert right.float().mean() > 0.6  # one in four by chance
