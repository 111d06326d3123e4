"""Activation clustering: two clusters that can be counted by hand, and what each rule does with them."""

import numpy as np
import pytest

from core.analysis.two_means import halves, reduced, silhouette
from core.defenses.activation_clustering import ActivationClustering
from core.defenses.base import View, random_flags


def view_of(features: np.ndarray, labels: np.ndarray) -> View:
    return View(labels, ("a", "b", "c"), 0, lambda: features)


LINE = np.array([[0.0], [1.0], [2.0], [10.0], [12.0]])
"""Clusters {0, 1, 2} around 1 and {10, 12} around 11; the middle between them is 6."""


def test_clusters_and_positions_by_hand() -> None:
    found = halves(reduced(LINE, 10, whitened=False))
    assert found is not None
    assert found.second.tolist() == [False, False, False, True, True]
    assert found.position.tolist() == pytest.approx([-1.2, -1.0, -0.8, 0.8, 1.2])


def test_of_two_clusters_of_one_size_the_less_spread_one_is_the_second() -> None:
    points = np.array([[0.0], [4.0], [20.0], [21.0]])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        found = halves(reduced(points[order], 1, whitened=False))
        assert found is not None and found.second.tolist() == (points[order, 0] > 10).tolist()


def test_the_best_of_several_beginnings_is_kept() -> None:
    """The first axis varies most (14 against 12.25), but evenly; the clusters are along the second one."""
    grid = np.array([[x, y] for x in np.linspace(-6, 6, 13) for y in (0.0, 7.0)])
    found = halves(reduced(grid, 2, whitened=False))
    assert found is not None
    left_over = sum(((grid[side] - grid[side].mean(axis=0)) ** 2).sum() for side in (found.second, ~found.second))
    assert left_over == pytest.approx(2 * 2 * sum(x * x for x in range(1, 7)))  # each row of the grid by itself


def test_the_silhouette_by_hand() -> None:
    """Row 0: 1.5 from its own, 11 from the others, so 1 - 1.5 / 11; and so on."""
    expected = [1 - 1.5 / 11, 1 - 1 / 10, 1 - 1.5 / 9, 1 - 2 / 9, 1 - 2 / 11]
    second = np.array([False, False, False, True, True])
    assert silhouette(LINE, second) == pytest.approx(np.mean(expected))
    assert silhouette(LINE, ~second) == pytest.approx(np.mean(expected))


def test_a_row_alone_in_its_cluster_counts_nothing() -> None:
    assert silhouette(np.array([[0.0], [0.0], [5.0]]), np.array([False, False, True])) == pytest.approx(2 / 3)


def test_the_silhouette_does_not_depend_on_how_many_rows_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    points, second = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 3 == 0
    whole = silhouette(points, second)
    monkeypatch.setattr("core.analysis.two_means.CHUNK", 7)
    assert silhouette(points, second) == pytest.approx(whole)


def test_whitened_components_all_vary_by_one_and_flat_ones_are_left_out() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(200, 3)) @ np.diag([100.0, 1.0, 0.01]) @ random.normal(size=(3, 8)) + 5
    found = reduced(features, 8, whitened=True)
    assert found.shape == (200, 3)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-5)


def planted(poisons: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes of 100 rows; the first `poisons` rows of class 1 lie elsewhere, class 0 is one round cloud."""
    features = np.random.default_rng(2).normal(size=(200, 16)).astype(np.float32)
    labels = np.repeat([0, 1], 100)
    poison = (labels == 1) & (np.arange(200) < 100 + poisons)
    features[poison, 3] += 12
    return features, labels, poison


@pytest.mark.parametrize("reduction", ["pca", "ica"])
def test_planted_poisons_go_and_nothing_else(reduction: str) -> None:
    features, labels, poison = planted(20)
    defense, view = ActivationClustering(largest=0.25, reduction=reduction), view_of(features, labels)
    flagged = defense.flag(defense.scores(view), view)
    assert flagged[labels == 1].tolist() == poison[labels == 1].tolist()


def test_a_cluster_too_large_stays_by_the_rule_size_and_goes_by_the_others() -> None:
    features, labels, poison = planted(40)
    view = view_of(features, labels)
    scores = ActivationClustering().scores(view)
    flagged = {rule: ActivationClustering(rule=rule).flag(scores, view) for rule in ("size", "silhouette", "smaller")}
    assert not flagged["size"].any()
    assert np.array_equal(flagged["silhouette"], poison)  # and nothing of the cloud, which has no clusters
    assert np.array_equal(flagged["smaller"][labels == 1], poison[labels == 1])
    assert 0 < flagged["smaller"][labels == 0].sum() <= 50  # it always takes something


def test_the_cut_is_exclusive() -> None:
    features, labels = np.repeat([[0.0, 0.0], [9.0, 0.0]], [3, 1], axis=0).astype(np.float32), np.zeros(4, np.int64)
    view = view_of(features, labels)
    scores = ActivationClustering().scores(view)
    assert not ActivationClustering(largest=0.25).flag(scores, view).any()
    assert ActivationClustering(largest=0.26).flag(scores, view).tolist() == [False, False, False, True]


def test_the_random_control_takes_as_many_of_each_class() -> None:
    features, labels, poison = planted(20)
    defense, view = ActivationClustering(), view_of(features, labels)
    flagged = defense.flag(defense.scores(view), view)
    control = random_flags(flagged, view)
    for label in (0, 1):
        assert control[labels == label].sum() == flagged[labels == label].sum()
    assert not np.array_equal(control, flagged)
