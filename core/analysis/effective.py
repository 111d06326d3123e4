"""Which poisons take effect, as far as gradients tell: those whose gradient is near the target's. No torch: pages ask.

A poison whose gradient is the one that would teach the target its wrong label does the attacker's work at that epoch;
the others only lend their class another image (Yang, Liu, Mirzasoleiman, "Not All Poisons are Created Equal", 2022,
section 3.2, which draws the line by eye in a histogram of distances; here it is a threshold).
"""

import numpy as np

THRESHOLD = 0.5
"""Euclidean distance at the logits, where gradients are softmax - onehot and two of them are at most 2 apart. In the
paper's histogram effective poisons lie below 0.2 and the others above 1.4."""
MOST = 0.5
"""Share of clean rows of the wanted class within the threshold from which on the threshold tells nothing."""


def to_target(gradients: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance and cosine of rows' gradients to the target's.

    Args:
        gradients: (e, m, k) float, softmax - onehot of m rows after each of e epochs.
        target: (e, k) float, that of the target with the label that the attacker wants.

    Returns:
        distances, cosines: each (e, m) float32; a cosine is 0 where one of the gradients is zero.
    """
    rows, aim = np.asarray(gradients, dtype=np.float32), np.asarray(target, dtype=np.float32)[:, None]
    distances = np.linalg.norm(rows - aim, axis=2)
    lengths = np.linalg.norm(rows, axis=2) * np.linalg.norm(aim, axis=2)
    products = (rows * aim).sum(axis=2)
    return distances, np.where(lengths > 0, products / np.maximum(lengths, 1e-12), 0).astype(np.float32)


def effective(distances: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Which poisons are effective: their gradient is at most `threshold` away from the target's.

    Args:
        distances: (e, p) float, of the poisons' gradients to the target's.
        threshold: euclidean distance.

    Returns:
        (e, p) bool.
    """
    return distances <= threshold


def telling(clean: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """At which epochs nearness to the target means anything.

    It does not where most clean rows of the wanted class are as near: a network that has learned nothing answers alike
    to every image, and one that has learned the target's wrong label has no gradient left, like every row that it has
    learned.

    Args:
        clean: (e, m) float, distances of the gradients of clean rows that carry the wanted label.
        threshold: euclidean distance.

    Returns:
        (e,) bool; all True where there are no such rows.
    """
    if clean.shape[1] == 0:
        return np.ones(len(clean), dtype=bool)
    return (clean <= threshold).mean(axis=1) < MOST
