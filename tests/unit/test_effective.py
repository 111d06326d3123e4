"""Effective poisons by hand: distances and cosines to the target, the threshold, and where it tells nothing."""

import numpy as np
import pytest

from core.analysis.effective import effective, telling, to_target


def test_distance_and_cosine_by_hand() -> None:
    gradients = np.array([[[3.0, 4.0], [0.0, 0.0]], [[0.0, -1.0], [0.0, 2.0]]], np.float16)
    target = np.array([[3.0, 0.0], [0.0, 1.0]], np.float32)
    distances, cosines = to_target(gradients, target)
    assert distances.dtype == cosines.dtype == np.float32
    np.testing.assert_allclose(distances, [[4, 3], [2, 1]])
    np.testing.assert_allclose(cosines, [[0.6, 0], [-1, 1]], atol=1e-6)


def test_effective_is_at_most_the_threshold_away() -> None:
    distances = np.array([[0.2, 0.5, 0.51], [1.4, 0.0, 1.6]])
    assert effective(distances).tolist() == [[True, True, False], [False, True, False]]
    assert effective(distances, 1.4).tolist() == [[True, True, True], [True, True, False]]


@pytest.mark.parametrize(
    ("near", "said"),
    [([0, 0, 0, 0], True), ([1, 0, 0, 0], True), ([1, 1, 0, 0], False), ([1, 1, 1, 1], False)],
)
def test_where_half_of_the_clean_class_is_as_near_nothing_is_told(near: list[int], said: bool) -> None:
    clean = np.where(np.array([near], bool), 0.3, 1.2)
    assert telling(clean).tolist() == [said]


def test_without_clean_rows_every_epoch_tells() -> None:
    assert telling(np.zeros((3, 0))).tolist() == [True] * 3
