"""Triggers that somebody drew, as one word: rows of cells, each six hexadecimal digits of a colour or six dashes.

`drawn:ff0000------.------0000ff` is a red cell above left, a blue one below right, and two that leave the image as it
is. One word and not a list, because a link, a command line, a file of settings and a form can all hold it.
"""

import re
from collections.abc import Sequence

import numpy as np

COMPONENT = False

PREFIX = "drawn:"
EMPTY = "------"
MOST = 8
"""Cells along a side."""
_ROW = re.compile(r"(?:[0-9a-f]{6}|-{6})+")
_LEGAL = f"1 to {MOST} rows of as many cells, joined by dots; a cell is a colour such as ff0000 or {EMPTY}"

Cells = tuple[tuple[str, ...], ...]
"""Rows from the top; each cell is `rrggbb`, or EMPTY."""


def read(text: str) -> Cells:
    """The cells of a drawing.

    Raises:
        ValueError: it is not one; a sentence without its end.
    """
    rows = text.removeprefix(PREFIX).lower().split(".")
    if not text.startswith(PREFIX) or not all(map(_ROW.fullmatch, rows)):
        raise ValueError(f"{text[:40]!r} is no drawing, which is {PREFIX} and {_LEGAL}")
    cells = tuple(tuple(row[start : start + 6] for start in range(0, len(row), 6)) for row in rows)
    if len(cells) > MOST or any(len(row) != len(cells) for row in cells):
        sides = f"{len(cells)} rows with {', '.join(str(len(row)) for row in cells[:MOST])} cells"
        raise ValueError(f"the drawing has {sides}; it must have {_LEGAL}")
    if all(cell == EMPTY for row in cells for cell in row):
        raise ValueError("the drawing is empty; at least one of its cells needs a colour")
    return cells


def written(cells: Sequence[Sequence[str]]) -> str:
    """The opposite of `read`."""
    return PREFIX + ".".join("".join(row) for row in cells)


def words(text: str) -> str:
    """A drawing in a few words."""
    side = len(read(text))
    return f"drawing, {side} × {side}"


def cross(side: int, colour: str) -> str:
    """A diagonal cross of one colour, `#rrggbb`: something to start with."""
    pen = colour.removeprefix("#").lower()
    diagonal = [(row, side - 1 - row) for row in range(side)]
    return written([[pen if column in both else EMPTY for column in range(side)] for both in diagonal])


def resized(text: str, side: int) -> str:
    """A drawing with another number of cells along a side: cut off, or empty ones added, on the right and below."""
    cells = read(text)
    kept = [[*row[:side], *([EMPTY] * (side - len(row)))] for row in cells[:side]]
    kept += [[EMPTY] * side for _ in range(side - len(kept))]
    if all(cell == EMPTY for row in kept for cell in row):  # what is left of it would be no drawing
        kept[0][0] = next(cell for row in cells for cell in row if cell != EMPTY)
    return written(kept)


def stretched(cells: Cells, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A drawing at a size: every pixel takes the cell that its own place falls into.

    Returns:
        (mask (size, size) float64 of 0 and 1, levels (3, size, size) float64 in [0, 255]).
    """
    place = np.arange(size) * len(cells) // size
    mask = np.array([[cell != EMPTY for cell in row] for row in cells], dtype=np.float64)
    levels = np.array([[_levels(cell) for cell in row] for row in cells], dtype=np.float64).transpose(2, 0, 1)
    return mask[place][:, place], levels[:, place][:, :, place]


def _levels(cell: str) -> list[int]:
    return [0, 0, 0] if cell == EMPTY else list(bytes.fromhex(cell))
