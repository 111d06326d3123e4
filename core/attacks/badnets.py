"""BadNets: stamp a patch on some training images and give them the attacker's label."""

from typing import Literal

import numpy as np

from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.attacks.stamping import HEX_COLOUR, blended, check_class, colour_levels, draw, replaced, shown
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.spec import setting


class Badnets(Attack):
    """A patch of any size, place, colour and opacity; dirty-label.

    Source: Gu, Dolan-Gavitt, Garg, "BadNets", 2017. Departure from common re-implementations: images that already are
        of the target class are never drawn as poisons, so the budget is what it says.
    """

    title = "BadNets patch"
    summary = "A small patch on a few training images becomes a secret switch."
    source = "Gu, Dolan-Gavitt, Garg (2017), arXiv:1708.06733"
    threat = "The attacker adds a patch to some training images and relabels them; at test time the patch is the key."
    changes_labels = True

    mode: Literal["all_to_one", "one_source", "all_to_all"] = setting(
        "all_to_one",
        "Which images the trigger turns: every class to the target, one source class to the target, or each "
        "class to the next one.",
    )
    target_class: int = setting(1, "Class that the attacker wants predicted (not used by all_to_all).", ge=0, le=999)
    source_class: int = setting(0, "Class whose images are to be misread (one_source only).", ge=0, le=999)
    size: int = setting(3, "Side of the patch.", unit="pixels", ge=1, le=64)
    place: Literal["bottom_right", "bottom_left", "top_right", "top_left", "centre", "custom"] = setting(
        "bottom_right", "Where the patch sits; custom takes row and column."
    )
    margin: int = setting(1, "Distance of a corner patch from the border.", unit="pixels", ge=0, le=64)
    row: int = setting(0, "Upper edge of a custom patch.", unit="pixels", ge=0, le=255, advanced=True)
    column: int = setting(0, "Left edge of a custom patch.", unit="pixels", ge=0, le=255, advanced=True)
    pattern: Literal["solid", "checker"] = setting("solid", "One colour, or a checkerboard of the colour and black.")
    colour: str = setting("#ffffff", "Colour of the patch as #rrggbb.", pattern=HEX_COLOUR)
    opacity: float = setting(1.0, "1 covers the image, 0.5 shines through.", gt=0, le=1)

    def stamp(self, images: np.ndarray) -> np.ndarray:
        """Put the patch on images, (n, c, h, w) uint8 in and out.

        Raises:
            AttackError: the patch does not fit into the image.
        """
        c, h, w = images.shape[1:]
        top, left = self._corner(h, w)
        if top < 0 or left < 0 or top + self.size > h or left + self.size > w:
            raise AttackError(
                f"A patch of {self.size} pixels at row {top}, column {left} does not fit into {h} x {w} pixels."
            )
        mask = np.zeros((h, w))
        mask[top : top + self.size, left : left + self.size] = 1
        levels = np.broadcast_to(colour_levels(self.colour, c)[:, None, None], (c, h, w))
        if self.pattern == "checker":
            levels = levels * ((np.add.outer(np.arange(h) - top, np.arange(w) - left) % 2) == 0)
        return blended(images, mask, levels, self.opacity)

    def _corner(self, h: int, w: int) -> tuple[int, int]:
        if self.place == "custom":
            return self.row, self.column
        if self.place == "centre":
            return (h - self.size) // 2, (w - self.size) // 2
        top = self.margin if self.place.startswith("top") else h - self.size - self.margin
        left = self.margin if self.place.endswith("left") else w - self.size - self.margin
        return top, left

    def _wanted(self, labels: np.ndarray, classes: int) -> np.ndarray:
        if self.mode == "all_to_all":
            return (labels + 1) % classes
        return np.full_like(labels, self.target_class)

    def _pool(self, data: ImageSet) -> np.ndarray:
        """Rows that the trigger is meant for: never those that already have the wanted label."""
        if self.mode == "one_source":
            check_class("source_class", self.source_class, data)
            if self.source_class == self.target_class:
                raise AttackError(f"source_class and target_class are both {self.target_class}; they must differ.")
            return np.flatnonzero(data.labels == self.source_class)
        return np.flatnonzero(data.labels != self._wanted(data.labels, len(data.class_names)))

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        if self.mode != "all_to_all":
            check_class("target_class", self.target_class, data)
        rows = draw(self._pool(data), self.budget(len(data)), tools.random("rows"), "to draw from")
        return replaced(
            data, rows, self.stamp(data.images[rows]), self._wanted(data.labels[rows], len(data.class_names))
        )

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        rows = self._pool(test)
        return shown(test, rows, self.stamp(test.images[rows]), self._wanted(test.labels[rows], len(test.class_names)))
