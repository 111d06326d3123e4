"""The penalty of an attacker who knows EPIC, by hand, and what it does to poisons."""

from math import log

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.analysis.nearness import Nearness
from core.attacks.gradient_matching import GradientMatching
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.models.base import Net
from core.train.loop import on_device
from tests.unit.test_gradient_matching import network, problem


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare in float32, whatever the processor has."""
    monkeypatch.setattr("core.device.has_bfloat16", lambda device: False)


def two_pixels(slope: float) -> Net:
    """Two pixels, two classes: each pixel's brightness in [0, 1], times `slope`, is the logit of its class."""
    net = Net(nn.Flatten(), 2, 2, torch.zeros(1), torch.ones(1))
    with torch.no_grad():
        net.head.weight.copy_(torch.eye(2) * slope)
        net.head.bias.zero_()
    return net.eval()


def images(*pixels: tuple[int, int]) -> Tensor:
    """(n, 1, 1, 2) uint8, black or white."""
    return torch.tensor(pixels, dtype=torch.uint8).view(-1, 1, 1, 2) * 255


# With logits of log 3 the softmax of (1, 0) is (3/4, 1/4), and of (0, 0) it is (1/2, 1/2). Beside the label (1, 0) the
# gradients are (-1/4, 1/4) and (-1/2, 1/2), and that of (0, 1) is (-3/4, 3/4).
POISONS = images((0, 1), (0, 0)).float() / 255


@pytest.mark.parametrize(
    "clean, distances",
    [(images((1, 0)), [1 / 2, 1 / 8]), (images((1, 0), (0, 0)), [1 / 8, 0]), (images((1, 1), (0, 1)), [0, 0])],
)
def test_the_squared_distance_to_the_nearest_clean_row(clean: Tensor, distances: list[float]) -> None:
    nearness = Nearness([two_pixels(log(3))], clean, 0)
    assert nearness.squared(0, POISONS).tolist() == pytest.approx(distances, abs=1e-6)
    loss, slope = nearness(POISONS.clone().requires_grad_())
    assert loss.item() == pytest.approx(np.mean(distances), abs=1e-6)
    assert (slope[1] == 0).all() == (distances[1] == 0)
    # who is too far is made brighter where its class is and darker where the other is
    assert distances[0] == 0 or (slope[0, 0, 0, 0] < 0 < slope[0, 0, 0, 1])


def test_poisons_that_do_not_fit_at_once_are_measured_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    fitting: dict[str, int] = {}
    monkeypatch.setattr("core.memory._fitting", fitting)
    net, clean = two_pixels(log(3)), images((1, 0), (1, 1))
    poisons = images((0, 1), (0, 0), (1, 1)).float() / 255
    loss, slope = Nearness([net], clean, 0)(poisons.clone().requires_grad_())

    def full(module: nn.Module, given: tuple[Tensor]) -> None:
        if len(given[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    net.register_forward_pre_hook(full)
    again, found = Nearness([net], clean, 0)(poisons.clone().requires_grad_())
    torch.testing.assert_close(again, loss)
    torch.testing.assert_close(found, slope)
    assert fitting == {"Clean rows": 1, "Distances of poisons": 1}


def test_several_networks_are_averaged() -> None:
    indifferent = two_pixels(0.0)  # sees all images as the same
    nearness = Nearness([two_pixels(log(3)), indifferent], images((1, 0)), 0)
    assert nearness(POISONS.clone().requires_grad_())[0].item() == pytest.approx(5 / 32, abs=1e-6)


def test_a_heavier_penalty_keeps_poisons_nearer_to_clean_rows(tiny: ImageSet) -> None:
    net = network(tiny, "linear")
    given = problem(tiny, net, 6)
    clean = np.setdiff1d(np.flatnonzero(tiny.labels == 1), given.rows)
    judge = Nearness([net], on_device(tiny.images[clean], "cpu"), 1)

    def crafted(**settings: object) -> Tensor:
        return GradientMatching(steps=40, augment=False, **settings).craft(given).images  # type: ignore[arg-type]

    def distance(poisons: Tensor) -> float:
        with torch.no_grad():
            return judge.squared(0, poisons).mean().item()

    oblivious = crafted()
    assert torch.equal(crafted(adaptive="gradient_space", nearness=0), oblivious)
    light, heavy = (crafted(adaptive="gradient_space", nearness=weight) for weight in (1, 10))
    assert distance(oblivious) > 2 * distance(light) > 4 * distance(heavy) > 0


def test_poisons_that_are_the_whole_class_have_nobody_to_stay_near(tiny: ImageSet) -> None:
    with pytest.raises(AttackError, match="All 20 images of class 1 are poisons"):
        GradientMatching(steps=1, adaptive="gradient_space").craft(problem(tiny, network(tiny, "linear"), 20))
