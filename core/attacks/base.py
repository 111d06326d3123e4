"""What an attack is, and the checks that every attack's work goes through.

An author writes `poison` and `evaluation_set`; nothing else in the project asks for an attack's name. `apply` and
`evaluation` call them and verify what comes back, so no attack can break its own promise unnoticed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from torch import Tensor

from core.attacks.patch import Patch
from core.crafted import relabelled
from core.datasets.base import ImageSet, Report
from core.errors import AttackError
from core.models.base import Model, Net
from core.seeds import stream
from core.spec import Component, Scenario, Training, setting

COMPONENT = False

Need = Literal["test", "surrogates", "recipe"]
Family = Literal["trigger", "targeted", "noise", "imported", "given"]
Defended = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Tools:
    """What the runner hands to an attack.

    Attributes:
        seed: root of the experiment's random streams.
        key: which draw of the poisons this is (0, 1, ...); a key never depends on a model's seed.
        report: progress of crafting.
        test: the test images, for an attack that lists `test` in `needs`; None for others.
        surrogates: the attacker's own networks, trained on clean data, in evaluation mode; for `surrogates` only.
        model, training, flip: the victim's network, its training, and whether the data set allows mirror images; for
            `surrogates` and `recipe`.
        defended: for an attack that says `simulates_defense`, one for each surrogate: a batch (b, c, h, w) in [0, 1]
            and its labels (b,) in, the batch that the victim's training defense would train on out.
        device: where to craft.
    """

    seed: int
    key: int = 0
    report: Report = field(default=lambda fraction, text: None)
    test: ImageSet | None = None
    surrogates: tuple[Net, ...] = ()
    model: Model | None = None
    training: Training = field(default_factory=Training)
    flip: bool = False
    defended: tuple[Defended, ...] = ()
    device: str = "cpu"

    def random(self, *names: object) -> np.random.Generator:
        """A random stream of this key's own."""
        return stream(self.seed, "key", self.key, *names)


@dataclass(frozen=True)
class Poisoned:
    """A whole training set after the attack, and what changed.

    Attributes:
        data: the training set that the victim sees.
        rows: (p,) int64, the rows of `data` that the attack changed or added, ascending; covers are among them.
        originals: (p, c, h, w) uint8, the clean image behind each of them.
        original_labels: (p,) int64.
        trace: (restarts, steps) float32, the crafting loss where there was crafting; NaN where not measured.
    """

    data: ImageSet
    rows: np.ndarray
    originals: np.ndarray
    original_labels: np.ndarray
    trace: np.ndarray | None = None


@dataclass(frozen=True)
class Evaluation:
    """Test images as the attacker shows them.

    Attributes:
        images: (m, c, h, w) uint8.
        wanted: (m,) int64, the label that the attacker wants predicted.
        true: (m,) int64; never equal to `wanted`.
        indices: (m,) int64, rows of the test set that the images were made from.
    """

    images: np.ndarray
    wanted: np.ndarray
    true: np.ndarray
    indices: np.ndarray


class Attack(Component):
    """Base of every attack; see the module's text.

    `needs` lists what it wants from `Tools` beside random numbers; what is not listed is not handed over.
    """

    family: ClassVar[Family] = "trigger"
    summary: ClassVar[str]
    threat: ClassVar[str]
    changes_labels: ClassVar[bool]
    epsilon_bound: ClassVar[bool] = False
    needs: ClassVar[tuple[Need, ...]] = ()

    poison_fraction: float = setting(
        0.01, "Poison budget: poisoned rows among all training rows.", unit="fraction", gt=0, le=0.5
    )

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        """Poison at most `budget(len(data))` rows of the training set."""
        raise NotImplementedError

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        """The images on which the attack wants to be right."""
        raise NotImplementedError

    def patch(self, h: int, w: int) -> Patch | None:
        """The trigger on images of h x w pixels, where it is a patch that could as well sit elsewhere."""
        return None

    def check(self, scenario: Scenario) -> None:
        """Raise ValueError, in one sentence, where the settings make no sense in a scenario."""

    @property
    def knows_defense(self) -> bool:
        """Whether the attacker knows the victim's training defense, and so trains surrogates with it."""
        return False

    @property
    def simulates_defense(self) -> bool:
        """Whether crafting goes through what the defense does to a batch."""
        return False

    def fingerprint(self) -> str:
        """Whatever the poisons depend on beside the fields (a file's content); part of the cache key."""
        return ""

    def most_keys(self) -> int | None:
        """How many keys there are, where a file says so."""
        return None

    def budget(self, n: int) -> int:
        """Rows that the attack may change among n: at least one."""
        return max(1, round(self.poison_fraction * n))

    def cover_budget(self, n: int) -> int:
        """Rows among n that an attack which relabels may change beside, without relabelling (`relabelled`)."""
        return 0


def apply(attack: Attack, data: ImageSet, tools: Tools) -> Poisoned:
    """Let an attack poison a training set, and verify that it kept its promises.

    Raises:
        AttackError: more rows than the budget, an unreported change, a changed label where the attack is clean-label,
            a pixel beyond epsilon, or arrays of the wrong shape or type.
        ValueError: the attack writes into the clean images, which are read-only, instead of into a copy.
    """
    poisoned = attack.poison(_read_only(data), tools)
    _verify_rows(attack, len(data), poisoned)
    _verify_images(attack, data, poisoned)
    return poisoned


