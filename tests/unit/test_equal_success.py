"""What methods cost at the same attack success, on numbers that can be worked out on paper."""

from typing import Any

import pytest

from core.metrics import Rate, difference
from core.runs.comparison import Point
from core.runs.equal_success import equal_success, reference

ADVERSARIAL = "Adversarial poisoning"


def point(
    name: str, strength: str, success: tuple[float, float, float], accuracy: tuple[float, float, float], **more: Any
) -> Point:
    """Rates are (mean, low, high)."""
    rates = [{"mean": mean, "low": low, "high": high, "n": 20} for mean, low, high in (success, accuracy)]
    role = more.pop("role", "defense")
    defense = {"name": name.lower().replace(" ", "_"), "strength": strength} if role == "defense" else None
    return Point("r-1", name, role, defense, name, strength, rates[0], rates[1], 1.0, 1.0)


HELD = point(ADVERSARIAL, "p 0.75", (0.05, 0.01, 0.24), (0.94, 0.93, 0.95))
MILD = point(ADVERSARIAL, "p 0.25", (0.40, 0.22, 0.61), (0.96, 0.95, 0.97))
WEAK = point("DP-SGD", "noise 0.01", (0.60, 0.39, 0.78), (0.95, 0.94, 0.96))
STRONG = point("DP-SGD", "noise 0.1", (0.10, 0.03, 0.30), (0.85, 0.83, 0.87))
STRONGER = point("DP-SGD", "noise 1", (0.00, 0.00, 0.16), (0.60, 0.58, 0.62))


def test_the_strength_with_the_nearest_success_stands_for_a_method() -> None:
    (match,) = equal_success([HELD, MILD, WEAK, STRONG, STRONGER], HELD)
    # 10 % and 0 % are equally near to 5 %: the higher clean accuracy is the kinder choice
    assert match.point == STRONG and match.reference == HELD and match.success == "equal"
    assert match.extra == pytest.approx(0.09)
    # square-and-add: sqrt(0.01^2 + 0.02^2) on both sides
    assert (match.low, match.high) == pytest.approx((0.09 - 0.0223607, 0.09 + 0.0223607), abs=1e-6)
    assert match.costs == "more"


def test_a_method_that_costs_less_is_said_to() -> None:
    cheap = point("Mixup", "", (0.05, 0.01, 0.24), (0.97, 0.965, 0.975))
    (match,) = equal_success([HELD, cheap], HELD)
    assert (match.success, match.costs, match.extra) == ("equal", "less", pytest.approx(-0.03))


def test_a_difference_within_the_noise_is_no_difference() -> None:
    near = point("Cutout", "", (0.05, 0.01, 0.24), (0.935, 0.92, 0.95))
    (match,) = equal_success([HELD, near], HELD)
    assert match.costs == "unclear" and match.low < 0 < match.high


def test_a_method_that_never_gets_there_stands_at_its_nearest() -> None:
    best, worst = (point("Mixup", s, (m, m - 0.1, m + 0.1), (0.96, 0.95, 0.97)) for s, m in (("a", 0.5), ("b", 0.7)))
    (match,) = equal_success([HELD, worst, best], HELD)
    assert match.point == best and match.success == "higher"


def test_a_method_that_lets_fewer_through_at_every_strength() -> None:
    (match,) = equal_success([point("Cutmix", "", (0.0, 0.0, 0.1), (0.9, 0.89, 0.91))], MILD)
    assert match.success == "lower" and match.costs == "more"


def test_intervals_that_overlap_do_not_make_rates_equal() -> None:
    """None of 10 (0 to 28 %) and 5 of 10 (24 to 76 %): square-and-add says 50 points, from 12 on."""
    held = point(ADVERSARIAL, "", (0.0, 0.0, 0.278), (0.9, 0.89, 0.91))
    (match,) = equal_success([held, point("Mixup", "", (0.5, 0.237, 0.763), (0.95, 0.94, 0.96))], held)
    assert match.success == "higher"


def test_a_method_gets_as_low_if_one_of_its_strengths_does() -> None:
    held = point(ADVERSARIAL, "", (0.20, 0.18, 0.22), (0.9, 0.89, 0.91))
    weak, strong = (point("EPIC", s, (m, m - 0.02, m + 0.02), (0.9, 0.89, 0.91)) for s, m in (("a", 0.3), ("b", 0.03)))
    (match,) = equal_success([held, weak, strong], held)
    assert (match.point, match.success) == (strong, "lower"), "though the other one is nearer"


def test_not_told_apart_goes_before_nearness() -> None:
    """A rate that is nearer but clearly another one is not equal."""
    held = point("A", "", (0.30, 0.28, 0.32), (0.9, 0.89, 0.91))
    nearer = point("B", "1", (0.35, 0.34, 0.36), (0.9, 0.89, 0.91))
    overlapping = point("B", "2", (0.50, 0.20, 0.80), (0.9, 0.89, 0.91))
    (match,) = equal_success([held, nearer, overlapping], held)
    assert match.point == overlapping and match.success == "equal"


def test_only_defenses_are_held_against_each_other_and_never_a_method_against_itself() -> None:
    plain = point("No defense", "", (0.9, 0.8, 0.95), (0.96, 0.95, 0.97), role="undefended")
    twin = point("Random", "", (0.9, 0.8, 0.95), (0.96, 0.95, 0.97), role="twin")
    assert equal_success([HELD, MILD, plain, twin], HELD) == []


def test_adversarial_poisoning_is_the_reference_where_it_is_there() -> None:
    assert reference([WEAK, STRONGER, MILD, HELD]) == HELD
    assert reference([WEAK, STRONG, STRONGER]) == STRONGER
    assert reference([point("No defense", "", (0.9, 0.8, 0.95), (0.96, 0.95, 0.97), role="undefended")]) is None


def test_of_equally_low_references_the_more_accurate_one() -> None:
    other = point(ADVERSARIAL, "p 0.5", (0.05, 0.01, 0.24), (0.95, 0.94, 0.96))
    assert reference([HELD, other]) == other


def test_the_difference_of_two_rates() -> None:
    """The example of Newcombe's paper: 56 of 70 against 48 of 80 is 0.20, from 0.0524 to 0.3339 (method 10)."""
    one = Rate(0.8, 0.6916, 0.8773, 70)
    other = Rate(0.6, 0.4904, 0.7004, 80)
    assert difference(one, other) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-4)
