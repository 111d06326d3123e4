"""Rates and detection against answers worked out by hand."""

import numpy as np
import pytest

from core.metrics import auroc, detection, pooled, wilson


def test_wilson_against_the_formula_by_hand() -> None:
    # p = 1/2, n = 10, z = 1.959964: centre (0.5 + 0.19207) / 1.38415 = 0.5, half 0.26342
    rate = wilson(5, 10)
    assert (rate.mean, rate.n) == (0.5, 10)
    assert rate.low == pytest.approx(0.2366, abs=1e-4) and rate.high == pytest.approx(0.7634, abs=1e-4)


@pytest.mark.parametrize("hits, n", [(0, 7), (7, 7), (0, 1)])
def test_wilson_stays_inside(hits: int, n: int) -> None:
    rate = wilson(hits, n)
    assert 0 <= rate.low <= rate.mean <= rate.high <= 1 and rate.low < rate.high


@pytest.mark.parametrize("hits, n", [(1, 0), (-1, 5), (6, 5)])
def test_impossible_rates_are_refused(hits: int, n: int) -> None:
    with pytest.raises(ValueError):
        wilson(hits, n)


def test_several_models_give_the_spread_over_models() -> None:
    # rates 0.8 and 0.9: mean 0.85, standard error 0.05, t(0.975, 1) = 12.706
    rate = pooled([(80, 100), (90, 100)])
    assert rate.mean == pytest.approx(0.85) and rate.n == 200 and rate.seeds == 2 and rate.interval == "seeds"
    assert rate.low == pytest.approx(0.85 - 12.7062 * 0.05, abs=1e-3) and rate.high == 1.0


def test_models_that_agree_are_no_more_certain_than_one() -> None:
    one, agreed = wilson(0, 450), pooled([(0, 450), (0, 450)])
    assert (agreed.mean, agreed.low, agreed.high, agreed.n) == (0.0, 0.0, one.high, 900) and one.high > 0.008


def test_one_model_gives_wilson() -> None:
    assert pooled([(5, 10)]) == wilson(5, 10)


def test_detection_by_hand() -> None:
    truth = np.array([True, True, True, False, False, False, False])
    flagged = np.array([True, True, False, True, False, False, False])
    found = detection(flagged, truth, np.array([9.0, 8.0, 1.0, 7.0, 0.0, 0.0, 0.0]))
    assert (found.tpr, found.fpr, found.precision) == pytest.approx((2 / 3, 1 / 4, 2 / 3))
    assert (found.removed, found.poisons_left) == (3, 1)
    assert found.auroc == pytest.approx(11 / 12)  # of 12 pairs only (1.0, 7.0) is the wrong way round


def test_nothing_flagged_is_no_division_by_zero() -> None:
    nothing = np.zeros(3, bool)
    found = detection(nothing, nothing)
    assert (found.tpr, found.fpr, found.precision, found.auroc) == (0, 0, 0, 0.5)


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    assert auroc(np.array([2.0, 1.0]), np.array([True, False])) == 1.0
