"""Screening: the suspects of three looks at once, so that none of them has to be believed alone."""

import numpy as np

from core.analysis import spectral
from core.analysis.neighbours import votes
from core.analysis.two_means import halves, reduced, silhouette
from core.defenses.base import Filter, View
from core.spec import setting

CERTAIN = 1.0
"""Scores from this on are of rows that a look points at; lower ones say how far out a row is, beside the furthest."""
BELOW = 1.000001
"""Keeps the furthest row of a class below CERTAIN."""


class Screening(Filter):
    """Remove a class's smaller group where the class falls in two, rows that their neighbours outvote, and the rows
    that stand out furthest along the top singular vector of their class.

    It is told nothing, and takes suspects of every class: what is made of them, beside as many rows drawn at random,
    says whether they are any (`core.analysis.inspection`).

    Source: none for the three together. The groups are those of Chen et al. 2018 (activation clustering), the votes
        those of Peri et al. 2020 (deep k-NN), the direction that of Tran, Li and Madry 2018 (spectral signatures).
    """

    title = "Screening"
    summary = (
        "Every class's smaller group, outvoted rows and furthest rows together: suspects of a check, not verdicts."
    )
    source = "Tran et al. (2018), Chen et al. (2018), Peri et al. (2020) together; no paper"
    fails_when = (
        "There is nothing to find: it removes rows of every class anyway. And where poisons lie inside their class, as "
        "clean-label poisons with a small epsilon do, or are most of it."
    )

    share: float = setting(0.05, "Furthest rows of every class that go in any case.", unit="fraction", ge=0, le=0.5)
    largest: float = setting(
        0.35, "Share of its class up to which a group is the smaller one that goes.", unit="fraction", gt=0, le=0.5
    )
    apart: float = setting(
        0.35, "Mean silhouette from which on a class falls in two groups.", ge=-1, le=1, advanced=True
    )
    neighbours: int = setting(20, "Neighbours that vote on a row's label.", unit="rows", ge=1, le=1000, advanced=True)

    def scores(self, view: View) -> np.ndarray:
        far = spectral.scores(view.features, view.labels)
        result = np.zeros(len(view.labels))
        outvoted = self._outvoted(view)
        for label in np.unique(view.labels):
            rows = np.flatnonzero(view.labels == label)
            result[rows] = far[rows] / max(BELOW * far[rows].max(), 1e-12)
            result[rows] += CERTAIN * (self._group(view, rows) | (outvoted[rows] > 0))
        return result

    def flag(self, scores: np.ndarray, view: View) -> np.ndarray:
        flagged = scores >= CERTAIN
        for label in np.unique(view.labels):
            rows = np.flatnonzero(view.labels == label)
            furthest = rows[np.argsort(-scores[rows], kind="stable")[: round(self.share * len(rows))]]
            flagged[furthest] = True
        return flagged

    def _group(self, view: View, rows: np.ndarray) -> np.ndarray:
        """(m,) bool, who of a class is in its smaller group; nobody where it is one group."""
        points = reduced(view.features[rows], 10, whitened=False)
        found = halves(points)
        if found is None or found.second.mean() > self.largest or silhouette(points, found.second) < self.apart:
            return np.zeros(len(rows), dtype=bool)
        return found.second

    def _outvoted(self, view: View) -> np.ndarray:
        """(n,) int64, by how many votes another label leads over the row's own; at most 0 where it does not."""
        found = votes(view.features, view.labels, max(1, min(self.neighbours, len(view.labels) - 1)))
        return found.rival - found.own
