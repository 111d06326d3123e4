"""Spectral signatures: exact scores, invariances, and the theorem's promise."""

import numpy as np
import pytest

from core.analysis import spectral
from core.analysis.spectral import class_spectrum, projection, scores
from core.defenses.base import View, random_flags
from core.defenses.spectral_signatures import SpectralSignatures
from core.errors import PoisonscopeError


def slow_scores(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Algorithm 1 written down plainly, with a full SVD in float64."""
    result = np.zeros(len(labels))
    for label in range(labels.max() + 1):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            continue
        centred = features[rows].astype(np.float64) - features[rows].astype(np.float64).mean(axis=0)
        _, _, right = np.linalg.svd(centred, full_matrices=True)
        result[rows] = (centred @ right[0]) ** 2
    return result


def features_of(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scale = random.uniform(0.1, 3, d)
    return (random.normal(size=(n, d)) * scale + 5).astype(np.float32), random.integers(0, 4, n)


@pytest.mark.parametrize("n, d", [(200, 16), (60, 128), (500, 64), (8, 3), (1400, 300), (700, 1100)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scores_equal_a_full_svd(n: int, d: int, seed: int) -> None:
    features, labels = features_of(n, d, seed)
    expected = slow_scores(features, labels)
    np.testing.assert_allclose(scores(features, labels), expected, rtol=1e-4, atol=1e-9 * expected.max())


def test_a_constant_added_to_all_features_changes_nothing() -> None:
    features, labels = features_of(300, 20, 3)
    moved = features.astype(np.float64) + np.linspace(-50, 50, 20)
    np.testing.assert_allclose(scores(moved, labels), scores(features, labels), rtol=1e-4, atol=1e-6)
    uncentred = scores(features, labels, centred=False)
    assert not np.allclose(
        scores(moved, labels, centred=False), uncentred, rtol=0.1
    )  # which is why it is not the default


def test_the_sign_of_the_direction_changes_nothing() -> None:
    features, labels = features_of(300, 20, 4)
    np.testing.assert_allclose(scores(-features, labels), scores(features, labels), rtol=1e-6)


def test_the_uncentred_score_is_the_released_codes() -> None:
    features, _ = features_of(50, 6, 5)
    centred = features.astype(np.float64) - features.astype(np.float64).mean(axis=0)
    top = np.linalg.svd(centred)[2][0]
    labels = np.zeros(50, np.int64)
    np.testing.assert_allclose(
        scores(features, labels, centred=False), np.abs(features.astype(np.float64) @ top), rtol=1e-6
    )


def wide(strength: float) -> np.ndarray:
    """(600, 300) float64: noise of all directions alike, and one of them stronger."""
    random = np.random.default_rng(7)
    rows = random.normal(size=(600, 300))
    rows[:, 0] *= strength
    return rows


def test_wide_features_are_scored_step_by_step_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = wide(3.0), np.zeros(600, np.int64)
    assert spectral._by_steps(rows - rows.mean(axis=0)) is not None
    stepped = scores(rows, labels)
    monkeypatch.setattr(spectral, "WIDE", 10_000)
    np.testing.assert_allclose(stepped, scores(rows, labels), rtol=1e-6, atol=1e-9 * stepped.max())


def test_steps_that_do_not_settle_leave_it_to_the_gram_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = wide(1.0), np.zeros(600, np.int64)
    monkeypatch.setattr(spectral, "STEPS", 5)
    assert spectral._by_steps(rows - rows.mean(axis=0)) is None
    np.testing.assert_allclose(scores(rows, labels), slow_scores(rows, labels), rtol=1e-6, atol=1e-9)


def test_the_longest_row_may_lie_across_the_direction_that_is_looked_for() -> None:
    rows = np.zeros((600, 300))
    rows[:, 0] = np.repeat([1.0, -1.0], 300)  # 600 along this one
    rows[0, 1] = 20.0  # 400 along that one, all of it a single row's
    (value,), (direction,) = spectral._by_steps(rows) or pytest.fail("did not settle")
    assert value == pytest.approx(np.linalg.norm(rows, ord=2), rel=1e-9) and abs(direction[0]) > 0.9


def test_wide_rows_that_are_all_the_same_score_zero() -> None:
    assert scores(np.full((300, 300), 0.1, np.float32), np.zeros(300, np.int64)).max() < 1e-12


def test_a_class_of_one_row_scores_zero() -> None:
    assert scores(np.ones((1, 4), np.float32), np.zeros(1, np.int64)).tolist() == [0.0]


def test_identical_rows_score_zero() -> None:
    features = np.ones((10, 4), np.float32)
    np.testing.assert_allclose(scores(features, np.zeros(10, np.int64)), 0, atol=1e-12)


def test_projection_is_the_scores_root() -> None:
    features, labels = features_of(400, 30, 6)
    coordinates, values = projection(features, labels, 4)
    np.testing.assert_allclose(
        coordinates[:, 0].astype(np.float64) ** 2, scores(features, labels), rtol=1e-3, atol=1e-6
    )
    rows = features[labels == 2].astype(np.float64)
    np.testing.assert_allclose(values[2], np.linalg.svd(rows - rows.mean(0))[1][:16], rtol=1e-4)


def test_directions_are_orthonormal_when_rows_are_fewer_than_features() -> None:
    features, _ = features_of(12, 40, 7)
    directions = class_spectrum(features, 3).directions
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-9)


def view_of(features: np.ndarray, labels: np.ndarray, **facts: int) -> View:
    names = tuple(str(label) for label in range(labels.max() + 1))
    return View(labels, names, 0, lambda: features, facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_shift_beyond_the_bound_is_removed_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, d, epsilon, sigma = 1000, 32, 0.1, 1.0
    count = int(epsilon * n)
    shift = random.normal(size=d)
    shift *= np.sqrt(6 * sigma**2 / epsilon) / np.linalg.norm(shift)  # ||shift||^2 = 6 sigma^2 / epsilon
    features = random.normal(size=(n, d)) * sigma
    features[:count] += shift
    view = view_of(features.astype(np.float32), np.zeros(n, np.int64), poison_count=count)
    defense = SpectralSignatures()
    flagged = defense.flag(defense.scores(view), view)
    assert flagged[:count].all() and flagged.sum() == 150


def test_flag_removes_from_every_class_up_to_the_cap() -> None:
    labels = np.repeat([0, 1], [100, 10])
    view = view_of(np.zeros((110, 2), np.float32), labels, poison_count=20)
    flagged = SpectralSignatures().flag(np.arange(110.0), view)
    assert np.flatnonzero(flagged).tolist() == [*range(70, 100), *range(105, 110)]  # 1.5 x 20, and half of 10


def test_flag_of_the_target_class_only() -> None:
    labels = np.repeat([0, 1], 50)
    view = view_of(np.zeros((100, 2), np.float32), labels, target_class=1)
    defense = SpectralSignatures(classes="target", assumed_count=4)
    assert defense.knows == ("target_class",)
    assert np.flatnonzero(defense.flag(np.arange(100.0), view)).tolist() == list(range(94, 100))


def test_a_fact_that_was_not_told_is_not_handed_over() -> None:
    view = view_of(np.zeros((4, 2), np.float32), np.zeros(4, np.int64))
    with pytest.raises(PoisonscopeError, match="how many rows are poisoned"):
        SpectralSignatures().flag(np.zeros(4), view)


def test_the_random_control_removes_as_many_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], 40)
    flagged = np.zeros(120, bool)
    flagged[:10] = flagged[100:105] = True
    view = view_of(np.zeros((120, 1), np.float32), labels)
    random = random_flags(flagged, view)
    assert [int(random[labels == label].sum()) for label in range(3)] == [10, 0, 5]
    assert (random != flagged).any() and (random == random_flags(flagged, view)).all()
