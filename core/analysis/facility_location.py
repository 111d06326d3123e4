"""Exact greedy facility location: which rows of each class stand for the others, and which stand for themselves alone.

The medoids of a class of n rows with count k are chosen one after the other, each so that the sum over all rows of
the similarity to their nearest medoid grows most. Two ways do that and choose the same rows: `greedy_compiled` (numba,
on the CPU; one class after the other, gains kept up to date) and `greedy_dense` (torch, on a GPU; all classes at once,
gains computed anew). Take the first where there is no GPU; nobody but this module needs to know of either.

Similarities are whole multiples of 2^-24, the resolution of float32 below one: their sums are exact in whatever order
they are added up, so equal gains are equal, and every way and every machine breaks a tie alike.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal

import numpy as np

from core import device as devices
from core.errors import SpecError

Metric = Literal["euclidean", "cosine"]

COMPILED_BYTES = 2**30
"""Memory for similarities on the CPU, all threads together; rows beyond it are computed whenever they are needed."""

DENSE_BYTES = 2**32
"""Memory for similarities on a GPU, temporary copies included; a class beyond it is left to the CPU."""


@dataclass(frozen=True)
class Selection:
    """Medoids and the cluster around each.

    Attributes:
        medoids: (m,) int64 rows: class after class, in the order of greedy choice.
        cluster: (n,) int64 in [0, m), each row's most similar medoid of its own class; the earliest of equals.
        sizes: (m,) int64, rows per cluster; an empty cluster (its medoid equals an earlier one) counts as 1.
    """

    medoids: np.ndarray
    cluster: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True)
class Points:
    """One class, ready to be compared: similarity = exp(-distance / divisor).

    Attributes:
        columns: (d, n) float64; each row of the class is a column here, so that inner loops run along memory.
        squared: the distance is half the squared euclidean one of the columns, not the euclidean one.
        divisor: > 0.
        count: medoids to choose, in [1, n].
    """

    columns: np.ndarray
    squared: bool
    divisor: float
    count: int


def select(
    gradients: np.ndarray,
    labels: np.ndarray,
    share: float,
    *,
    metric: Metric = "euclidean",
    divisor: float | None = None,
    random: np.random.Generator,
    device: str = "cpu",
) -> Selection:
    """Choose a share of all rows as medoids, each class by itself, and put every row into a medoid's cluster.

    Args:
        gradients: (n, k) float32, finite.
        labels: (n,) int64; rows with different labels never share a cluster.
        share: in (0, 1], medoids per row: floor(share * n) in all.
        metric: euclidean, or cosine: 1 - cos of the angle; a zero row is at distance 0 of zero rows and 1 of others.
        divisor: > 0, of the distances; None = k.
        random: says which classes give up a medoid that rounding up gave them.
        device: cpu, cuda or mps; on mps, which has no float64, the CPU does it.

    Returns:
        Medoids sorted by label; the same on every device and with any number of threads.

    Raises:
        SpecError: values that are not finite; a divisor or share that is not legal; fewer medoids than classes.

    Source: Yang, Liu and Mirzasoleiman 2022, section 4 and its code. Departures: clusters have numbers of their own
        across classes, whatever the classes' sizes; a class keeps at least one medoid; among equal gains the first
        row wins (the library behind that code leaves it open).
    """
    if len(gradients) != len(labels) or len(labels) == 0:
        raise SpecError(
            f"Every gradient needs a label, and there must be one: {len(gradients)} and {len(labels)} are given."
        )
    classes, sizes = np.unique(labels, return_counts=True)
    counts = medoid_counts(sizes, share, random)
    rows = [np.flatnonzero(labels == label) for label in classes]

    def points(i: int) -> Points:  # made one class at a time: float64 copies of all would double the memory
        return _points(gradients[rows[i]], int(counts[i]), metric, divisor)

    return _joined(rows, _chosen(points, sizes.tolist(), device), len(labels))


def select_class(
    gradients: np.ndarray, count: int, *, metric: Metric = "euclidean", divisor: float | None = None
) -> Selection:
    """Choose medoids among the rows of one class, on the CPU.

    Args:
        gradients: (n, k) float32, finite.
        count: in [1, n].
        metric, divisor: as in `select`.

    Raises:
        SpecError: as `select` does, and a count beyond its range.
    """
    n = len(gradients)
    return _joined([np.arange(n)], _chosen(lambda i: _points(gradients, count, metric, divisor), [n], "cpu"), n)


def medoid_counts(sizes: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """How many medoids each class gets: its share rounded up; then classes give one back until the total fits.

    Args:
        sizes: (c,) int64 > 0, rows of each class.
        share: in (0, 1], read as the decimal that it is written as: 0.07 of 100 rows are 7.
        random: draws the classes that give back; one that has a single medoid keeps it.

    Returns:
        (c,) int64 >= 1 with sum floor(share * sum of sizes).

    Raises:
        SpecError: a share that is not legal or leaves no medoid to some class.
    """
    if not 0 < share <= 1:
        raise SpecError(f"The share of rows that become medoids must be above 0 and at most 1, not {share}.")
    exact, n = Fraction(repr(float(share))), int(sizes.sum())
    total = math.floor(exact * n)
    if total < len(sizes):
        raise SpecError(
            f"A share of {share} makes {total} of {n} rows medoids, and each of {len(sizes)} classes needs one: "
            f"take at least {math.ceil(1000 * len(sizes) / n) / 1000}."
        )
    counts = np.array([math.ceil(exact * int(size)) for size in sizes], dtype=np.int64)
    while counts.sum() > total:
        able = np.flatnonzero(counts > 1)
        counts[random.choice(able, min(len(able), int(counts.sum()) - total), replace=False)] -= 1
    return counts


def _points(gradients: np.ndarray, count: int, metric: Metric, divisor: float | None) -> Points:
    n, k = gradients.shape
    divisor = float(k) if divisor is None else divisor
    if not 1 <= count <= n:
        raise SpecError(f"Of {n} rows, between 1 and {n} can be medoids, not {count}.")
    if not (divisor > 0 and math.isfinite(divisor)):
        raise SpecError(f"Distances must be divided by a number above 0, not {divisor}.")
    if not np.isfinite(gradients).all():
        raise SpecError("Gradients must be finite numbers: this network's training has diverged.")
    rows = gradients.astype(np.float64)
    if metric == "cosine":
        rows = _directions(rows)
    return Points(np.ascontiguousarray(rows.T), metric == "cosine", divisor, count)


def _directions(rows: np.ndarray) -> np.ndarray:
    """Rows of length one, whose squared distances are twice 1 - cos; zero rows point along a column of their own."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    zero = lengths == 0
    return np.hstack([rows / np.where(zero, 1, lengths), zero])


