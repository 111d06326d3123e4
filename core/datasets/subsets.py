"""Choosing some rows of each class, the same ones every time."""

import numpy as np
from jaxtyping import Int64

from core.errors import DataError
from core.seeds import stream

COMPONENT = False

MOST_BYTES = 4 * 2**30
"""Images are held in memory whole; more than this is refused before anything is read."""


def first_of_each(
    labels: Int64[np.ndarray, " n"], limit: int | None, *names: object, seed: int = 0
) -> Int64[np.ndarray, " m"]:
    """The first `limit` rows of every class after a shuffle of that class, in their old order.

    Args:
        labels: (n,) int64.
        limit: rows to keep of each class; None keeps all, and so does a limit that a class does not reach.
        names: name the shuffle; see `core.seeds`.
        seed: of the shuffle.

    Returns:
        (m,) int64, sorted. A larger limit keeps the rows of a smaller one.
    """
    if limit is None:
        return np.arange(len(labels))
    kept = [
        stream(seed, *names, label).permutation(np.flatnonzero(labels == label))[:limit] for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(kept)) if kept else np.arange(0)


def check_memory(count: int, size: int) -> None:
    """Refuse more colour images than can be held.

    Raises:
        DataError: says how much it would be and what to lower.
    """
    needed = count * 3 * size * size
    if needed > MOST_BYTES:
        raise DataError(
            f"{count:,} images of {size} x {size} pixels need {needed / 2**30:.1f} GiB and the limit is "
            f"{MOST_BYTES / 2**30:.0f} GiB; choose a smaller size, or fewer by train_per_class and test_per_class."
        )
