"""What runs beside each other say about defenses, in sentences made only from the stored numbers."""

from collections.abc import Sequence
from typing import Any

from core.describe import within
from core.runs.comparison import Comparison, Point
from core.runs.equal_success import Match, equal_success, reference
from core.verdict import FAILED, Verdict, of, percent

Result = dict[str, Any]
SPOKEN = 4
"""Defenses that the verdict speaks of; the table has all of them."""


def verdict(told: Comparison, result: Result, held: Point | None = None) -> Verdict:
    """What comes through each defense, and what it costs, on the same poisons.

    Args:
        told: arms that met the same poisons.
        result: of one of the runs, for what attack success was measured on.
        held: the defense that the others are held against; `reference` chooses it where it is not given.
    """
    plain, held = told.undefended, held or reference(told.points)
    if plain is None:
        return Verdict("The attack’s success without a defense was not measured, so nothing can be compared.", "plain")
    same = _same(plain, result)
    opening = f"On the same {same}, {_alone(plain, result)} through without a defense"
    if held is None:
        return Verdict(f"{opening}; no defense was tried.", "plain" if plain.success["mean"] < FAILED else "bad")
    matches = sorted(equal_success(told.points, held), key=lambda match: match.point.success["mean"])
    spoken = [held, *(match.point for match in matches[: SPOKEN - 1])]
    parts = [
        f"{subject(point)} {_lets(point, result)} and {_pays(point, plain, first=point is held)}" for point in spoken
    ]
    said = f"{opening}; {'; '.join(parts)}."
    if (more := len(matches) + 1 - len(spoken)) > 0:
        said += f" {more} more {'defense is' if more == 1 else 'defenses are'} in the chart."
    return Verdict(said + _not_worse(matches), _tone(told, plain))


def _not_worse(matches: Sequence[Match]) -> str:
    """Who does as well as the reference at no higher price: a finding that belongs in the verdict."""
    as_low = [match for match in matches if match.success != "higher"]
    groups = [
        (names, words)
        for costs, words in (("less", "less"), ("unclear", "no clearly more"))
        if (names := [subject(match.point) for match in as_low if match.costs == costs])
    ]
    if not groups:
        return ""
    said = [f"{' and '.join(names)} {'costs' if len(names) == 1 else 'cost'} {words}" for names, words in groups]
    return f" With no clearly higher success {', '.join(said)} than {subject(as_low[0].reference)}."


def _tone(told: Comparison, plain: Point) -> str:
    best = min(point.success["mean"] for point in told.defended)
    return "plain" if plain.success["mean"] < FAILED else "good" if best < FAILED else "bad"


def finding(match: Match, result: Result) -> str:
    """What one method costs beside another at the same attack success; said too where it is not the worse one."""
    other, held = match.point, match.reference
    name, rival = capital(subject(other)), subject(held)
    rates = f"({_short(other, result)} against {_short(held, result)})"
    same = f"where success cannot be told apart {rates}"
    if match.success == "higher":
        return (
            f"{capital(within(other.name))} does not get as low: {_nearest(other)} {_lets(other, result)}, "
            f"{rival} {_short(held, result)}."
        )
    if match.success == "lower":
        return f"{name} lets fewer through {rates} and {_extra(match)} than {rival}."
    if match.costs == "unclear":
        return f"{name} and {rival} cost alike {same}: {_within(match)}."
    better = match.costs == "less" and other.success["mean"] <= held.success["mean"]
    ending = " Here it is the better choice." if better else ""
    return f"{name} {_extra(match)} than {rival}, {same}.{ending}"


def subject(point: Point) -> str:
    """A point within a sentence: `adversarial poisoning at p 0.75`."""
    how = "with" if "," in point.strength else "at"
    return within(point.name) + (f" {how} {point.strength}" if point.strength else "")


def capital(words: str) -> str:
    """The beginning of a sentence."""
    return words[:1].upper() + words[1:]


def _nearest(point: Point) -> str:
    return f"the nearest, {point.strength}," if point.strength else "it"


def _same(plain: Point, result: Result) -> str:
    n = plain.success["n"]
    if result.get("pairs"):
        return "trial" if n == 1 else f"{n:,} trials"
    return f"{n:,} test images that the attacker shows"


def _alone(point: Point, result: Result) -> str:
    if not result.get("pairs"):
        return f"{percent(point.success['mean'])} get"
    return f"{_hits(point) or 'none'} {'gets' if _hits(point) == 1 else 'get'}"


def _lets(point: Point, result: Result) -> str:
    return f"lets {_short(point, result)} through"


def _short(point: Point, result: Result) -> str:
    """Counts where they are few enough to be imagined, else a share."""
    if not result.get("pairs"):
        return percent(point.success["mean"])
    return of(point.success) if _hits(point) else f"none of {point.success['n']:,}"


def _hits(point: Point) -> int:
    return round(point.success["mean"] * point.success["n"])


def _pays(point: Point, plain: Point, first: bool) -> str:
    lost = round(100 * (plain.accuracy["mean"] - point.accuracy["mean"]), 1)
    what = " of clean accuracy" if first else ""
    if not lost:
        return f"costs nothing{what and ' in clean accuracy'}"
    return f"{'costs' if lost > 0 else 'gains'} {_points(lost)}{what}"


def _points(amount: float) -> str:
    return f"{abs(amount):.1f} point{'' if abs(amount) == 1 else 's'}"


def _extra(match: Match) -> str:
    more = "more" if match.extra > 0 else "less"
    low, high = sorted((100 * abs(match.low), 100 * abs(match.high)))
    if match.costs == "unclear":
        return f"costs {_points(100 * match.extra)} {more} ({_interval(match)})"
    return f"costs {_points(100 * match.extra)} {more} (95 % interval {low:.1f} to {high:.1f})"


def _within(match: Match) -> str:
    return f"the difference of {_points(100 * match.extra)} is within the noise ({_interval(match)})"


def _interval(match: Match) -> str:
    return f"95 % interval {_signed(match.low)} to {_signed(match.high)}"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