def _chosen(points: Callable[[int], Points], sizes: Sequence[int], device: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per class, its medoids and every row's medoid as a place among them."""
    chosen: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    if device == "cuda":
        from core.analysis import greedy_dense

        for batch in _batches(sizes):
            chosen |= zip(batch, greedy_dense.medoids([points(i) for i in batch], device), strict=True)
    rest = sorted((i for i in range(len(sizes)) if i not in chosen), key=lambda i: -sizes[i])
    lanes = min(devices.cores(), len(rest))
    if lanes > 0:
        shares = [rest[lane::lanes] for lane in range(lanes)]
        work = partial(_compiled, points, max(sizes[i] for i in rest), COMPILED_BYTES // lanes)
        with ThreadPoolExecutor(lanes) as pool:
            for done, results in zip(shares, pool.map(work, shares), strict=True):
                chosen |= zip(done, results, strict=True)
    return [chosen[i] for i in range(len(sizes))]


def _compiled(
    points: Callable[[int], Points], largest: int, memory: int, which: Sequence[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Some classes one after the other in the same memory: touching fresh pages costs as much as a pass over them."""
    from core.analysis import greedy_compiled  # numba takes half a second to import, and forms read defenses too

    room = np.empty(min(largest**2, memory // 4), dtype=np.int32)
    return [greedy_compiled.medoids(points(i), room) for i in which]


def _batches(sizes: Sequence[int]) -> list[list[int]]:
    """Classes that fit onto a GPU together when padded to the largest; a class that does not fit at all is in none."""
    batches: list[list[int]] = []
    open_for = 0
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        fit = DENSE_BYTES // (8 * sizes[i] ** 2)  # int32, and as much again for a temporary
        if fit == 0:
            continue
        if open_for == 0:
            batches.append([])
            open_for = fit
        batches[-1].append(i)
        open_for -= 1
    return batches


def _joined(rows: Sequence[np.ndarray], chosen: Sequence[tuple[np.ndarray, np.ndarray]], n: int) -> Selection:
    """Classes put together: rows of the whole set, clusters numbered through."""
    cluster = np.empty(n, dtype=np.int64)
    medoids: list[np.ndarray] = []
    offset = 0
    for members, (order, nearest) in zip(rows, chosen, strict=True):
        cluster[members] = nearest + offset
        medoids.append(members[order])
        offset += len(order)
    return Selection(np.concatenate(medoids), cluster, np.maximum(np.bincount(cluster, minlength=offset), 1))
