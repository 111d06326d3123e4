"""Image sets as HTML: small pictures stay sharp, everything has an alt text, one message for a whole wall."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.pictures import difference, gain, picture, png


@dataclass(frozen=True)
class Tile:
    """One picture of a wall: what it shows, what stands below, what a screen reader says.

    With a `row` it can be chosen, by pointer or keyboard, where somebody listens (see `choosable`).
    """

    image: np.ndarray
    caption: str
    alt: str
    classes: str = ""
    row: int | None = None


def figure(tile: Tile) -> str:
    """One tile; all words are escaped."""
    button = "" if tile.row is None else f' data-row="{int(tile.row)}" tabindex="0" role="button"'
    return (
        f'<figure class="{html.escape(tile.classes)}"{button}>'
        f'<img src="{png(tile.image)}" alt="{html.escape(tile.alt)}">'
        f"<figcaption>{html.escape(tile.caption)}</figcaption></figure>"
    )


def wall(tiles: Sequence[Tile], size: int = 72) -> str:
    """Tiles side by side, wrapping; `size` is the width of a tile in pixels."""
    return f'<div class="ps-wall" style="--ps-tile:{int(size)}px">{"".join(map(figure, tiles))}</div>'


def triples(
    clean: np.ndarray,
    changed: np.ndarray,
    words: Sequence[str],
    size: int = 72,
    *,
    names: tuple[str, str] = ("clean", "poisoned"),
    amplified: int | None = None,
    between: str = "",
    beside: Sequence[Tile] = (),
) -> str:
    """Rows of clean | changed | difference, with a sentence each.

    Args:
        clean, changed: (m, c, h, w) uint8.
        words: m sentences.
        size: width of a picture in pixels.
        names: of the first two pictures.
        amplified: of the difference; without it, what just fills the range.
        between: what to call the difference where it stands between the two others, as what was added to the first.
        beside: what to compare every row with; stands at its end.
    """
    amplified = amplified or gain(clean, changed)
    cells = []
    for before, after, sentence in zip(clean, changed, words, strict=True):
        name = between or "difference"
        moved = Tile(
            difference(before, after, amplified),
            f"{name} ×{amplified}",
            f"{name}, amplified {amplified} times: {sentence}",
        )
        tiles = [Tile(before, names[0], f"{names[0]}: {sentence}"), Tile(after, names[1], f"{names[1]}: {sentence}")]
        tiles.insert(1 if between else 2, moved)
        tiles += beside
        words_below = f'<div class="ps-words">{html.escape(sentence)}</div>'
        cells.append(f'<div class="ps-triple">{"".join(map(figure, tiles))}{words_below}</div>')
    return f'<div class="ps-pairs" style="--ps-tile:{int(size)}px">{"".join(cells)}</div>'


def sprite(images: np.ndarray, columns: int) -> str:
    """All images on one JPEG sheet, row by row, as a data address; (m, c, h, w) uint8."""
    m, c, h, w = images.shape
    sheet_rows = -(-m // columns)
    sheet = np.zeros((sheet_rows * columns, c, h, w), np.uint8)
    sheet[:m] = images
    joined = (
        sheet.reshape(sheet_rows, columns, c, h, w).transpose(2, 0, 3, 1, 4).reshape(c, sheet_rows * h, columns * w)
    )
    buffer = io.BytesIO()
    picture(joined).save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
