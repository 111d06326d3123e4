"""Facility location on the CPU: loops that numba compiles, over similarities in the unit 2^-24.

Gains are kept up to date instead of being computed anew when they are needed: a new medoid changes gains only through
the rows that it is nearest to, and all medoids together change each row's nearest a few times. On gradients that is
less work than lazy evaluation, and no bounds have to be kept in order. Sums must be exact for it, or errors pile up.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from core.analysis.facility_location import Points
from core.home import home

UNIT = 2.0**-24
SIDE = 256
"""Similarities are computed in square blocks of this side: rows of many columns then stay in the cache."""

FARTHEST = -40.0
"""exp of this is far below half a unit; exponents stop here, before the bits of a float64's exponent run out."""

TAKEN = -1


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call, to run without the interpreter's lock, and keep the result for other processes.

    Numba keeps it beside the source or in the user's cache folder (NUMBA_CACHE_DIR names another); where neither can be
    written to, as in a read-only image, it is kept in the home folder.
    """
    function = inspect.unwrap(function)  # tests wrap functions into shape checks, which cannot be compiled
    decorate = numba.njit(nogil=True, cache=True)
    try:
        return decorate(function)
    except RuntimeError:
        setattr(numba.config, "CACHE_DIR", str(home() / "compiled"))  # noqa: B010 - numba declares its settings nowhere
        return decorate(function)


# The functions below have no annotations because numba finds types by itself, and mypy cannot follow its decorator.


@compiled
def _similarity(exponent):  # type: ignore[no-untyped-def]
    """exp(exponent) in units, rounded to the nearest; written out, so that a processor computes several at once.

    It is 2^n * exp(f), n whole and |f| <= ln(2) / 2; the series ends where terms fall below float64's resolution.
    """
    x = max(exponent, FARTHEST)
    n = np.rint(x * 1.4426950408889634)
    f = x - n * 0.6931471805599453
    f2 = f * f
    first = 1.0 + f + f2 * (1 / 2 + f / 6)
    second = 1 / 24 + f / 120 + f2 * (1 / 720 + f / 5040)
    third = 1 / 40320 + f / 362880 + f2 * (1 / 3628800 + f / 39916800 + f2 / 479001600)
    series = first + f2 * f2 * (second + f2 * f2 * third)
    power = np.int64((np.int64(n) + 1023) << 52).view(np.float64)
    return np.int32(np.rint(series * power / UNIT))


@compiled
def _compare(own, others, squared, scale, room, out):  # type: ignore[no-untyped-def]
    """Similarities of one row (d,) to others (d, w), into `out` (w,); `room` is for at least w distances."""
    width = others.shape[1]
    for j in range(width):
        room[j] = 0.0
    for d in range(len(own)):
        value, column = own[d], others[d]
        for j in range(width):
            difference = column[j] - value
            room[j] += difference * difference
    if squared:
        for j in range(width):
            out[j] = _similarity(scale * (0.5 * room[j]))
    else:
        for j in range(width):
            out[j] = _similarity(scale * math.sqrt(room[j]))


@compiled
def _fill(columns, squared, scale, kernel, gains):  # type: ignore[no-untyped-def]
    """Compute all similarities, add them up to the gains of a first medoid, and keep those of the first rows."""
    n, stored = columns.shape[1], kernel.shape[0]
    room, spare = np.empty(SIDE), np.empty(SIDE, dtype=np.int32)
    for top in range(0, n, SIDE):
        for left in range(0, n, SIDE):
            right = min(n, left + SIDE)
            others, sums = columns[:, left:right], gains[left:right]
            for i in range(top, min(n, top + SIDE)):
                row = kernel[i, left:right] if i < stored else spare[: right - left]
                _compare(columns[:, i], others, squared, scale, room, row)
                for j in range(right - left):
                    sums[j] += row[j]


@compiled
def _greedy(columns, squared, scale, kernel, count):  # type: ignore[no-untyped-def]
    """Medoids in order and each row's place among them; see `medoids`."""
    n, stored = columns.shape[1], kernel.shape[0]
    gains, best, nearest = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int64)
    order, room = np.empty(count, dtype=np.int64), np.empty(n)
    chosen, spare = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    _fill(columns, squared, scale, kernel, gains)
    for place in range(count):
        medoid = np.argmax(gains)  # the first of equals
        order[place] = medoid
        if medoid < stored:
            chosen[:] = kernel[medoid]
        else:
            _compare(columns[:, medoid], columns, squared, scale, room, chosen)
        for i in range(n):
            old, new = best[i], chosen[i]
            if new <= old:
                continue
            best[i], nearest[i] = new, place
            row = kernel[i] if i < stored else spare
            if i >= stored:
                _compare(columns[:, i], columns, squared, scale, room, spare)
            for j in range(n):  # row i is worth max(row[j] - best[i], 0) to the gain of j
                gains[j] -= min(max(row[j], old), new) - old
        gains[medoid] = TAKEN
    return order, nearest


def medoids(points: Points, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the medoids of one class.

    Args:
        points: the class.
        room: (r,) int32 to write similarities into; less than n^2 costs time, not exactness.

    Returns:
        (count,) int64 medoids in the order of choice; (n,) int64 each row's place among them.
    """
    n = points.columns.shape[1]
    stored = min(n, len(room) // n)
    kernel = room[: stored * n].reshape(stored, n)
    return _greedy(points.columns, points.squared, -1 / points.divisor, kernel, points.count)
