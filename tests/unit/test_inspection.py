"""Numbers a class, and where one lies among controls; answers worked out by hand."""

import numpy as np
import pytest

from core.analysis.controls import FLOOR, anomaly, exceeded, more_often
from core.analysis.inspection import FEWEST, alone, direction, groups, outvoted


def two_classes() -> tuple[np.ndarray, np.ndarray]:
    """Class 0: two points, eight rows each. Class 1: sixteen rows evenly along a line."""
    features = np.zeros((32, 3))
    features[8:16, 0] = 10
    features[16:, 1] = 100 + np.arange(16)
    return features, np.repeat([0, 1], 16)


def test_two_points_are_two_groups_and_a_line_hardly_is() -> None:
    found = groups(*two_classes(), 2)
    assert found[0] == pytest.approx(1.0) and 0.4 < found[1] < 0.7


def test_one_cut_explains_all_of_two_points_and_three_quarters_of_a_line() -> None:
    found = direction(*two_classes(), 2)
    # evenly spaced points, cut in the middle: (n / 2)^2 / ((n^2 - 1) / 3) of the variance
    assert found[0] == pytest.approx(1.0) and found[1] == pytest.approx((16 / 4) ** 2 / ((16**2 - 1) / 12))


def test_a_class_of_equal_rows_stands_apart_in_nothing() -> None:
    features, labels = np.zeros((16, 2)), np.repeat([0, 1], 8)
    assert groups(features, labels, 2).tolist() == direction(features, labels, 2).tolist() == [0.0, 0.0]


def test_classes_with_too_few_rows_have_no_number() -> None:
    features, labels = np.random.default_rng(0).normal(size=(2 * FEWEST, 3)), np.zeros(2 * FEWEST, int)
    labels[: FEWEST - 1] = 1
    for found in (groups(features, labels, 3), direction(features, labels, 3), outvoted(features, labels, 3)):
        assert np.isfinite(found).tolist() == [True, False, False]


def test_rows_among_another_class_are_outvoted() -> None:
    labels = np.repeat([0, 1], 30)
    features = np.eye(2)[labels] + np.random.default_rng(0).normal(scale=0.01, size=(60, 2))
    features[:3] = features[30:33]  # three rows of class 0 lie among class 1
    assert outvoted(features, labels, 2).tolist() == [3 / 30, 0.0]


def test_a_row_that_pulls_where_no_other_does_stands_alone() -> None:
    gradients = np.zeros((40, 2), dtype=np.float32)
    labels = np.repeat([0, 1], 20)
    gradients[4] = [5, -5]
    found = alone(gradients, labels, 2, np.random.default_rng(0))
    assert found[0] == 1 / 20 and found[1] == 0.0
    assert np.isnan(alone(gradients[:10], labels[:10], 2, np.random.default_rng(0))).all(), "a medoid a class is needed"


def test_the_anomaly_counts_robust_deviations() -> None:
    controls = np.array([0.0, 1.0, 2.0, 3.0, 100.0])  # median 2, median absolute deviation 1
    assert anomaly(2 + 3 * 1.4826, controls) == pytest.approx(3.0)
    assert anomaly(0.5, np.full(5, 0.4)) == pytest.approx(0.1 / FLOOR), "the spread has a floor"


def test_a_place_among_controls_and_its_p_value() -> None:
    controls = np.arange(19.0)
    assert exceeded(100.0, controls) == (19, pytest.approx(1 / 20))
    assert exceeded(17.5, controls) == (18, pytest.approx(2 / 20))
    assert exceeded(0.0, controls) == (0, 1.0)


def test_a_rate_that_is_higher_by_chance_or_not() -> None:
    # all 3 of 3 against none of 3: one of the 20 ways to choose 3 of 6
    assert more_often(3, 3, 0, 3) == pytest.approx(1 / 20)
    assert more_often(0, 3, 3, 3) == pytest.approx(1.0)
    assert more_often(0, 0, 3, 3) == more_often(3, 3, 0, 0) == 1.0
