"""Small models that a lesson computes in front of its reader: points, arrows and counts that need no run."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from core.analysis import spectral

ROWS = 400
LONG, SHORT = 1.0, 0.4
"""Standard deviations of the clean cloud along and across it; the largest, 1, is the sigma of the condition."""
DIRECTION = 65.0
"""Degrees from the long axis of the clean cloud to the direction in which poisons are shifted."""
OVERESTIMATE = 1.5
"""Times the poisons of a class that spectral signatures removes."""


@dataclass(frozen=True)
class Mixture:
    """Rows of one class in a plane, some of them shifted: what a filter sees, and the truth.

    Attributes:
        points: (n, 2) float64, centred by the mean of all.
        poison: (n,) bool.
        shift: (2,) float64, from the clean mean to the poisons'.
        top: (2,) float64, first right singular vector, turned so that it does not point against the shift.
        scores: (n,) float64, squared coordinates along it.
        needed: the length of shift from which on the poisons are sure to separate.
    """

    points: np.ndarray
    poison: np.ndarray
    shift: np.ndarray
    top: np.ndarray
    scores: np.ndarray
    needed: float

    @property
    def angle(self) -> float:
        """Degrees between the singular vector and the direction of the shift, 0 to 90."""
        return math.degrees(math.acos(min(1.0, abs(float(self.top @ towards())))))

    @property
    def caught(self) -> int:
        """Poisons among the rows with the highest scores, where 1.5 times their number are removed."""
        removed = np.argsort(-self.scores, kind="stable")[: round(OVERESTIMATE * self.poison.sum())]
        return int(self.poison[removed].sum())


def towards() -> np.ndarray:
    """(2,): the direction of every shift, of length 1."""
    return np.array([math.cos(math.radians(DIRECTION)), math.sin(math.radians(DIRECTION))])


def mixture(shift: float, fraction: float) -> Mixture:
    """A class of ROWS rows; the same draws at every setting, so that points glide as a slider moves.

    Args:
        shift: distance of the two means in units of sigma.
        fraction: share of poisons, in (0, 1).
    """
    poison = np.arange(ROWS) < round(fraction * ROWS)
    random = np.random.default_rng(7)
    points = random.normal(size=(ROWS, 2)) * (LONG, SHORT)
    points[poison] *= (SHORT / LONG, 1)
    moved = shift * towards()
    points[poison] += moved
    spectrum = spectral.class_spectrum(points, count=1)
    top = spectrum.directions[0] * (-1 if spectrum.directions[0] @ moved < 0 else 1)
    scores = spectral.scores(points, np.zeros(ROWS, np.int64))
    return Mixture(points - spectrum.mean, poison, moved, top, scores, needed_shift(fraction))


def needed_shift(fraction: float) -> float:
    """Distance of the means in sigma at which separation is promised: its square is 6 / fraction.

    Source: the condition of Tran, Li, Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018.
    """
    return math.sqrt(6 / fraction)


def variance(angles: np.ndarray, shift: float, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Variance of the mixture along directions of the plane, without and with what the shift adds.

    The covariance is (1 - e) S_clean + e S_poison + e (1 - e) d d', with d the difference of the means.

    Args:
        angles: (m,) degrees from the long axis of the clean cloud.
        shift, fraction: as for `mixture`.

    Returns:
        (m,) within the two groups alone, and (m,) in all; the maximum of the latter is the top singular vector.
    """
    across, up = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    clean = (LONG * across) ** 2 + (SHORT * up) ** 2
    within = (1 - fraction) * clean + fraction * SHORT**2
    along = shift * np.cos(np.radians(angles - DIRECTION))
    return within, within + fraction * (1 - fraction) * along**2


def loss_after_step(angle: float, step: float = 0.5) -> tuple[float, float]:
    """The target's loss, 1 before it, after a step along another gradient of the same length: (exact, first order).

    Args:
        angle: degrees between the two gradients.
        step: length of the step as a share of what would bring the loss to zero along the target's own gradient.
    """
    alike = math.cos(math.radians(angle))
    return 1 - 2 * step * alike + step**2, 1 - 2 * step * alike


def counts(trials: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The binomial distribution where it is above a thousandth of its peak: (m,) counts and (m,) probabilities."""
    every = np.arange(trials + 1)
    chances = stats.binom.pmf(every, trials, share)
    shown = chances > chances.max() / 1000
    return every[shown], chances[shown]


@cache
def islands() -> np.ndarray:
    """(36, 2): three groups of rows and four that stand apart, as gradients of one class might lie."""
    random = np.random.default_rng(3)
    centres, many = np.array([[0, 0], [4, 1], [1.5, 3.8]]), (14, 10, 8)
    groups = [centre + random.normal(scale=0.2, size=(n, 2)) for centre, n in zip(centres, many, strict=True)]
    points = np.concatenate([*groups, [[6.5, 4.5], [-2.2, 3.2], [4.2, -2.4], [6.9, -0.9]]])
    points.setflags(write=False)
    return points


def medoids(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Greedy facility location on a few points, similarity exp(-distance).

    Args:
        points: (n, d) float.
        count: medoids, in [1, n].

    Returns:
        (count,) medoids in the order of choice, and (n,) each point's place among them.
    """
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    alike = np.exp(-apart)
    best = np.zeros(len(points))
    chosen: list[int] = []
    for _ in range(count):
        gains = np.maximum(alike, best[:, None]).sum(axis=0) - best.sum()
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        best = np.maximum(best, alike[:, chosen[-1]])
    return np.array(chosen), alike[:, chosen].argmax(axis=1)


def passes(part: float, steps: int) -> float:
    """Passes of a batch that adversarial poisoning makes where an ordinary step makes one.

    The targets' gradient once, three passes for every inner step on the poisoned part, and the step itself.
    """
    return (1 - part) + 3 * steps * part + 1
