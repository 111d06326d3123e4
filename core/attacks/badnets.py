"""BadNets: stamp a patch on some training images and give them the attacker's label."""

from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from core.attacks import drawing
from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.attacks.patch import HEX_COLOUR, PATTERNS, Patch
from core.attacks.stamping import check_class, draw, replaced, shown
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.spec import setting


class Badnets(Attack):
    """A patch of any size, place, colour and opacity; dirty-label.

    Source: Gu, Dolan-Gavitt, Garg, "BadNets", 2017. Departure from common re-implementations: images that already are
        of the target class are never drawn as poisons, so the budget is what it says. The paper's triggers are a pixel
        and a pattern of four; a drawing may be any, with cells that leave the image as it is.
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
    pattern: Literal["solid", "checker"] | str = setting(
        "solid",
        "solid: one colour. checker: a checkerboard of the colour and black. drawn:…: rows of cells with colours of "
        "their own, stretched over the patch; the Play page draws one.",
    )
    colour: str = setting("#ffffff", "Colour of the patch as #rrggbb.", pattern=HEX_COLOUR)
    opacity: float = setting(1.0, "1 covers the image, 0.5 shines through.", gt=0, le=1)

    @field_validator("pattern")
    @classmethod
    def _legal_pattern(cls, pattern: str, known: Any) -> str:
        if pattern in PATTERNS:
            return pattern
        if not pattern.startswith(drawing.PREFIX):
            raise ValueError(f"{pattern[:40]!r} is neither solid, checker nor a drawing, which starts with drawn:")
        side, size = len(drawing.read(pattern)), known.data.get("size", drawing.MOST)
        if side > size:
            raise ValueError(f"the drawing has {side} rows and size is {size}; make size at least {side}")
        return pattern.lower()

    def patch(self, h: int, w: int) -> Patch:
        row, column = self._corner(h, w)
        return Patch(row, column, self.size, self.pattern, self.colour, self.opacity)

    def stamp(self, images: np.ndarray) -> np.ndarray:
        """Put the patch on images, (n, c, h, w) uint8 in and out.

        Raises:
            AttackError: the patch does not fit into the image.
        """
        return self.patch(*images.shape[2:]).stamp(images)

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
