"""Points that look alike on a map, by what they are coloured by: shape and hue say the same, either is enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.figures import palette


@dataclass(frozen=True)
class Group:
    """Points that look alike.

    Attributes:
        name: in the legend.
        points: (m,) bool.
        colour, symbol: two channels, so that neither has to be seen.
        size: pixels.
    """

    name: str
    points: np.ndarray
    colour: str
    symbol: str
    size: int = 6


SHARES = (1, 5, 25)
"""Percent of all rows, the most suspicious first, at which groups of scores end."""
SCORE_LOOKS = (
    (palette.VERMILION, "diamond", 9),
    ("#E69F00", "square", 7),
    (palette.EXTRA[0], "triangle-up", 7),
    (palette.BLUE, "circle", 6),
)


def there(groups: Sequence[Group]) -> list[Group]:
    """The groups that have points."""
    return [group for group in groups if group.points.any()]


def alike(n: int, name: str) -> list[Group]:
    """All n points in one group."""
    return [Group(name, np.ones(n, bool), palette.CLEAN["color"], palette.CLEAN["symbol"], 7)]


def by_poison(poison: np.ndarray, cover: np.ndarray | None = None) -> list[Group]:
    """Clean rows, covers and poisons, these on top; (m,) bool each, the truth."""
    covers = np.zeros(len(poison), bool) if cover is None else cover & ~poison
    groups = [
        Group("Clean rows", ~poison & ~covers, palette.CLEAN["color"], palette.CLEAN["symbol"], 7),
        Group("Covers", covers, palette.PURPLE, "square", 7),
        Group("Poisons", poison, palette.POISON["color"], palette.POISON["symbol"], 7),
    ]
    return [groups[0], *there(groups[1:2]), groups[2]]


def by_removal(removed: np.ndarray) -> list[Group]:
    """What a filter keeps and what it removes; (m,) bool."""
    return there(
        [
            Group("Kept", ~removed, palette.CLEAN["color"], palette.CLEAN["symbol"], 7),
            Group("Removed", removed, palette.GREEN, "diamond", 8),
        ]
    )


def by_score(scores: np.ndarray) -> list[Group]:
    """By place among all scores, the most suspicious rows on top; equal scores by their order.

    Args:
        scores: (m,) float, higher = more suspicious.
    """
    place = np.empty(len(scores), np.int64)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    ends = [0, *(round(len(scores) * share / 100) for share in SHARES), len(scores)]
    names = [f"Highest {SHARES[0]} % of scores", *(f"{a} to {b} %" for a, b in zip(SHARES, SHARES[1:], strict=False))]
    names.append(f"The other {100 - SHARES[-1]} %")
    groups = [
        Group(name, (place >= first) & (place < last), *look)
        for name, first, last, look in zip(names, ends, ends[1:], SCORE_LOOKS, strict=False)
    ]
    return there(groups[::-1])


def places(rows: np.ndarray, selected: np.ndarray | None) -> list[int] | None:
    """Which points of a trace are drawn as chosen; None where nothing at all is, and none of them fades.

    Args:
        rows: (m,) int64, the trace's row ids.
        selected: row ids that are chosen, in this trace or in others.
    """
    if selected is None or not len(selected):
        return None
    return [int(place) for place in np.flatnonzero(np.isin(rows, selected))]
