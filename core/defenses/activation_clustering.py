"""Activation clustering: divide the features of every class in two, and remove a part that stands apart."""

from typing import Literal

import numpy as np

from core.analysis.two_means import halves, reduced, silhouette
from core.defenses.base import Filter, View
from core.spec import setting


class ActivationClustering(Filter):
    """Two-means on every class's features; the smaller cluster goes where it is small enough, or apart enough.

    Source: Chen et al., "Detecting Backdoor Attacks on Deep Neural Networks by Activation Clustering", 2018.
        Departures: principal components unless `reduction = "ica"`; independent components of unit variance are
        whitened principal ones turned, which two-means cannot tell apart, so they are not turned. The clustering starts
        from a cut across each axis and keeps the best, so that nothing is drawn. Reclassification by a model trained on
        the rest is left out; of clusters of the same size, the less spread one is taken for the smaller.
    """

    title = "Activation clustering"
    summary = "Poisons and clean rows of a class excite a network differently; two clusters tell them apart."
    source = "Chen et al. (2018), arXiv:1811.03728"
    fails_when = (
        "Poisons lie inside their class, as clean-label poisons with a small epsilon do, or are few beside its natural "
        "variety: then two-means divides the clean rows. With the rule smaller, clean classes lose up to half."
    )

    rule: Literal["size", "silhouette", "smaller"] = setting(
        "size",
        "When a class loses its smaller cluster. size: if that is small; silhouette: if both are well apart; smaller: "
        "always.",
    )
    largest: float = setting(
        0.35, "Share of its class below which a cluster is removed, by rule size.", unit="fraction", gt=0, le=0.5
    )
    apart: float = setting(
        0.15, "Mean silhouette above which a cluster is removed, by rule silhouette.", ge=-1, le=1, advanced=True
    )
    dimensions: int = setting(10, "Components that are kept of the features.", ge=1, le=512, advanced=True)
    reduction: Literal["pca", "ica"] = setting(
        "pca", "pca: as they are. ica: all components of the same variance, as in the paper.", advanced=True
    )

    def scores(self, view: View) -> np.ndarray:
        result = np.zeros(len(view.labels))
        for label in np.unique(view.labels):
            rows = np.flatnonzero(view.labels == label)
            found = halves(self.points(view, rows))
            if found is not None:
                result[rows] = found.position
        return result

    def flag(self, scores: np.ndarray, view: View) -> np.ndarray:
        flagged = np.zeros(len(scores), dtype=bool)
        for label in np.unique(view.labels):
            rows = np.flatnonzero(view.labels == label)
            second = scores[rows] > 0
            if second.any() and self.suspicious(second, view, rows):
                flagged[rows] = second
        return flagged

    def points(self, view: View, rows: np.ndarray) -> np.ndarray:
        """(m, r) float64, the features of one class's rows as they are clustered."""
        return reduced(view.features[rows], self.dimensions, whitened=self.reduction == "ica")

    def suspicious(self, second: np.ndarray, view: View, rows: np.ndarray) -> bool:
        """Whether a class, whose rows are given with who is in the smaller cluster, loses that cluster."""
        if self.rule == "size":
            return bool(second.mean() < self.largest)
        if self.rule == "silhouette":
            return silhouette(self.points(view, rows), second) > self.apart
        return True
