"""Evasion adversarial training: where the changed images lie, and what the attack must not touch."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.evasion_adversarial_training import EvasionAdversarialTraining
from core.models.base import Net
from core.spec import Training
from core.train.hooks import Hooks
from core.train.loop import build, on_device, train

ROWS = torch.arange(2)


def hooks_of(seed: int = 0, **settings: Any) -> Hooks:
    nothing = torch.zeros(0)
    return EvasionAdversarialTraining(**settings).hooks(Session(nothing, nothing, 2, Training(), False, seed))


def linear() -> Net:
    """Logits x0 - x1 and x1 - x0 of the two pixels of an image, repeated over 200 places."""
    net = Net(nn.Flatten(), 400, 2, torch.zeros(1), torch.ones(1))
    signs = torch.tensor([1.0, -1.0]).repeat(200)
    net.head.load_state_dict({"weight": torch.stack([signs, -signs]) / 200, "bias": torch.zeros(2)})
    return net


def images_at(value: float) -> tuple[Tensor, Tensor]:
    return torch.full((2, 1, 20, 20), value), torch.tensor([0, 1])


def uphill() -> Tensor:
    """The sign of either image's gradient: label 0 loses by a darker first pixel and a brighter second one."""
    signs = torch.tensor([-1.0, 1.0]).repeat(200).view(1, 20, 20)
    return torch.stack([signs, -signs])


def test_one_step_from_a_random_start_by_hand() -> None:
    """From u in [-e, e] by 1.25 e, cut at e: never below e/4, and at e where u is above -e/4, which is in 5 of 8."""
    images, labels = images_at(0.5)
    made, wanted = hooks_of(epsilon=8).batch(images, labels, ROWS, linear())
    assert wanted is labels and torch.equal(images, torch.full((2, 1, 20, 20), 0.5))
    shares = (made - images) * uphill() * 255 / 8
    assert shares.min() >= 0.249 and shares.max() <= 1.001
    assert float((shares > 0.999).float().mean()) == pytest.approx(5 / 8, abs=0.06)


@pytest.mark.parametrize("steps, size, low, high", [(1, 2.0, -0.75, 1.0), (7, 2.0, 0.75, 1.0), (8, 2.0, 1.0, 1.0)])
def test_many_steps_by_hand(steps: int, size: float, low: float, high: float) -> None:
    images, labels = images_at(0.5)
    made, _ = hooks_of(attack="pgd", epsilon=8, steps=steps, step_size=size).batch(images, labels, ROWS, linear())
    shares = (made - images) * uphill() * 255 / 8
    assert low - 1e-3 <= shares.min() and shares.max() <= high + 1e-3
    assert shares.min() <= low + 0.05


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_pixels_stay_between_black_and_white(value: float) -> None:
    images, labels = images_at(value)
    made, _ = hooks_of(epsilon=16, attack="pgd", steps=20).batch(images, labels, ROWS, linear())
    darker, brighter = made[uphill() < 0], made[uphill() > 0]
    assert torch.allclose(darker, torch.tensor(max(0.0, value - 16 / 255)), atol=1e-6)
    assert torch.allclose(brighter, torch.tensor(min(1.0, value + 16 / 255)), atol=1e-6)


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    train(net, tiny, Training(epochs=2, batch_size=20, shift=0), seed=0, device="cpu")
    net.zero_grad(set_to_none=True)
    return net.train()


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_the_attack_raises_the_loss_and_leaves_no_trace_in_the_network(attack: str, tiny: ImageSet, net: Net) -> None:
    images, labels = on_device(tiny.images[:20], "cpu").float() / 255, on_device(tiny.labels[:20], "cpu")
    before = copy.deepcopy(net.state_dict())
    made, _ = hooks_of(attack=attack).batch(images, labels, torch.arange(20), net)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())  # batch statistics too
    assert all(module.training for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())
    plain = copy.deepcopy(net).eval()
    with torch.no_grad():
        losses = [float(nn.functional.cross_entropy(plain(each), labels)) for each in (images, made)]
    assert losses[1] > losses[0] + 0.05
    assert (made - images).abs().max() <= 8 / 255 + 1e-6


def test_without_epsilon_the_training_is_the_plain_one_bit_for_bit(tiny: ImageSet) -> None:
    found = []
    for hooks in (None, hooks_of(epsilon=0)):
        net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
        train(net, tiny, Training(epochs=2, batch_size=20), seed=0, device="cpu", hooks=hooks)
        found.append(net.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("settings, passes", [({}, 2), ({"attack": "pgd", "steps": 3}, 4), ({"steps": 5}, 2)])
def test_every_step_is_a_pass_more(settings: dict[str, Any], passes: int, tiny: ImageSet) -> None:
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    config = Training(epochs=1, batch_size=20)
    assert train(net, tiny, config, seed=0, device="cpu", hooks=hooks_of(**settings)).passes == passes * len(tiny)


def test_the_start_follows_from_the_defenses_seed_alone() -> None:
    (images, labels), net = images_at(0.5), linear()
    state = torch.get_rng_state()
    one, same, other = (hooks_of(seed).batch(images, labels, ROWS, net)[0] for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)
