"""Work on many rows in parts as large as the device's memory allows."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

Found = TypeVar("Found")

_log = logging.getLogger(__name__)
_fitting: dict[str, int] = {}
"""The largest part that still fitted, by what is done; only where one did not."""


def halving(work: Callable[[slice], Found], count: int, most: int, what: str) -> list[Found]:
    """Do `work` on rows 0 to `count`, part by part; a part for which memory is out is halved, and so are those after.

    Args:
        work: done on the rows of a slice; done again on half of them where it raised.
        count: of rows.
        most: rows of one part.
        what: is done, for the sentence that says so: "Predictions", for example.

    Returns:
        What the work returned, part by part.

    Raises:
        torch.OutOfMemoryError: there is no memory even for one row.
    """
    found: list[Found] = []
    begin, size = 0, min(most, _fitting.get(what, most))
    while begin < count or not found:  # no rows are one part too: what is made of none has a shape
        rows = slice(begin, min(begin + size, count))
        try:
            found.append(work(rows))
            begin = rows.stop
            continue
        except torch.OutOfMemoryError:
            if rows.stop - begin == 1:
                raise
            size = _fitting[what] = (rows.stop - begin) // 2
        # Only here is what the failed work held let go: an exception that is being handled keeps its frames.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        _log.warning("%s: the device's memory is full; from now on %d images at a time.", what, size)
    return found
