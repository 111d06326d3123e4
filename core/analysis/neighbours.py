"""Which rows are nearest in feature space, and which labels they have."""

from dataclasses import dataclass

import numpy as np

CHUNK = 500
"""Rows whose distances to all others are in memory at once."""


@dataclass(frozen=True)
class Votes:
    """What a row's neighbours say.

    Attributes:
        own: (n,) int64, how many neighbours carry the row's own label.
        rival: (n,) int64, how many carry the commonest other label.
        leaning: (n,) float64 in [-1, 1], positive where the nearest row of another class is nearer than the nearest of
            the same one: (own distance - other distance) / their sum.
    """

    own: np.ndarray
    rival: np.ndarray
    leaning: np.ndarray


def votes(features: np.ndarray, labels: np.ndarray, count: int) -> Votes:
    """Ask the nearest neighbours of every row, itself excluded, by angle: features are scaled to length 1.

    Args:
        features: (n, d) float, n >= 2.
        labels: (n,) int64.
        count: neighbours of a row, 1 to n - 1.
    """
    n = len(labels)
    unit = _unit(features)
    names, given = np.unique(labels, return_inverse=True)
    own, rival, leaning = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n)
    for first in range(0, n, CHUNK):
        rows = np.arange(first, min(first + CHUNK, n))
        within = rows - first
        near = unit[rows] @ unit.T
        near[within, rows] = -np.inf
        nearest = np.argpartition(-near, count - 1, axis=1)[:, :count]
        tally = np.zeros((len(rows), len(names)), np.int64)
        np.add.at(tally, (np.repeat(within, count), given[nearest].ravel()), 1)
        own[rows] = tally[within, given[rows]]
        tally[within, given[rows]] = 0
        rival[rows] = tally.max(axis=1)
        same = given[rows][:, None] == given[None, :]
        to_own = _nearest(unit, rows, np.where(same, near, -np.inf))
        to_other = _nearest(unit, rows, np.where(same, -np.inf, near))
        leaning[rows] = _leaning(to_own, to_other)
    return Votes(own, rival, leaning)


def nearest(points: np.ndarray, row: int, count: int, *, by_angle: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The rows nearest to one row, itself excluded.

    Args:
        points: (n, d) float, such as features.
        row: whose neighbours, 0 to n - 1.
        count: how many; fewer where there are fewer rows.
        by_angle: whether points are scaled to length 1, as `votes` does; distances then lie between 0 and 2.

    Returns:
        (m,) int64 row ids, the nearest first, equal ones by number; (m,) float64 distances.
    """
    placed = _unit(np.asarray(points)) if by_angle else np.asarray(points)
    distances = np.linalg.norm(placed.astype(np.float64) - placed[row], axis=1)
    distances[row] = np.inf
    order = np.argsort(distances, kind="stable")[: min(count, len(placed) - 1)]
    return order.astype(np.int64), distances[order]


def _unit(features: np.ndarray) -> np.ndarray:
    """Features scaled to length 1; (n, d)."""
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))


def _nearest(unit: np.ndarray, rows: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(m,) float64, exact distance to whom `near` says is nearest; infinite where it allows nobody."""
    best = near.argmax(axis=1)
    distance = np.linalg.norm(unit[rows].astype(np.float64) - unit[best], axis=1)
    return np.where(np.isneginf(near[np.arange(len(rows)), best]), np.inf, distance)


def _leaning(to_own: np.ndarray, to_other: np.ndarray) -> np.ndarray:
    far = 4.0  # further than two rows of length 1 can be, where there is nobody
    to_own, to_other = np.minimum(to_own, far), np.minimum(to_other, far)
    return (to_own - to_other) / np.maximum(to_own + to_other, 1e-300)
