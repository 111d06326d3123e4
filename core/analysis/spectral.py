"""Spectral signatures: how far each row stands out along the top singular direction of its class.

Pure functions on arrays; the decision what to remove is the defense's (`core.defenses.spectral_signatures`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

WIDE = 256
"""Rows and features from which on a single direction is found step by step: the Gram matrix then costs most of all."""
STEPS, TOLERANCE = 60, 1e-12
"""How many steps are tried, and the residual, as a share of the eigenvalue, at which they have settled."""


@dataclass(frozen=True)
class ClassSpectrum:
    """The singular directions of one class.

    Attributes:
        mean: (d,) float64, mean of the class's features.
        directions: (r, d) float64, top right singular vectors of the centred features, signs fixed so that the
            largest coordinate in absolute value is positive.
        values: (r,) float64, all singular values that were asked for, descending.
    """

    mean: np.ndarray
    directions: np.ndarray
    values: np.ndarray


def class_spectrum(features: np.ndarray, count: int = 3) -> ClassSpectrum:
    """Top singular directions of one class's features, in float64.

    Exact to about 1e-8 relative for the leading directions, and much faster than a full SVD: they are eigenvectors of
    the smaller of the two Gram matrices. A single direction of wide features is found by Lanczos steps instead.

    Args:
        features: (n, d) float, rows of one class, n >= 1.
        count: directions wanted; at most min(n, d) are returned.
    """
    return _centred_spectrum(features, count)[0]


def _centred_spectrum(features: np.ndarray, count: int) -> tuple[ClassSpectrum, np.ndarray]:
    """The spectrum, and the (n, d) float64 centred features that it is of."""
    rows = features.astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    top = _by_steps(rows) if count == 1 and min(rows.shape) >= WIDE else None
    values, directions = top or _by_gram(rows, min(count, *rows.shape))
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    return ClassSpectrum(mean, directions * np.where(signs == 0, 1, signs)[:, None], values), rows


def _by_gram(centred: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(count,) singular values and (count, d) directions, from the smaller Gram matrix."""
    n, d = centred.shape
    gram = centred.T @ centred if d <= n else centred @ centred.T
    size = len(gram)
    eigenvalues, vectors = linalg.eigh(gram, subset_by_index=[size - count, size - 1])
    values = np.sqrt(np.maximum(eigenvalues[::-1], 0))
    directions = vectors[:, ::-1].T
    if d > n:
        lengths = np.where(values > 0, values, 1)
        directions = (directions @ centred) / lengths[:, None]
    return values, directions


def _by_steps(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The top singular value, (1,), and its direction, (1, d), by Lanczos steps; None where they do not settle.

    Each step goes twice through the rows. The start is drawn, always the same: one taken from the rows may have nothing
    of the direction that is looked for. Steps are made orthogonal to all earlier ones twice over, which is enough.
    """
    drawn: np.ndarray = np.random.default_rng(0).standard_normal((centred.shape[1],))
    step = drawn / np.linalg.norm(drawn)
    steps, diagonal, beside = np.empty((STEPS, len(step))), np.empty(STEPS), np.empty(STEPS)
    for k in range(STEPS):
        steps[k] = step
        found = centred.T @ (centred @ step)
        diagonal[k] = step @ found
        for _ in range(2):
            found -= (steps[: k + 1] @ found) @ steps[: k + 1]
        beside[k] = np.linalg.norm(found)
        values, mix = linalg.eigh_tridiagonal(diagonal[: k + 1], beside[:k], select="i", select_range=(k, k))
        if beside[k] * abs(mix[k, 0]) <= TOLERANCE * values[0]:
            direction = mix[:, 0] @ steps[: k + 1]
            return np.sqrt(np.maximum(values, 0)), direction[None] / np.linalg.norm(direction)
        step = found / beside[k]
    return None


def scores(features: np.ndarray, labels: np.ndarray, *, centred: bool = True) -> np.ndarray:
    """Outlier score of every row within its class.

    Args:
        features: (n, d) float.
        labels: (n,) int64, as given (that is, after poisoning).
        centred: the paper's score, the squared projection of the centred features. False gives the absolute projection
            of the uncentred features, as the authors' released code and several libraries compute it.

    Returns:
        (n,) float64, higher = more suspicious; 0 in classes of one row.

    Source: Tran, Li, Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018, algorithm 1.
    """
    result = np.zeros(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            continue
        spectrum, moved = _centred_spectrum(features[rows], count=1)
        top = spectrum.directions[0]
        result[rows] = (moved @ top) ** 2 if centred else np.abs(features[rows].astype(np.float64) @ top)
    return result


def projection(
    features: np.ndarray, labels: np.ndarray, classes: int, count: int = 3, kept: int = 16
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of every row on the top singular directions of its own class.

    Args:
        features: (n, d) float.
        labels: (n,) int64 in [0, classes).
        classes: number of classes.
        count: coordinates per row.
        kept: singular values per class.

    Returns:
        (n, count) float32 centred coordinates, zero where a class has too few rows, and (classes, kept) float32
        singular values.
    """
    coordinates = np.zeros((len(labels), count), np.float32)
    values = np.zeros((classes, kept), np.float32)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            continue
        spectrum = class_spectrum(features[rows], count=kept)
        top = spectrum.directions[:count]
        coordinates[rows, : len(top)] = (features[rows].astype(np.float64) - spectrum.mean) @ top.T
        values[label, : len(spectrum.values)] = spectrum.values
    return coordinates, values
