"""Spectral signatures: how far each row stands out along the top singular direction of its class.

Pure functions on arrays; the decision what to remove is the defense's (`core.defenses.spectral_signatures`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg


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
    """Top singular directions of one class's features.

    Works on the smaller of the two Gram matrices in float64 and asks for its top eigenvectors only, which is exact to
    about 1e-8 relative for the leading directions and much faster than a full SVD.

    Args:
        features: (n, d) float, rows of one class, n >= 1.
        count: directions wanted; at most min(n, d) are returned.
    """
    rows = features.astype(np.float64)
    mean = rows.mean(axis=0)
    centred = rows - mean
    n, d = centred.shape
    count = min(count, n, d)
    gram = centred.T @ centred if d <= n else centred @ centred.T
    size = len(gram)
    eigenvalues, vectors = linalg.eigh(gram, subset_by_index=[size - count, size - 1])
    values = np.sqrt(np.maximum(eigenvalues[::-1], 0))
    directions = vectors[:, ::-1].T
    if d > n:
        lengths = np.where(values > 0, values, 1)
        directions = (directions @ centred) / lengths[:, None]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(count), largest])
    return ClassSpectrum(mean, directions * np.where(signs == 0, 1, signs)[:, None], values)


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
        spectrum = class_spectrum(features[rows], count=1)
        own = features[rows].astype(np.float64)
        top = spectrum.directions[0]
        result[rows] = ((own - spectrum.mean) @ top) ** 2 if centred else np.abs(own @ top)
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
