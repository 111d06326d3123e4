"""Rates with their intervals, detection rates, and how long something will still take. Numbers in, numbers out."""

import math
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist

import numpy as np
from scipy import stats

Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval.

    Attributes:
        mean, low, high: in [0, 1].
        n: what it was measured on (images, or keys x victims for targeted attacks).
        seeds: models behind it.
        interval: `wilson` over n for one model; `seeds`, Student's t over the models' means, for several, see `pooled`.
    """

    mean: float
    low: float
    high: float
    n: int
    seeds: int = 1
    interval: str = "wilson"

    def as_dict(self) -> dict[str, float | int | str]:
        return asdict(self)


def wilson(hits: int, n: int) -> Rate:
    """A rate with the Wilson score interval.

    Args:
        hits: successes, 0 <= hits <= n.
        n: trials, at least 1.
    """
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"A rate needs 0 <= hits <= n and n >= 1, not hits={hits}, n={n}.")
    p, z2 = hits / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Rate(p, max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p)), n)


def pooled(counts: list[tuple[int, int]]) -> Rate:
    """One rate from the (hits, n) of one or more models.

    One model: Wilson over its images. Several: the mean of their rates, with Student's t interval over the models,
    because images judged by one model are not independent of each other; and no narrower than Wilson's over the images
    of one model, because models that agree (none is ever fooled) do not make it certain that others would.
    """
    if len(counts) == 1:
        return wilson(*counts[0])
    found, n = mean([hits / n for hits, n in counts]), min(n for _, n in counts)
    least = wilson(round(found.mean * n), n)
    low, high = min(found.low, least.low), max(found.high, least.high)
    return replace(found, low=low, high=high, n=sum(n for _, n in counts), seeds=len(counts))


def mean(shares: list[float]) -> Rate:
    """The mean of shares in [0, 1], with Student's t interval over them; from 0 to 1 where there is only one."""
    if len(shares) == 1:
        return Rate(shares[0], 0.0, 1.0, 1, 1, "seeds")
    half = stats.t.ppf(0.975, len(shares) - 1) * float(np.std(shares, ddof=1)) / math.sqrt(len(shares))
    centre = float(np.mean(shares))
    return Rate(centre, max(0.0, centre - half), min(1.0, centre + half), len(shares), len(shares), "seeds")


def difference(one: Rate, other: Rate) -> tuple[float, float, float]:
    """How much higher one rate is than another, with the 95 % interval that follows from both of theirs.

    Source: Newcombe, "Interval estimation for the difference between independent proportions" (1998), method 10, here
        for any intervals. Rates of models that share their seeds are more alike than independent ones: for them it is
        too wide rather than too narrow.

    Returns:
        (difference, low, high), each in [-1, 1].
    """
    gap = one.mean - other.mean
    below = math.hypot(one.mean - one.low, other.high - other.mean)
    above = math.hypot(one.high - one.mean, other.mean - other.low)
    return gap, max(-1.0, gap - below), min(1.0, gap + above)


@dataclass(frozen=True)
class Detection:
    """How well flags and scores match the truth.

    Attributes:
        tpr: share of the poisons that are flagged.
        fpr: share of the clean rows that are flagged.
        precision: share of the flagged rows that are poisons; 0 where nothing is flagged.
        auroc: chance that a poison outscores a clean row, of any class; ties count half, and it is 0.5 where one side
            is empty.
        removed: flagged rows.
        poisons_left: poisons that are not flagged.
    """

    tpr: float
    fpr: float
    precision: float
    auroc: float
    removed: int
    poisons_left: int

    def as_dict(self) -> dict[str, float | int]:
        return asdict(self)


def detection(flagged: np.ndarray, truth: np.ndarray, scores: np.ndarray | None = None) -> Detection:
    """Compare flags (and scores) with the truth.

    Args:
        flagged: (n,) bool.
        truth: (n,) bool, True where the row is a poison.
        scores: (n,) float, higher = more suspicious; without them auroc is that of the flags.
    """
    caught = int((flagged & truth).sum())
    poisons, clean, removed = int(truth.sum()), int((~truth).sum()), int(flagged.sum())
    ranked = flagged.astype(float) if scores is None else scores
    return Detection(
        tpr=caught / poisons if poisons else 0.0,
        fpr=(removed - caught) / clean if clean else 0.0,
        precision=caught / removed if removed else 0.0,
        auroc=auroc(ranked, truth),
        removed=removed,
        poisons_left=poisons - caught,
    )


def auroc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve by ranks; ties count half; 0.5 where one side is empty."""
    poisons, clean = int(truth.sum()), int((~truth).sum())
    if not poisons or not clean:
        return 0.5
    ranks = stats.rankdata(scores)
    return float((ranks[truth].sum() - poisons * (poisons + 1) / 2) / (poisons * clean))
