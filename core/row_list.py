"""Row numbers as compact text, such as `3,7,12-19`: how a choice of rows travels in settings, links and commands."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

MOST = 20_000
"""Rows that a list may name: more than that nobody has picked by hand."""
UNIT = "row numbers"
"""Unit of a setting that is such a list."""
SHOWN = 24
"""Letters of a list that are shown where it only has to be recognised."""

_PART = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", re.ASCII)


def read(text: str) -> np.ndarray:
    """The rows that a text lists.

    Args:
        text: numbers and ranges with commas or spaces between them, in any order; a row may be named twice.

    Returns:
        (m,) int64, ascending, each once.

    Raises:
        ValueError: it holds something else, or names too many rows; one sentence without a full stop.
    """
    found: list[np.ndarray] = []
    named = 0
    for part in filter(None, re.split(r"[,;\s]+", re.sub(r"\s*-\s*", "-", text.strip()))):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part[:20]!r} is no row number; rows are listed such as 3,7,12-19")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"the range {part[:20]!r} runs backwards; write {last}-{first}")
        named += last - first + 1
        if last - first >= MOST or named > 4 * MOST:
            raise ValueError(_too_many(named))
        found.append(np.arange(first, last + 1, dtype=np.int64))
    rows = np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)
    if len(rows) > MOST:
        raise ValueError(_too_many(len(rows)))
    return rows


def _too_many(named: int) -> str:
    return f"{named:,} rows are too many to pick by hand; list at most {MOST:,}"


def written(rows: Iterable[int] | np.ndarray) -> str:
    """The shortest text that lists some rows, each once and ascending: `3,7,12-19`.

    Args:
        rows: whole numbers from 0 on, in any order.
    """
    listed = np.unique(np.fromiter(rows, dtype=np.int64))
    if not len(listed):
        return ""
    starts = np.flatnonzero(np.diff(listed, prepend=listed[0] - 2) != 1)
    ends = np.append(starts[1:], len(listed)) - 1
    pairs = zip(listed[starts].tolist(), listed[ends].tolist(), strict=True)
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in pairs)


def legal(value: Any) -> Any:
    """A list as a setting is given, in its one written form; for a validator that runs before others.

    Args:
        value: text, one number or a list of numbers; anything else is left for others to refuse.

    Raises:
        ValueError: see `read`; or a number below 0.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = [value]
    if isinstance(value, list | tuple) and all(isinstance(row, int) and not isinstance(row, bool) for row in value):
        if any(row < 0 for row in value):
            raise ValueError(f"{min(value)} is no row number; rows are counted from 0")
        value = ",".join(map(str, value))
    return written(read(value)) if isinstance(value, str) else value


def said(text: str) -> str:
    """A list in a few words: `12 rows: 3,7,12-19 …`."""
    many = len(read(text))
    if not many:
        return "no rows"
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN].rpartition(',')[0] or text[:SHOWN]},…"
    return f"{many:,} row{'s' * (many != 1)}: {shown}"