def _read_only(data: ImageSet) -> ImageSet:
    """The same memory; what is compared with afterwards cannot have been changed in place."""
    arrays = [array.view() for array in (data.images, data.labels, data.indices)]
    for array in arrays:
        array.flags.writeable = False
    images, labels, indices = arrays
    return ImageSet(images, labels, data.class_names, indices)


def _verify_rows(attack: Attack, n: int, poisoned: Poisoned) -> None:
    rows, end = poisoned.rows, len(poisoned.data)
    if rows.ndim != 1 or rows.dtype != np.int64:
        raise AttackError(f"{attack.name} must report its rows as one list of int64, not {rows.dtype} {rows.shape}.")
    if len(rows) == 0 and attack.family == "given":
        return
    if len(rows) == 0 or not (np.diff(rows) > 0).all() or rows[0] < 0 or rows[-1] >= end:
        raise AttackError(f"{attack.name} must report at least one row, ascending and inside the set of {end}.")
    budget = attack.budget(n) + attack.cover_budget(n)
    if len(rows) > budget:
        raise AttackError(f"{attack.name} changed {len(rows)} rows; its budget is {budget}.")
    if end < n or not np.isin(np.arange(n, end), rows).all():
        raise AttackError(f"{attack.name} removed rows, or added rows that it does not report.")


def _verify_images(attack: Attack, before: ImageSet, poisoned: Poisoned) -> None:
    after, rows, n = poisoned.data, poisoned.rows, len(before)
    p, originals = len(rows), poisoned.originals
    if after.images.shape[1:] != before.images.shape[1:] or after.class_names != before.class_names:
        raise AttackError(f"{attack.name} changed the shape of images or the classes.")
    given = (originals.shape, originals.dtype, poisoned.original_labels.shape)
    if given != ((p, *before.images.shape[1:]), np.uint8, (p,)):
        raise AttackError(f"{attack.name} must hand over the clean original, in uint8, of each of its {p} rows.")
    untouched = np.setdiff1d(np.arange(n), rows)
    same_pixels = np.array_equal(after.images[untouched], before.images[untouched])
    same_order = np.array_equal(after.indices[:n], before.indices)
    if not same_pixels or not same_order or not np.array_equal(after.labels[untouched], before.labels[untouched]):
        raise AttackError(f"{attack.name} changed rows that it does not report.")
    sources = _sources(before, after, rows)
    if (sources < 0).any() or not np.array_equal(originals, before.images[sources]):
        raise AttackError(f"{attack.name} reports originals that are not the clean images of its rows.")
    if not np.array_equal(poisoned.original_labels, before.labels[sources]):
        raise AttackError(f"{attack.name} reports original labels that are not those of the training set.")
    poisons = int(relabelled(after.labels[rows], poisoned.original_labels).sum())
    if poisons > attack.budget(n):
        raise AttackError(f"{attack.name} relabelled {poisons} rows; its budget is {attack.budget(n)}.")
    if not attack.changes_labels and not np.array_equal(after.labels[rows], poisoned.original_labels):
        raise AttackError(f"{attack.name} is clean-label but changed labels.")
    if attack.epsilon_bound:
        epsilon = getattr(attack, "epsilon", 0)  # an attack that promises a bound and names none may change nothing
        largest = np.abs(after.images[rows].astype(np.int16) - originals).max()
        if largest > epsilon:
            raise AttackError(f"{attack.name} moved a pixel by {largest}/255; its epsilon is {epsilon}/255.")


def _sources(before: ImageSet, after: ImageSet, rows: np.ndarray) -> np.ndarray:
    """For each reported row the clean row behind it: itself, or for an added one the row whose index it carries; -1."""
    place = {int(index): row for row, index in enumerate(before.indices)} if len(after) > len(before) else {}
    sources = [row if row < len(before) else place.get(int(after.indices[row]), -1) for row in rows.tolist()]
    return np.array(sources, dtype=np.int64)


def evaluation(attack: Attack, test: ImageSet, tools: Tools) -> Evaluation:
    """Let an attack show its test images, and verify that none is already of the wanted class.

    Only a set that is as it was given has none at all: nobody knows what its attacker will show.

    Raises:
        AttackError: an image whose true label is the wanted one, a label that is no class, or arrays that do not belong
            together.
        ValueError: the attack writes into the test images, which are read-only, instead of into a copy.
    """
    shown = attack.evaluation_set(_read_only(test), tools)
    m, k = len(shown.images), len(test.class_names)
    if m == 0 and attack.family == "given":
        return shown
    if m == 0:
        raise AttackError(f"{attack.name} has no test image to be judged on: the source class has none.")
    if shown.images.dtype != np.uint8 or shown.images.shape[1:] != test.images.shape[1:]:
        raise AttackError(f"{attack.name} shows images that are not uint8 of the test set's shape.")
    if {shown.wanted.shape, shown.true.shape, shown.indices.shape} != {(m,)}:
        raise AttackError(f"{attack.name} shows {m} images with labels or indices of another number.")
    if not (shown.indices.min() >= 0 and shown.indices.max() < len(test)):
        raise AttackError(f"{attack.name} shows images that it does not find in the test set of {len(test)}.")
    if not (shown.wanted.min() >= 0 and shown.wanted.max() < k):
        raise AttackError(f"{attack.name} wants a class that is not one of 0 to {k - 1}.")
    if (shown.wanted == shown.true).any():
        raise AttackError(f"{attack.name} counts images that already are of the wanted class.")
    if not np.array_equal(shown.true, test.labels[shown.indices]):
        raise AttackError(f"{attack.name} reports true labels that are not the test set's.")
    return shown
