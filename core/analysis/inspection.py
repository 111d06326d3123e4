"""What stands apart in a labelled set: numbers a class, to be compared with those of sets that are known."""

import numpy as np

from core.analysis import spectral
from core.analysis.facility_location import select
from core.analysis.neighbours import votes
from core.analysis.two_means import halves, reduced, silhouette

DIMENSIONS = 10
NEIGHBOURS = 20
MEDOIDS = 0.1
"""Medoids among all rows, where rows that stand alone are counted: what EPIC takes."""
FURTHEST = 0.05
FEWEST = 8
"""Rows of a class below which nothing is said about it."""


def groups(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(k,) float64, mean silhouette of the best division of each class in two; NaN where there are too few rows.

    Args:
        features: (n, d) float.
        labels: (n,) int64 in [0, classes).
        classes: k.
    """
    found = np.full(classes, np.nan)
    for label, rows in _classes(labels, classes):
        points = reduced(features[rows], DIMENSIONS, whitened=False)
        two = halves(points)
        found[label] = 0.0 if two is None else silhouette(points, two.second)
    return found


def direction(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(k,) float64 in [0, 1], how far each class falls apart along its top singular vector; arguments as `groups`.

    It is the largest share of the variance along that direction that one cut explains: 0.64 of a normal distribution,
    1 of two points.
    """
    found = np.full(classes, np.nan)
    for label, rows in _classes(labels, classes):
        spectrum = spectral.class_spectrum(features[rows], count=1)
        found[label] = _cut((features[rows].astype(np.float64) - spectrum.mean) @ spectrum.directions[0])
    return found


def _cut(values: np.ndarray) -> float:
    ordered = np.sort(values)
    total = ordered.var()
    if total < 1e-18:
        return 0.0
    n = len(ordered)
    left = np.arange(1, n) / n
    low = np.cumsum(ordered)[:-1] / np.arange(1, n)
    high = (ordered.sum() - np.cumsum(ordered)[:-1]) / np.arange(n - 1, 0, -1)
    return float((left * (1 - left) * (high - low) ** 2).max() / total)


def outvoted(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(k,) float64, share of each class's rows whose nearest neighbours carry another label; arguments as `groups`."""
    told = votes(features, labels, max(1, min(NEIGHBOURS, len(labels) - 1)))
    return _shares(told.rival > told.own, labels, classes)


def alone(gradients: np.ndarray, labels: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
    """(k,) float64, share of each class's rows that stand alone in gradient space: medoids with no other row.

    Args:
        gradients: (n, k) float32, softmax - onehot.
        labels, classes: as `groups`.
        random: see `select`.
    """
    if len(labels) * MEDOIDS < classes:
        return np.full(classes, np.nan)
    found = select(gradients, labels, MEDOIDS, random=random)
    return _shares(found.sizes[found.cluster] == 1, labels, classes)


def _classes(labels: np.ndarray, classes: int) -> list[tuple[int, np.ndarray]]:
    """Classes with enough rows, and those rows."""
    found = [(label, np.flatnonzero(labels == label)) for label in range(classes)]
    return [(label, rows) for label, rows in found if len(rows) >= FEWEST]


def _shares(chosen: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    shares = np.full(classes, np.nan)
    for label, rows in _classes(labels, classes):
        shares[label] = chosen[rows].mean()
    return shares
