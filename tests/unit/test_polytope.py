import numpy as np
import pytest
import torch

from core import registry
from core.attacks.base import Tools, apply
from core.attacks.bullseye_polytope import BullseyePolytope
from core.attacks.convex_polytope import ConvexPolytope, coefficients, on_simplex
from core.attacks.feature_collision import FeatureCollision
from core.attacks.polytope import FeatureSpaces, bullseye, collision
from core.datasets.base import ImageSet
from core.models.base import Net
from core.spec import Training
from core.train.loop import build, on_device


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    return build(registry.load("models", "mlp")(width=16), tiny, 3, "cpu").eval()


def test_the_loss_of_identical_poisons_is_that_of_feature_collision() -> None:
    goal, one = torch.tensor([3.0, 4.0]), torch.tensor([6.0, 8.0])
    assert bullseye(one.expand(7, 2), goal).item() == pytest.approx(1.0)  # 5 away from a goal of length 5
    assert torch.allclose(collision(one.expand(7, 2), goal), bullseye(one.expand(7, 2), goal))


def test_bullseye_looks_at_the_mean_alone() -> None:
    around = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert bullseye(around, torch.tensor([1.0, 1.0])).item() == 0
    assert (collision(around, torch.tensor([1.0, 1.0])) == 1).all()


def test_the_simplex_projection_sums_to_one_and_is_idempotent() -> None:
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        once = on_simplex(torch.randn(6, generator=random) * 3)
        assert once.sum().item() == pytest.approx(1, abs=1e-5) and (once >= 0).all()
        assert torch.allclose(on_simplex(once), once, atol=1e-6)
    assert on_simplex(torch.tensor([0.5, 0.3, -4.0])).tolist() == pytest.approx([0.6, 0.4, 0.0])


def test_coefficients_find_a_point_inside_the_hull_and_the_nearest_one_outside() -> None:
    corners, start = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]), torch.full((3,), 1 / 3)
    inside = coefficients(corners, torch.tensor([1.0, 2.0]), start, 500)
    assert (inside @ corners).tolist() == pytest.approx([1.0, 2.0], abs=1e-3)
    outside = coefficients(corners, torch.tensor([-3.0, 1.0]), start, 500)
    assert (outside @ corners).tolist() == pytest.approx([0.0, 1.0], abs=1e-3)


@pytest.mark.parametrize(
    "attack",
    [
        BullseyePolytope(steps=60, poison_fraction=0.05, epsilon=40),
        ConvexPolytope(steps=60, poison_fraction=0.05, epsilon=40),
        FeatureCollision(steps=60, poison_fraction=0.05, epsilon=40),
        FeatureCollision(steps=60, poison_fraction=0.05, epsilon=40, form="l2"),
    ],
    ids=lambda attack: attack.name,
)
def test_crafting_comes_nearer_to_the_target(attack: BullseyePolytope, tiny: ImageSet, net: Net) -> None:
    tools = Tools(0, test=tiny, surrogates=(net,), training=Training(shift=0))
    poisoned = apply(attack, tiny, tools)
    assert poisoned.trace is not None and poisoned.trace.shape == (1, 60)
    assert poisoned.trace[0, -1] < 0.9 * poisoned.trace[0, 0]
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def test_feature_collision_never_gets_worse(tiny: ImageSet, net: Net) -> None:
    tools = Tools(0, test=tiny, surrogates=(net,), training=Training(shift=0))
    poisoned = apply(FeatureCollision(steps=40, step_size=1e5), tiny, tools)  # a rate far too large at first
    assert poisoned.trace is not None and (np.diff(poisoned.trace[0]) <= 1e-6).all()
    assert poisoned.trace[0, -1] < poisoned.trace[0, 0]


def test_views_average_what_the_victim_may_see(tiny: ImageSet, net: Net) -> None:
    target = on_device(tiny.images[:1], "cpu").float() / 255
    other = on_device(tiny.images[1:3], "cpu").float() / 255
    spaces = FeatureSpaces([net], target, [other])
    expected = net.features(torch.cat([target, other])).mean(dim=0)
    assert torch.allclose(spaces.goals[0], expected, atol=1e-5)
