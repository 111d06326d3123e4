"""Friendly noise: as large as it may be without changing a prediction, one for each row; random noise beside it."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.friendly_noise import FriendlyNoise, _Befriending, found
from core.models.base import Net
from core.spec import Training
from core.train.loop import build, on_device, train


def hooks_of(seed: int = 0, epochs: int = 10, **settings: Any) -> _Befriending:
    nothing = torch.zeros(0)
    hooks = FriendlyNoise(**settings).hooks(Session(nothing, nothing, 4, Training(epochs=epochs), False, seed))
    assert isinstance(hooks, _Befriending)
    return hooks


def linear(weight: list[list[float]]) -> Net:
    """A network of images with as many pixels as the weights have columns."""
    net = Net(nn.Flatten(), len(weight[0]), len(weight), torch.zeros(1), torch.ones(1))
    net.head.load_state_dict({"weight": torch.tensor(weight), "bias": torch.zeros(len(weight))})
    return net.eval()


def test_where_nothing_matters_noise_grows_by_hand() -> None:
    """The slope of -mu mean(d^2) is -2 mu d / 2 with two pixels; Nesterov's first step is 1.9 times the plain one."""
    defense = FriendlyNoise(steps=1, growth=0.5, learning_rate=128 * 0.1)
    start = torch.tensor([[[[0.5, -0.25]]], [[[-1.0, 0.0]]]])
    noise = found(linear([[0, 0], [0, 0]]), torch.full((2, 1, 1, 2), 0.5), start, defense)
    assert torch.allclose(noise, start * 8 / 255 * (1 + 0.1 * 1.9 * 0.5), atol=1e-7)


@pytest.mark.parametrize("epsilon", [4, 16])
def test_noise_ends_at_epsilon_where_it_may(epsilon: int) -> None:
    start = torch.tensor([[[[0.5, -0.25, 0.1, -1.0]]]])
    defense = FriendlyNoise(epsilon=epsilon, steps=30, learning_rate=5000)
    noise = found(linear([[0] * 4, [0] * 4]), torch.full((1, 1, 1, 4), 0.5), start, defense)
    assert torch.allclose(noise, start.sign() * epsilon / 255)


def test_noise_leaves_pixels_that_count_and_stays_in_those_that_do_not() -> None:
    """The network reads the first pixel alone: noise leaves that one, and grows in the other."""
    net, pixels = linear([[40.0, 0], [-40.0, 0]]), torch.full((1, 1, 1, 2), 0.05)
    start = torch.tensor([[[[1.0, 1.0]]]])
    noise = found(net, pixels, start, FriendlyNoise(steps=60, learning_rate=0.128))[0, 0, 0] * 255
    assert abs(float(noise[0])) < 0.2 * 8 and float(noise[1]) > 8
    before, after = (net(pixels + each).softmax(dim=1) for each in (torch.zeros(1), noise.view(1, 1, 1, 2) / 255))
    started = net(pixels + 8 / 255).softmax(dim=1)
    assert (after - before).abs().max() < 0.3 * (started - before).abs().max()


def test_no_image_depends_on_another() -> None:
    net = linear([[3.0, -1.0, 2.0], [0.0, 1.0, -2.0]])
    random = torch.Generator().manual_seed(0)
    pixels, start = torch.rand((5, 1, 1, 3), generator=random), 2 * torch.rand((5, 1, 1, 3), generator=random) - 1
    together = found(net, pixels, start, FriendlyNoise())
    alone = torch.cat([found(net, pixels[i : i + 1], start[i : i + 1], FriendlyNoise()) for i in range(5)])
    assert torch.allclose(together, alone, atol=1e-6)


# ---- in training


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    train(net, tiny, Training(epochs=3, batch_size=20, shift=0), seed=0, device="cpu")
    net.zero_grad(set_to_none=True)
    return net.train()


def test_images_are_replaced_once_after_the_warm_up(tiny: ImageSet, net: Net) -> None:
    images, hooks = on_device(tiny.images, "cpu"), hooks_of(warm_up=2, steps=3)
    before = images.clone()
    assert hooks.images(0, images, net) is images and hooks.images(1, images, net) is images
    made = hooks.images(2, images, net)
    assert made.dtype == torch.uint8 and made.shape == images.shape and torch.equal(images, before)
    levels = made.int() - images.int()
    assert 0 < levels.abs().max() <= 16 and levels.flatten(1).any(dim=1).all()
    assert hooks.images(3, made, net) is made


@pytest.mark.parametrize("warm_up, epochs, begins", [(5, 40, 5), (5, 6, 3), (0, 6, 0), (5, 1, 0)])
def test_a_short_training_has_a_short_warm_up(warm_up: int, epochs: int, begins: int) -> None:
    assert hooks_of(epochs=epochs, warm_up=warm_up).begin_at == begins


def test_finding_noise_leaves_no_trace_in_the_network(tiny: ImageSet, net: Net) -> None:
    before = copy.deepcopy(net.state_dict())
    hooks_of(warm_up=0, steps=2).images(0, on_device(tiny.images, "cpu"), net)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(module.training for module in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


GREY = torch.full((4, 3, 32, 32), 0.5)
LABELS, ROWS = torch.arange(4), torch.arange(4)


def drawn(noise: str, images: Tensor, net: Net) -> Tensor:
    made, labels = hooks_of(noise=noise, strength=8.0).batch(images, LABELS, ROWS, net)
    assert labels is LABELS
    return (made - images) * 255


def test_random_noise_of_every_kind(net: Net) -> None:
    assert torch.equal(GREY, torch.full((4, 3, 32, 32), 0.5))
    bernoulli = drawn("bernoulli", GREY, net)
    assert torch.allclose(bernoulli.abs(), torch.tensor(8.0), atol=1e-4) and abs(float(bernoulli.mean())) < 0.5
    uniform = drawn("uniform", GREY, net)
    assert uniform.abs().max() < 8.001 and float(uniform.std()) == pytest.approx(8 / 3**0.5, rel=0.03)
    gaussian = drawn("gaussian", GREY, net)
    assert gaussian.abs().max() > 16 and float(gaussian.std()) == pytest.approx(8, rel=0.03)
    assert not drawn("none", GREY, net).any()


def test_what_random_noise_gives_is_cut(net: Net) -> None:
    made, _ = hooks_of().batch(torch.ones(4, 3, 8, 8), LABELS, ROWS, net)
    assert sorted(round(value * 255) for value in made.unique().tolist()) == [247, 255]


def test_random_noise_waits_for_the_warm_up_and_differs_between_steps(net: Net) -> None:
    hooks, images = hooks_of(warm_up=1, epsilon=0), (GREY * 255).to(torch.uint8)
    assert hooks.images(0, images, net) is images and hooks.batch(GREY, LABELS, ROWS, net)[0] is GREY
    assert hooks.images(1, images, net) is images  # epsilon is 0: there is random noise alone
    one, other = (hooks.batch(GREY, LABELS, ROWS, net)[0] for _ in range(2))
    assert not torch.equal(one, other) and not torch.equal(one, GREY)


def test_a_training_pays_once_and_the_seed_decides(tiny: ImageSet) -> None:
    states = []
    for seed in (0, 0, 1):
        net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
        hooks = hooks_of(seed, epochs=3, warm_up=1, steps=2)
        trained = train(net, tiny, Training(epochs=3, batch_size=20), seed=0, device="cpu", hooks=hooks)
        assert trained.passes == pytest.approx((3 + 2 + 1 / 3) * len(tiny))
        states.append(net.state_dict()["head.weight"])
    assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])
