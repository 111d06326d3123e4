"""What methods cost at the same attack success: the fair question where each of them has a strength to turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.metrics import Rate, difference
from core.runs.comparison import FIRST, Point
from core.runs.comparison import Rate as Told


@dataclass(frozen=True)
class Match:
    """A method at the strength at which it can best be held against the reference.

    Attributes:
        point: the method.
        reference: what it is held against.
        success: `equal`: the 95 % interval of the difference holds zero. No strength is equal, and this one lets fewer
            through: `lower`. Every strength tried lets more through: `higher`.
        extra: points of clean accuracy that it costs beyond the reference, as shares; negative where it costs less.
        low, high: 95 % interval of that.
    """

    point: Point
    reference: Point
    success: Literal["equal", "higher", "lower"]
    extra: float
    low: float
    high: float

    @property
    def costs(self) -> Literal["more", "less", "unclear"]:
        """What can be said of the cost: the interval leaves out zero, or it does not."""
        return "more" if self.low > 0 else "less" if self.high < 0 else "unclear"


def reference(points: Sequence[Point]) -> Point | None:
    """The defense that others are held against unless somebody chooses another one.

    Returns:
        Adversarial poisoning, or where it is not there any defense: the point with the lowest attack success, of equal
        ones that with the highest clean accuracy. None where nothing defends.
    """
    defended = [point for point in points if point.role == "defense"]
    first = [point for point in defended if point.defense and point.defense["name"] == FIRST]
    return min(first or defended, key=lambda one: (one.success["mean"], -one.accuracy["mean"]), default=None)


def equal_success(points: Sequence[Point], held: Point) -> list[Match]:
    """Every other method at the strength whose attack success is nearest to one point's.

    Of strengths that cannot be told apart from the point the nearest is taken, of equally near ones the one with the
    highest clean accuracy. Where all can, the nearest of those that let fewer through stands for the method, and where
    there are none of these either, the nearest of all.

    Args:
        points: of one comparison; only defenses count.
        held: one of them.

    Returns:
        One a method, in the order of the points.
    """
    methods: dict[str, list[Point]] = {}
    for point in points:
        if point.role == "defense" and point.name != held.name:
            methods.setdefault(point.name, []).append(point)
    return [_match(strengths, held) for strengths in methods.values()]


def _match(strengths: list[Point], held: Point) -> Match:
    equal = [point for point in strengths if _told_apart(point, held) == "equal"]
    lower = [point for point in strengths if _told_apart(point, held) == "lower"]
    nearest = min(equal or lower or strengths, key=lambda one: (_apart(one, held), -one.accuracy["mean"]))
    gap, low, high = difference(_rate(held.accuracy), _rate(nearest.accuracy))
    return Match(nearest, held, _told_apart(nearest, held), gap, low, high)


def _told_apart(one: Point, other: Point) -> Literal["equal", "higher", "lower"]:
    """How the attack success of one lies to that of another."""
    _, low, high = difference(_rate(one.success), _rate(other.success))
    return "higher" if low > 0 else "lower" if high < 0 else "equal"


def _apart(one: Point, other: Point) -> float:
    return round(abs(one.success["mean"] - other.success["mean"]), 9)


def _rate(told: Told) -> Rate:
    return Rate(told["mean"], told["low"], told["high"], told["n"])
