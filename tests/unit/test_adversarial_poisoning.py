"""The defense that poisons its own batches: what it changes, and what it must not touch."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.analysis.matching import Matching
from core.datasets.base import ImageSet
from core.defenses.adversarial_poisoning import AdversarialPoisoning, _Poisoning
from core.defenses.base import Session
from core.defenses.patches import derangement, drawn, exchanged
from core.errors import SpecError
from core.models.base import Net
from core.models.folded import folded
from core.spec import Training, parse
from core.train.loop import build, on_device, train

SIZE = 20


def session_of(data: ImageSet) -> Session:
    images, labels = on_device(data.images, "cpu"), on_device(data.labels, "cpu")
    return Session(images, labels, len(data.class_names), Training(epochs=2, batch_size=SIZE), False, 0)


def hooks_of(data: ImageSet, **settings: Any) -> _Poisoning:
    hooks = AdversarialPoisoning(**settings).hooks(session_of(data))
    assert isinstance(hooks, _Poisoning)
    return hooks


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    train(net, tiny, Training(epochs=2, batch_size=SIZE, shift=0), seed=0, device="cpu")
    net.zero_grad(set_to_none=True)
    return net.train()


@pytest.fixture
def batch(tiny: ImageSet) -> tuple[Tensor, Tensor, Tensor]:
    rows = torch.arange(SIZE)
    return on_device(tiny.images[:SIZE], "cpu").float() / 255, on_device(tiny.labels[:SIZE], "cpu"), rows


PROXIES = ("gradient_matching", "finite_difference", "last_layer", "feature_matching", "trigger", "noise")


@pytest.mark.parametrize("proxy", PROXIES)
def test_poisons_are_the_first_of_the_batch_and_every_label_is_the_true_one(
    proxy: str, tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, labels, rows = batch
    before, given = images.clone(), labels.clone()
    made, wanted = hooks_of(tiny, proxy=proxy, part=0.5).batch(images, labels, rows, net)
    assert torch.equal(wanted, given) and torch.equal(images, before)
    assert made.shape == images.shape and made.min() >= 0 and made.max() <= 1
    changed = (made != images).flatten(1).any(dim=1)
    if proxy == "trigger":
        return  # it marks targets too
    assert changed[:10].all() and not changed[10:].any()
    assert (made - images).abs().max() <= 16 / 255 + 1e-6


@pytest.mark.parametrize("proxy", ["gradient_matching", "finite_difference", "last_layer", "feature_matching", "noise"])
def test_without_epsilon_the_training_is_the_plain_one_bit_for_bit(proxy: str, tiny: ImageSet) -> None:
    found = []
    for hooks in (None, hooks_of(tiny, proxy=proxy, epsilon=0)):
        net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
        train(net, tiny, Training(epochs=2, batch_size=SIZE), seed=0, device="cpu", hooks=hooks)
        found.append(net.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("proxy", ["gradient_matching", "finite_difference", "last_layer", "feature_matching"])
def test_the_attack_inside_the_step_leaves_no_trace_in_the_network(
    proxy: str, tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    before = copy.deepcopy(net.state_dict())
    hooks_of(tiny, proxy=proxy).batch(*batch, net)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())  # batch statistics too
    assert net.training and all(module.training for module in net.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def loss_of(net: Net, images: Tensor, labels: Tensor, poisons: int) -> float:
    """1 - cosine of the poisons' gradient and the one that would teach the targets the poisons' commonest label."""
    plain = copy.deepcopy(net).eval()
    wanted = labels[:poisons].mode().values.expand(len(images) - poisons)
    parameters = list(plain.parameters())
    one, other = (
        torch.cat([g.flatten() for g in torch.autograd.grad(nn.functional.cross_entropy(plain(x), y), parameters)])
        for x, y in ((images[:poisons], labels[:poisons]), (images[poisons:], wanted))
    )
    return 1 - float(nn.functional.cosine_similarity(one, other, dim=0))


@pytest.mark.parametrize("proxy", ["gradient_matching", "finite_difference", "last_layer"])
def test_the_poisons_pull_where_the_targets_would_with_a_wrong_label(
    proxy: str, tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, labels, rows = batch
    made, _ = hooks_of(tiny, proxy=proxy, part=0.5, steps=10).batch(images, labels, rows, net)
    assert loss_of(net, made, labels, 10) < loss_of(net, images, labels, 10) - 0.05


def test_feature_matching_brings_the_poisons_to_the_targets(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, labels, rows = batch
    made, _ = hooks_of(tiny, part=0.5, steps=10, proxy="feature_matching").batch(images, labels, rows, net)
    plain = copy.deepcopy(net).eval()
    with torch.no_grad():
        goal, before, after = (plain.features(part).mean(dim=0) for part in (images[10:], images[:10], made[:10]))
    assert (after - goal).norm() < 0.8 * (before - goal).norm()


@pytest.mark.parametrize(
    "targets, size, poisons",
    [("rest", 20, 15), ("rest", 1, 0), ("one", 20, 19), ("one", 1, 0), ("ten", 20, 10), ("ten", 10, 0),
     ("shuffled", 20, 20)],
)  # fmt: skip
def test_how_a_batch_is_divided(targets: Any, size: int, poisons: int) -> None:
    assert AdversarialPoisoning(targets=targets, part=0.75).divided(size) == poisons


@pytest.mark.parametrize(
    ("settings", "size", "said"),
    [
        ({"targets": "ten"}, 10, "batch_size is 10, too small .* with targets 'ten' it has to be at least 11"),
        ({"targets": "one"}, 1, "at least 2"),
        ({"part": 0.04}, 20, "with part 0.04 it has to be at least 25"),
        ({"targets": "shuffled", "proxy": "trigger"}, 128, "'shuffled', which means nothing to the proxy 'trigger'"),
    ],
)
def test_what_would_do_nothing_is_refused(settings: dict[str, Any], size: int, said: str) -> None:
    defense = {"name": "adversarial_poisoning", **settings}
    with pytest.raises(SpecError, match=said):
        parse({"defenses": [defense], "training": {"batch_size": size}})


@pytest.mark.parametrize("defended", ["also", "only"])
def test_what_would_do_nothing_in_pretraining_is_refused_too(defended: str) -> None:
    pretraining = {"defended": defended, "training": {"batch_size": 1}}
    asked = {"scenario": "transfer", "pretraining": pretraining, "defenses": ["adversarial_poisoning"]}
    with pytest.raises(SpecError, match="batch_size is 1"):
        parse(asked)
    assert parse({**asked, "scenario": "from_scratch"}), "nothing is pretrained"


def test_nobody_crafts_through_a_step_that_makes_more_images() -> None:
    attack = {"name": "gradient_matching", "adaptive": "step"}
    with pytest.raises(SpecError, match="no attacker can craft through maxup"):
        parse({"attack": attack, "defenses": ["maxup"]})
    assert parse({"attack": {**attack, "adaptive": "surrogate"}, "defenses": ["maxup"]})
    assert parse({"attack": attack, "defenses": ["adversarial_poisoning", "maxup"]})


def test_a_batch_too_small_to_divide_is_trained_on_as_it_is(
    tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, labels, rows = (part[:5] for part in batch)
    assert hooks_of(tiny, targets="ten").batch(images, labels, rows, net)[0] is images


def test_shuffled_poisons_every_image(tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    made, _ = hooks_of(tiny, targets="shuffled").batch(*batch, net)
    assert (made != batch[0]).flatten(1).any(dim=1).all()


def test_the_twin_goes_along_while_the_network_learns(tiny: ImageSet, net: Net) -> None:
    images = on_device(tiny.images[:8], "cpu").float() / 255
    twin = folded(net, images[:1], shared=True)
    train(net, tiny, Training(epochs=1, batch_size=SIZE), seed=1, device="cpu")
    with torch.no_grad():
        assert torch.allclose(twin(images), copy.deepcopy(net).eval()(images), atol=1e-3)
    assert {id(p) for p in twin.parameters()} == {id(p) for p in net.parameters()}


def test_with_a_frozen_body_only_the_head_is_matched(tiny: ImageSet, net: Net) -> None:
    net.freeze()
    images = on_device(tiny.images[:8], "cpu").float() / 255
    matching = Matching([folded(net, images[:1], shared=True)], images[4:], torch.zeros(4, dtype=torch.int64))
    assert {id(p) for p in matching.parameters[0]} == {id(p) for p in net.head.parameters()}


def test_passes_are_counted(tiny: ImageSet, net: Net, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    before = net.passes
    hooks_of(tiny, part=0.75, steps=5).batch(*batch, net)
    assert net.passes - before == 5 + 5 * 3 * 15  # five targets once; fifteen poisons, five steps, three passes each


# ---- patches


def test_a_derangement_moves_everything() -> None:
    random = torch.Generator().manual_seed(0)
    for count in (2, 3, 10):
        for _ in range(20):
            order = derangement(count, random)
            assert sorted(order.tolist()) == list(range(count)) and not (order == torch.arange(count)).any()
    assert derangement(1, random).tolist() == [0]


def test_patches_say_nothing_about_the_class() -> None:
    """Poisons of a class carry its patch, and so do the targets of exactly one other class."""
    labels = torch.arange(4).repeat(50)
    grey = torch.full((200, 1, 10, 10), 0.5)
    made, shown = exchanged(grey, labels, 100, 4, torch.Generator().manual_seed(3))
    inside = made != 0.5
    assert set(made.unique().tolist()) == {0.0, 0.5, 1.0}
    carried = []
    for image, marked in zip(made, inside, strict=True):
        ys, xs = (torch.nonzero(marked[0].any(dim=axis)).flatten() for axis in (1, 0))
        top, left, bottom, right = ys.min(), xs.min(), ys.max() + 1, xs.max() + 1
        assert marked[0, top:bottom, left:right].all() and marked.sum() == (bottom - top) * (right - left)
        assert 1 <= bottom - top <= 4 and 1 <= right - left <= 4
        carried.append((int(bottom - top), int(right - left), *image[0, top:bottom, left:right].flatten().tolist()))
    patches = {label: {carried[i] for i in range(100) if labels[i] == label} for label in range(4)}
    assert all(len(found) == 1 for found in patches.values())
    others = {label: {carried[i] for i in range(100, 200) if labels[i] == label} for label in range(4)}
    assert all(len(found) == 1 for found in others.values())
    assert {patch for found in patches.values() for patch in found} == {p for found in others.values() for p in found}
    said = [carried[i] in patches[int(shown[i])] for i in range(200)]  # the class whose patch an image carries
    assert all(said) and torch.equal(shown[:100], labels[:100])
    places = {tuple(torch.nonzero(marked[0])[0].tolist()) for marked in inside[labels == 0]}
    assert len(places) > 5


def test_a_patch_is_pasted_from_its_own_corner() -> None:
    images = torch.zeros((1, 3, 8, 8))
    made, _ = exchanged(images, torch.tensor([0]), 1, 1, torch.Generator().manual_seed(1))
    assert np.isin(made.numpy(), (0.0, 1.0)).all()


def test_every_patch_of_several_is_pasted() -> None:
    images = torch.full((1, 1, 40, 40), 0.5)
    one, two = (
        exchanged(images, torch.tensor([0]), 1, 1, torch.Generator().manual_seed(5), count=count)[0] for count in (1, 2)
    )
    first = one != 0.5
    assert (two != 0.5).sum() > first.sum() and (two != 0.5)[first].all()  # the first stays, or is pasted over


def test_colours_of_patches() -> None:
    shape = (300, 3, 40, 40)
    grey, coloured = (drawn(shape, torch.Generator().manual_seed(2), each) for each in (False, True))
    assert grey.unique().tolist() == coloured.unique().tolist() == [0.0, 1.0]
    bright = grey.mean(dim=(2, 3))
    assert (bright.max(dim=1).values - bright.min(dim=1).values).max() < 0.15  # one density for the three channels
    bright = coloured.mean(dim=(2, 3)).flatten()  # 900 channels: a third each of none, all and anything between
    assert 0.28 < (bright == 0).float().mean() < 0.4 and 0.28 < (bright == 1).float().mean() < 0.4
