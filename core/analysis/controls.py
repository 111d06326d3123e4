"""Where a number lies among those of controls, and whether one rate is higher than another. Numbers in, numbers out."""

import numpy as np

FLOOR = 0.02
"""Least spread of controls, as a standard deviation: a few values may lie closer together by chance than they are."""


def anomaly(value: float, controls: np.ndarray) -> float:
    """By how many standard deviations a value lies above the middle of its controls, in robust terms.

    Args:
        value: measured.
        controls: (m,) float64, m >= 1, finite.

    Source: the anomaly index of Wang et al., "Neural Cleanse", 2019: distance from the median over 1.4826 times the
        median absolute deviation. Departure: the spread is at least FLOOR.
    """
    middle = float(np.median(controls))
    spread = 1.4826 * float(np.median(np.abs(controls - middle)))
    return (value - middle) / max(spread, FLOOR)


def exceeded(value: float, controls: np.ndarray) -> tuple[int, float]:
    """How many controls lie below a value, and the empirical p value: (1 + those that do not) / (1 + all of them)."""
    below = int((controls < value).sum())
    return below, (1 + len(controls) - below) / (1 + len(controls))


def more_often(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """p value of Fisher's exact test that the first rate is not higher than the other; 1 where one side is empty."""
    if not n or not other_n:
        return 1.0
    from scipy import stats  # which takes longer to load than a page to draw

    table = [[hits, n - hits], [other_hits, other_n - other_hits]]
    return float(stats.fisher_exact(table, alternative="greater").pvalue)
