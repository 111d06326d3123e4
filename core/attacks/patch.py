"""Laying a trigger over images, and the patch: a trigger that attacks stamp, and that anybody may try elsewhere."""

from dataclasses import dataclass

import numpy as np

from core.attacks import drawing
from core.errors import AttackError

COMPONENT = False

HEX_COLOUR = r"^#[0-9a-fA-F]{6}$"
PATTERNS = ("solid", "checker")
"""Beside these, a drawing (see `core.attacks.drawing`)."""


def colour_levels(colour: str, channels: int) -> np.ndarray:
    """`#rrggbb` as (channels,) float levels in [0, 255]; its luminance for grey images."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)
    return rgb if channels == 3 else luminance(rgb)


def luminance(levels: np.ndarray) -> np.ndarray:
    """Grey levels (1, ...) of red, green and blue ones (3, ...)."""
    return np.tensordot([[0.299, 0.587, 0.114]], levels, axes=1)


def blended(images: np.ndarray, mask: np.ndarray, levels: np.ndarray, opacity: float) -> np.ndarray:
    """Lay a trigger over images, rounded to uint8.

    Args:
        images: (n, c, h, w) uint8.
        mask: (h, w) float in [0, 1], where the trigger covers.
        levels: (c,) or (c, h, w) float, the trigger's levels in [0, 255].
        opacity: 0 leaves the image, 1 replaces it.
    """
    touched = mask > 0  # a patch covers a few pixels; only they become floats, eight times as large as bytes
    alpha = mask[touched] * opacity
    trigger = np.broadcast_to(levels.reshape(len(levels), *(levels.shape[1:] or (1, 1))), images.shape[1:])
    stamped = images.copy()
    stamped[:, :, touched] = np.rint(images[:, :, touched] * (1 - alpha) + trigger[:, touched] * alpha).clip(0, 255)
    return stamped


@dataclass(frozen=True)
class Patch:
    """A square.

    Attributes:
        row, column: its upper left corner in the image.
        size: its side in pixels.
        pattern: one of PATTERNS, or a drawing.
        colour: `#rrggbb`; a drawing has its own.
        opacity: 1 covers the image.
    """

    row: int
    column: int
    size: int
    pattern: str = "solid"
    colour: str = "#ffffff"
    opacity: float = 1.0

    def look(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """The patch by itself.

        Returns:
            (mask (size, size) float64, 1 where it covers; levels (channels, size, size) float64 in [0, 255]).
        """
        if self.pattern.startswith(drawing.PREFIX):
            mask, levels = drawing.stretched(drawing.read(self.pattern), self.size)
            return mask, levels if channels == 3 else luminance(levels)
        square = np.ones((self.size, self.size))
        levels = colour_levels(self.colour, channels)[:, None, None] * square
        if self.pattern == "checker":
            levels = levels * (np.indices(square.shape).sum(axis=0) % 2 == 0)
        return square, levels

    def stamp(self, images: np.ndarray) -> np.ndarray:
        """Put the patch on images, (n, c, h, w) uint8 in and out.

        Raises:
            AttackError: it does not fit into the image.
        """
        c, h, w = images.shape[1:]
        rows, columns = slice(self.row, self.row + self.size), slice(self.column, self.column + self.size)
        if self.row < 0 or self.column < 0 or rows.stop > h or columns.stop > w:
            raise AttackError(
                f"A patch of {self.size} pixels at row {self.row}, column {self.column} does not fit into "
                f"{h} x {w} pixels."
            )
        mask, levels = np.zeros((h, w)), np.zeros((c, h, w))
        mask[rows, columns], levels[:, rows, columns] = self.look(c)
        return blended(images, mask, levels, self.opacity)
