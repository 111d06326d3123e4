"""Label flip: wrong labels on untouched images, the availability baseline."""

from typing import ClassVar, Literal

import numpy as np

from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.attacks.stamping import check_class, draw, replaced, shown
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.spec import setting


class LabelFlip(Attack):
    """Relabel some training images and change no pixel.

    An availability attack wants the model to be worse, not to be wrong in one way, so what counts as success is a
    choice. fixed: images of the source class that are read as the target class. pair: any image that is read as the
    class after its own. symmetric: there is no wanted class; each test image gets one of the other classes by the key's
    stream, so that "success" is about the error rate divided by the number of other classes. The number to read there
    is clean accuracy.

    Source: the label noise of many papers, among them Patrini et al., "Making Deep Neural Networks Robust to Label
        Noise", 2017. Departures: rates are shares of the whole training set, not of each class; symmetric noise never
        draws the true class again, so the budget is what it says.
    """

    title = "Label flip"
    summary = "Wrong labels on untouched images: the baseline that every filter should beat."
    source = "Patrini et al. (2017), arXiv:1609.03683"
    threat = (
        "The attacker changes labels and no pixel. In fixed mode one class is to be read as another; in the other "
        "modes the model is to become worse, and the number to read is clean accuracy."
    )
    changes_labels = True
    family: ClassVar[Literal["trigger", "targeted", "noise", "imported"]] = "noise"

    poison_fraction: float = setting(
        0.1, "Poison budget: relabelled rows among all training rows.", unit="fraction", gt=0, le=0.5
    )
    mode: Literal["symmetric", "pair", "fixed"] = setting(
        "symmetric", "New label: any other class at random, the next class, or source class to target class."
    )
    source_class: int = setting(0, "Class whose images are relabelled (fixed only).", ge=0, le=999)
    target_class: int = setting(1, "Class that they are relabelled to (fixed only).", ge=0, le=999)

    def _pool(self, data: ImageSet) -> np.ndarray:
        """Rows that may be relabelled.

        Raises:
            AttackError: the classes do not fit the data set.
        """
        if len(data.class_names) < 2:
            raise AttackError("A label can only be flipped to another class, and the data set has one class.")
        if self.mode != "fixed":
            return np.arange(len(data))
        check_class("source_class", self.source_class, data)
        check_class("target_class", self.target_class, data)
        if self.source_class == self.target_class:
            raise AttackError(f"source_class and target_class are both {self.target_class}; they must differ.")
        return np.flatnonzero(data.labels == self.source_class)

    def _flipped(self, data: ImageSet, random: np.random.Generator) -> np.ndarray:
        """A wrong label for every row of a set, (n,) int64; a row's label does not depend on the budget."""
        k = len(data.class_names)
        if self.mode == "fixed":
            return np.full_like(data.labels, self.target_class)
        step = random.integers(1, k, len(data)) if self.mode == "symmetric" else 1
        return (data.labels + step) % k

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        what = "of the source class" if self.mode == "fixed" else "to draw from"
        rows = draw(self._pool(data), self.budget(len(data)), tools.random("rows"), what)
        return replaced(data, rows, data.images[rows], self._flipped(data, tools.random("labels"))[rows])

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        rows = self._pool(test)
        return shown(test, rows, test.images[rows], self._flipped(test, tools.random("wanted"))[rows])
