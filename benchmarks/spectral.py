"""Spectral signatures' scores beside numpy's full singular value decomposition of each class, as the field has it.

Features are drawn: means, a few common directions of falling strength and noise in every class, rectified as those of
a network are; one row in a hundred of one class is moved along a direction of its own, as poisons are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.harness import Entry
from core.analysis import spectral

ROWS, WIDTH, CLASSES = 50_000, 512, 10
DIRECTIONS = 20
SEED = 0
TURNS = (7, 3)


def entries(device: str) -> Iterator[Entry]:
    """One size. Both ways are on the CPU, with as many threads as numpy takes by itself."""
    case = Case(*features(ROWS))
    yield Entry(
        name=f"scores of {ROWS} x {WIDTH} features in {CLASSES} classes",
        unit="seconds for all scores",
        ours=case.ours,
        reference=case.full,
        count=1,
        device="cpu",
        agreement=partial(agreement, case),
        turns=TURNS,
    )


@dataclass
class Case:
    """Features and both ways of scoring them."""

    features: np.ndarray
    labels: np.ndarray

    def ours(self) -> np.ndarray:
        """As the defense does it: (n,) float64."""
        return spectral.scores(self.features, self.labels)

    def full(self) -> np.ndarray:
        """All singular vectors of every class, of which the first one is used: (n,) float32."""
        found = np.zeros(len(self.labels), np.float32)
        for label in np.unique(self.labels):
            rows = np.flatnonzero(self.labels == label)
            centred = self.features[rows] - self.features[rows].mean(axis=0)
            top = np.linalg.svd(centred, full_matrices=False)[2][0]
            found[rows] = (centred @ top) ** 2
        return found


def features(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) float32 features and (n,) int64 labels, as many rows of each class as possible."""
    random = np.random.default_rng(SEED)
    labels = random.permutation(np.arange(rows) % CLASSES)
    means = random.normal(scale=0.5, size=(CLASSES, WIDTH)).astype(np.float32)
    common = random.normal(size=(CLASSES, DIRECTIONS, WIDTH)).astype(np.float32)
    common *= (1 / np.arange(1, DIRECTIONS + 1, dtype=np.float32))[:, None] / 4
    strengths = random.normal(size=(rows, DIRECTIONS)).astype(np.float32)
    found = means[labels] + random.normal(scale=0.3, size=(rows, WIDTH)).astype(np.float32)
    for label in range(CLASSES):
        found[labels == label] += strengths[labels == label] @ common[label]
    poisons = np.flatnonzero(labels == 0)[: max(1, rows // CLASSES // 100)]
    found[poisons] += random.normal(scale=0.5, size=WIDTH).astype(np.float32)
    return np.maximum(found, 0), labels


def agreement(case: Case) -> dict[str, float]:
    """Returns `largest_difference`: of two scores of a row, over the mean score of its class."""
    ours, full = case.ours(), case.full()
    worst = 0.0
    for label in np.unique(case.labels):
        rows = case.labels == label
        worst = max(worst, float(np.abs(ours[rows] - full[rows]).max() / full[rows].mean()))
    return {"largest_difference": worst}
