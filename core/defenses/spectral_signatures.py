"""Spectral signatures: remove the rows that stand out along the top singular vector of their class, and retrain."""

from typing import Literal

import numpy as np

from core.analysis import spectral
from core.defenses.base import Fact, Filter, View
from core.spec import setting


class SpectralSignatures(Filter):
    """Remove the most outlying rows of every class, 1.5 times as many as there may be poisons.

    Source: Tran, Li, Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018, algorithm 1. Departures: at most
        a fixed share of a class is removed (`cap`); `score = "uncentred"` reproduces the score of the authors' released
        code instead of the paper's.
    """

    title = "Spectral signatures"
    summary = "Poisons shift their class's mean; the top singular vector shows who stands apart."
    source = "Tran, Li, Madry (2018), arXiv:1811.00636"
    fails_when = (
        "Poisons do not shift the features of their class: clean-label poisons with a small epsilon, triggers with "
        "covers that keep their labels, or so many poisons that they are the class."
    )

    assumed_count: int | None = setting(
        None, "Poisons that a class may hold, as the defender believes; empty: the defender is told the true number.",
        unit="rows", ge=1, le=1_000_000,
    )  # fmt: skip
    multiplier: float = setting(1.5, "Rows removed per assumed poison.", gt=0, le=10)
    classes: Literal["all", "target"] = setting(
        "all", "Clean every class, as the paper says, or only the target class, which the defender is then told."
    )
    cap: float = setting(0.5, "Largest share of a class that is removed.", unit="fraction", gt=0, le=1, advanced=True)
    score: Literal["centred", "uncentred"] = setting(
        "centred",
        "centred: the paper's score. uncentred: that of the authors' released code, kept for comparison.",
        advanced=True,
    )

    @property
    def knows(self) -> tuple[Fact, ...]:
        facts: tuple[Fact, ...] = () if self.assumed_count is not None else ("poison_count",)
        return facts + (("target_class",) if self.classes == "target" else ())

    def scores(self, view: View) -> np.ndarray:
        return spectral.scores(view.features, view.labels, centred=self.score == "centred")

    def flag(self, scores: np.ndarray, view: View) -> np.ndarray:
        assumed = self.assumed_count if self.assumed_count is not None else view.fact("poison_count")
        labels = [view.fact("target_class")] if self.classes == "target" else np.unique(view.labels)
        flagged = np.zeros(len(scores), dtype=bool)
        for label in labels:
            rows = np.flatnonzero(view.labels == label)
            count = min(round(self.multiplier * assumed), int(self.cap * len(rows)))
            flagged[rows[np.argsort(-scores[rows], kind="stable")[:count]]] = True
        return flagged
