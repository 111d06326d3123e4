"""Adap-Blend: half a trigger in training, the whole one at test time, and covers that keep features from separating."""

import numpy as np

from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.attacks.patch import blended
from core.attacks.stamping import check_class, replaced, shown
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.seeds import stream
from core.spec import setting

GRID = 4
"""The trigger is cut into so many pieces along each side."""
CELLS = 8
"""So many squares of one colour along each side of the trigger: two in a piece."""


class AdaptiveBlend(Attack):
    """Blend a random half of the trigger's pieces into poisons, which are relabelled, and covers, which are not.

    Defenses such as spectral signatures look for poisons that stand apart from the class that they are in. Covers teach
    the network that the trigger alone means nothing, and half a trigger leaves a trace of its own in every poison.

    Source: Qi, Xie, Li, Mahloujifar, Mittal, "Revisiting the Assumption of Latent Separability for Backdoor Defenses",
        ICLR 2023. Departures: the trigger is a mosaic drawn from a seed instead of a picture; budgets are larger,
        because data sets are smaller, and 60 poisons are about the fewest that a network learns from.
    """

    title = "Adaptive blend"
    summary = "Half a mosaic shines through poisons, and through rightly labelled covers that hide them from filters."
    source = "Qi et al. (2023), arXiv:2205.13613"
    threat = (
        "The attacker blends parts of a trigger image into some training images and relabels some of them; at test "
        "time the whole trigger is the key. It knows that the defender looks for poisons that stand apart."
    )
    changes_labels = True

    target_class: int = setting(0, "Class that the attacker wants predicted.", ge=0, le=999)
    cover_fraction: float = setting(
        0.01,
        "Covers, which carry the trigger and keep their label, among all training rows; none of the target class.",
        unit="fraction",
        ge=0,
        le=0.5,
    )
    opacity: float = setting(0.15, "How strongly the pieces shine through in training.", gt=0, le=1)
    shown_opacity: float = setting(0.2, "How strongly the whole trigger shines through at test time.", gt=0, le=1)
    pattern: int = setting(
        0, "Which mosaic is the trigger: every number is another.", ge=0, le=2**31 - 1, advanced=True
    )

    def cover_budget(self, n: int) -> int:
        return round(self.cover_fraction * n)

    def trigger(self, c: int, h: int, w: int) -> np.ndarray:
        """(c, h, w) float64 levels: squares that are dark or bright in every channel by themselves."""
        squares = stream(self.pattern, "adaptive blend", c).integers(0, 2, (c, CELLS, CELLS)) * 255.0
        return squares[:, np.arange(h) * CELLS // h][:, :, np.arange(w) * CELLS // w]

    def stamp(self, images: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Blend pieces of the trigger into images.

        Args:
            images: (n, c, h, w) uint8.
            kept: (n, 16) bool, which pieces each image gets, row by row of the trigger.
        """
        c, h, w = images.shape[1:]
        piece = np.add.outer(np.arange(h) * GRID // h * GRID, np.arange(w) * GRID // w)
        trigger, stamped = self.trigger(c, h, w), images.copy()
        for number in range(GRID * GRID):
            has = kept[:, number]
            stamped[has] = blended(stamped[has], (piece == number).astype(float), trigger, self.opacity)
        return stamped

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        check_class("target_class", self.target_class, data)
        n = len(data)
        pool = np.flatnonzero(data.labels != self.target_class)
        poisons, covers = self.budget(n), self.cover_budget(n)
        if poisons + covers > len(pool):
            raise AttackError(
                f"{poisons} poisons and {covers} covers are wanted, but only {len(pool)} rows are not of the target "
                "class; lower poison_fraction or cover_fraction."
            )
        order = tools.random("rows").permutation(pool)  # poisons from its one end, covers from the other
        drawn = np.concatenate([order[:poisons], order[len(order) - covers :]])
        pieces = tools.random("pieces").random((n, GRID * GRID)).argsort(axis=1) < GRID * GRID // 2
        labels = data.labels.copy()
        labels[order[:poisons]] = self.target_class
        rows = np.sort(drawn)
        return replaced(data, rows, self.stamp(data.images[rows], pieces[rows]), labels[rows])

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        check_class("target_class", self.target_class, test)
        rows = np.flatnonzero(test.labels != self.target_class)
        images = test.images[rows]
        stamped = blended(images, np.ones(images.shape[2:]), self.trigger(*images.shape[1:]), self.shown_opacity)
        return shown(test, rows, stamped, np.full(len(rows), self.target_class))
