"""Screening: who is suspected, and why."""

import numpy as np

from core.analysis import spectral
from core.defenses.base import View
from core.defenses.screening import Screening


def view(features: np.ndarray, labels: np.ndarray) -> View:
    return View(labels, ("a", "b", "c"), seed=0, read_features=lambda: features.astype(np.float32))


def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Three classes of forty rows, each around its own axis."""
    labels = np.repeat([0, 1, 2], 40)
    features = 10 * np.eye(8)[labels] + np.random.default_rng(0).normal(scale=0.5, size=(120, 8))
    return features, labels


def flagged(defense: Screening, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    seen = view(features, labels)
    return np.flatnonzero(defense.flag(defense.scores(seen), seen))


def test_the_furthest_rows_of_every_class_go_in_any_case() -> None:
    features, labels = blobs()
    found = flagged(Screening(share=0.05), features, labels)
    assert np.bincount(labels[found], minlength=3).tolist() == [2, 2, 2]
    assert len(flagged(Screening(share=0), features, labels)) == 0


def test_a_smaller_group_goes_whole() -> None:
    features, labels = blobs()
    features[:8, 5] += 8  # a fifth of the first class stands elsewhere, and still nearer to it than to others
    assert flagged(Screening(share=0), features, labels).tolist() == list(range(8))
    assert len(flagged(Screening(share=0, largest=0.1), features, labels)) == 0, "too large to be the smaller group"
    assert len(flagged(Screening(share=0, apart=0.99), features, labels)) == 0, "not apart enough"


def test_rows_whose_neighbours_disagree_go() -> None:
    features, labels = blobs()
    features[50] = features[90]  # a row of the second class lies in the third
    scores = Screening().scores(view(features, labels))
    assert scores[50] >= 1 and flagged(Screening(share=0, apart=1), features, labels).tolist() == [50]


def test_scores_are_distances_beside_the_furthest_and_suspects_stand_above_all_others() -> None:
    features, labels = blobs()
    features[:8, 5] += 8
    scores = Screening().scores(view(features, labels))
    assert (scores[:8] >= 1).all() and (scores[8:] < 1).all() and scores.min() >= 0
    far = spectral.scores(features.astype(np.float32), labels)[labels == 1]
    np.testing.assert_allclose(scores[labels == 1], far / far.max(), rtol=1e-5)


def test_rows_that_are_all_alike_are_no_suspects() -> None:
    features, labels = np.repeat(np.eye(3), 10, axis=0), np.repeat([0, 1, 2], 10)
    assert not Screening(neighbours=5).scores(view(features, labels)).any()
    assert len(flagged(Screening(share=0, neighbours=5), features, labels)) == 0
