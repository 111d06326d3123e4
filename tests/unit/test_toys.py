"""The small models of the lessons, against answers that were worked out by hand."""

import numpy as np
import pytest

from core.analysis import toys


def test_the_condition_of_tran_et_al() -> None:
    assert toys.needed_shift(0.06) == pytest.approx(10)  # 100 = 6 / 0.06


def test_the_shift_adds_its_share_along_itself_and_nothing_across() -> None:
    within, whole = toys.variance(np.array([toys.DIRECTION, toys.DIRECTION + 90, toys.DIRECTION + 60]), 5.0, 0.1)
    assert whole - within == pytest.approx([2.25, 0, 2.25 / 4])  # 0.1 * 0.9 * 25, and the square of cos 60°


def test_the_variance_within_is_between_the_two_spreads() -> None:
    within, _ = toys.variance(np.array([0.0, 90.0]), 0.0, 0.25)
    # 0.75 of the clean cloud (1 along, 0.16 across) and 0.25 of the poisons (0.16 both ways)
    assert within == pytest.approx([0.79, 0.16])


def test_the_covariance_of_a_mixture_is_the_formula() -> None:
    drawn = toys.mixture(4.0, 0.2)
    parts = [drawn.points[~drawn.poison], drawn.points[drawn.poison]]
    share = [len(part) / len(drawn.points) for part in parts]
    assert share == [0.8, 0.2]
    apart = parts[1].mean(axis=0) - parts[0].mean(axis=0)
    clean, poison = (np.cov(part.T, bias=True) for part in parts)
    formula = 0.8 * clean + 0.2 * poison + 0.16 * np.outer(apart, apart)
    assert np.cov(drawn.points.T, bias=True) == pytest.approx(formula)


def test_a_large_shift_turns_the_vector_and_catches_everything() -> None:
    near, far = toys.mixture(0.0, 0.1), toys.mixture(8.0, 0.1)
    assert near.angle > 50 and far.angle < 5
    assert far.caught == far.poison.sum() == 40 and near.caught < 20
    assert far.scores == pytest.approx((far.points @ far.top) ** 2)


def test_poisons_are_caught_below_what_the_condition_asks_for() -> None:
    drawn = toys.mixture(6.0, 0.05)
    assert drawn.needed > 6.0 and drawn.caught == drawn.poison.sum() == 20


def test_the_target_after_a_step() -> None:
    assert toys.loss_after_step(0.0) == pytest.approx((0.25, 0))  # half of the way to the bottom of a bowl
    assert toys.loss_after_step(90.0) == pytest.approx((1.25, 1))
    assert toys.loss_after_step(180.0) == pytest.approx((2.25, 2))


def test_counts_are_binomial() -> None:
    many, chances = toys.counts(2, 0.5)
    assert many.tolist() == [0, 1, 2] and chances == pytest.approx([0.25, 0.5, 0.25])
    many, chances = toys.counts(128, 0.01)
    assert chances[0] == pytest.approx(0.99**128) and many[-1] < 20, "the tail is left out"


def test_medoids_go_where_most_is_gained() -> None:
    points = np.array([[0.0], [0.1], [0.2], [9.0]])
    chosen, cluster = toys.medoids(points, 2)
    assert chosen.tolist() == [1, 3], "the middle of three, then the one that nobody resembles"
    assert cluster.tolist() == [0, 0, 0, 1]


def test_every_loner_of_the_islands_gets_a_medoid_of_its_own() -> None:
    points = toys.islands()
    chosen, cluster = toys.medoids(points, 7)
    alone = np.flatnonzero(np.bincount(cluster) == 1)
    assert sorted(chosen[alone].tolist()) == [32, 33, 34, 35]
    assert not points.flags.writeable


def test_passes_of_a_step_that_attacks_itself() -> None:
    assert toys.passes(0.75, 5) == 12.5  # 0.25 + 3 * 5 * 0.75 + 1
    assert toys.passes(0.5, 1) == 3.0
