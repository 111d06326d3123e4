"""Two clusters of the rows of a class, found without any drawing of starting points."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from core.analysis.spectral import class_spectrum

ROUNDS = 300
"""Rounds of Lloyd's algorithm; in practice it stands still after a dozen."""
CHUNK = 1000
"""Rows whose distances to all others are in memory at once."""


@dataclass(frozen=True)
class Halves:
    """Two clusters.

    Attributes:
        second: (n,) bool, who belongs to the smaller cluster; of two of the same size, the one that is less spread.
        position: (n,) float64, where each row lies on the line between the means: -1 at the larger cluster's, 1 at the
            smaller one's, 0 in the middle, where one cluster ends and the other begins.
    """

    second: np.ndarray
    position: np.ndarray


def reduced(features: np.ndarray, dimensions: int, *, whitened: bool) -> np.ndarray:
    """Coordinates of rows on the principal axes of what is given.

    Args:
        features: (n, d) float, n >= 1.
        dimensions: wanted; at most min(n, d) are there.
        whitened: divide each axis by its standard deviation; axes without any are left out.

    Returns:
        (n, r) float64, centred.
    """
    spectrum = class_spectrum(features, dimensions)
    found = (features.astype(np.float64) - spectrum.mean) @ spectrum.directions.T
    if not whitened:
        return found
    varying = spectrum.values > 1e-6 * max(spectrum.values[0], 1e-12)
    return found[:, varying] / (spectrum.values[varying] / np.sqrt(len(features)))


def halves(points: np.ndarray) -> Halves | None:
    """The best of the two-means clusterings that begin with a cut through the mean across one of the axes.

    Args:
        points: (n, r) float64, centred.

    Returns:
        None where there is only one cluster: all rows are alike.
    """
    found = [each for each in (_settled(points, points[:, axis] > 0) for axis in range(points.shape[1])) if each]
    if not found:
        return None
    spread, second = min(found, key=lambda each: each[0])
    if (second.sum(), _spread(points[second])) > ((~second).sum(), _spread(points[~second])):
        second = ~second
    small, large = points[second].mean(axis=0), points[~second].mean(axis=0)
    axis = small - large
    position = (points - (small + large) / 2) @ axis * 2 / (axis @ axis)
    return Halves(second, position)


def silhouette(points: np.ndarray, second: np.ndarray) -> float:
    """How well two clusters are apart: the mean silhouette of all rows, -1 to 1; alone in a cluster counts 0."""
    total = 0.0
    for first in range(0, len(points), CHUNK):
        part, own = points[first : first + CHUNK], second[first : first + CHUNK]
        sums = {side: cdist(part, points[second == side]).sum(axis=1) for side in (False, True)}
        counts = {side: int((second == side).sum()) for side in (False, True)}
        mine = np.where(own, counts[True], counts[False]) - 1
        near = np.where(own, sums[True], sums[False]) / np.maximum(mine, 1)
        far = np.where(own, sums[False] / max(counts[False], 1), sums[True] / max(counts[True], 1))
        larger = np.maximum(np.maximum(near, far), 1e-300)
        total += float(np.where(mine > 0, (far - near) / larger, 0.0).sum())
    return total / len(points)


def _settled(points: np.ndarray, second: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Lloyd's algorithm from a first division: the squared distances left over, and who is in the second cluster."""
    for _ in range(ROUNDS):
        if second.all() or not second.any():
            return None
        one, other = points[~second].mean(axis=0), points[second].mean(axis=0)
        moved = ((points - other) ** 2).sum(axis=1) < ((points - one) ** 2).sum(axis=1)
        if np.array_equal(moved, second):
            break
        second = moved
    if second.all() or not second.any():
        return None
    return _spread(points[second]) * second.sum() + _spread(points[~second]) * (~second).sum(), second


def _spread(points: np.ndarray) -> float:
    """Mean squared distance to the mean."""
    return float(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())
