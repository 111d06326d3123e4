"""The triggers of the spectral-signatures paper: one pixel, an X or an L, on images of one class."""

from typing import Literal

import numpy as np

from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.attacks.patch import HEX_COLOUR, blended, colour_levels
from core.attacks.stamping import added, check_class, draw, replaced, shown
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.spec import setting

SHAPES: dict[str, tuple[tuple[int, int], ...]] = {
    "pixel": ((0, 0),),
    "x": ((0, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)),
    "l": ((0, 0), (1, 0), (0, 1)),
}
"""(row, column) offsets from the trigger's position."""


class TranTrigger(Attack):
    """A tiny fixed pattern on images of one source class, relabelled to the target class.

    Source: Tran, Li, Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018. Departures: in `replace` mode a
        poison stays at its row instead of moving to the end of the set, which changes nothing because every epoch is
        shuffled; the budget is a share of the whole training set, where the paper counts it against one class.
    """

    title = "Pixel, X or L trigger"
    summary = "One to five odd pixels make one class be read as another."
    source = "Tran, Li, Madry (2018), arXiv:1811.00636"
    threat = "The attacker marks some images of one class with a few pixels and relabels them; the mark is the key."
    changes_labels = True

    shape: Literal["pixel", "x", "l"] = setting("pixel", "One pixel, five in an X, or three in an L.")
    source_class: int = setting(9, "Class whose images are to be misread.", ge=0, le=999)
    target_class: int = setting(4, "Class that the attacker wants predicted.", ge=0, le=999)
    row: int = setting(11, "Row of the trigger's centre (its corner for L).", unit="pixels", ge=0, le=255)
    column: int = setting(16, "Column of the trigger's centre (its corner for L).", unit="pixels", ge=0, le=255)
    colour: str = setting("#650019", "Colour of the pixels as #rrggbb.", pattern=HEX_COLOUR)
    mode: Literal["replace", "add"] = setting(
        "replace", "Poisons take the place of their originals, or are added to them."
    )

    def stamp(self, images: np.ndarray) -> np.ndarray:
        """Set the trigger's pixels, (n, c, h, w) uint8 in and out.

        Raises:
            AttackError: a pixel lies outside the image.
        """
        c, h, w = images.shape[1:]
        mask = np.zeros((h, w))
        for down, right in SHAPES[self.shape]:
            y, x = self.row + down, self.column + right
            if not (0 <= y < h and 0 <= x < w):
                raise AttackError(
                    f"The {self.shape} trigger at row {self.row}, column {self.column} leaves the {h} x {w} image."
                )
            mask[y, x] = 1
        return blended(images, mask, colour_levels(self.colour, c), 1.0)

    def _pool(self, data: ImageSet) -> np.ndarray:
        check_class("source_class", self.source_class, data)
        check_class("target_class", self.target_class, data)
        if self.source_class == self.target_class:
            raise AttackError(f"source_class and target_class are both {self.target_class}; they must differ.")
        return np.flatnonzero(data.labels == self.source_class)

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        rows = draw(self._pool(data), self.budget(len(data)), tools.random("rows"), "of the source class")
        put = replaced if self.mode == "replace" else added
        return put(data, rows, self.stamp(data.images[rows]), np.full(len(rows), self.target_class))

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        rows = self._pool(test)
        return shown(test, rows, self.stamp(test.images[rows]), np.full(len(rows), self.target_class))
