"""Sets of images: divided for pretraining; on disk as the folder of a data step, and that of a poison step over it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.attacks.base import Evaluation
from core.crafted import relabelled
from core.datasets.base import ImageSet, Split
from core.errors import PoisonscopeError
from core.runs.artifacts import Artifacts, save
from core.seeds import stream


@dataclass(frozen=True)
class PoisonedSet:
    """A training set after the attack, with the truth about it.

    Attributes:
        train: all rows, as the victim is given them.
        rows: (p,) int64, ascending, those that are poison; covers are not (`core.crafted.relabelled`).
        evaluation: the test images as the attacker shows them.
    """

    train: ImageSet
    rows: np.ndarray
    evaluation: Evaluation

    @property
    def targeted(self) -> bool:
        """Whether the attack is after one chosen image."""
        return len(self.evaluation.images) == 1

    @property
    def truth(self) -> np.ndarray:
        """(n,) bool, True where the row is a poison."""
        truth = np.zeros(len(self.train), dtype=bool)
        truth[self.rows] = True
        return truth


def divided(split: Split, part: float, seed: int, *, pretraining: bool) -> Split:
    """The rows that the network is pretrained on, or all others; every class is divided in the same proportion.

    Raises:
        PoisonscopeError: fewer than two rows are left.
    """
    labels, random = split.train.labels, stream(seed, "pretraining part")
    chosen = np.zeros(len(labels), dtype=bool)
    for label in range(len(split.train.class_names)):
        rows = random.permutation(np.flatnonzero(labels == label))
        chosen[rows[: round(part * len(rows))]] = True
    rows = np.flatnonzero(chosen == pretraining)
    if len(rows) < 2:
        raise PoisonscopeError(
            f"pretraining.part {part} leaves {len(rows)} of {len(labels)} images; "
            "choose a share that leaves both sides some."
        )
    return Split(split.train.rows(rows), split.test, split.flip, split.notes)


def save_split(folder: Path, split: Split) -> None:
    """Write the files of a data step."""
    arrays = {
        f"{part}_{name}": getattr(images, name)
        for part, images in (("train", split.train), ("test", split.test))
        for name in ("images", "labels", "indices")
    }
    save(folder, {"class_names": split.train.class_names, "flip": split.flip, "notes": split.notes}, **arrays)


def read_split(artifacts: Artifacts, key: str) -> Split:
    """The data set of a finished data step, mapped from its files."""
    meta = artifacts.meta(key)
    train, test = (
        ImageSet(
            artifacts.array(key, f"{part}_images"),
            artifacts.array(key, f"{part}_labels"),
            tuple(meta["class_names"]),
            artifacts.array(key, f"{part}_indices"),
        )
        for part in ("train", "test")
    )
    return Split(train, test, meta["flip"], tuple(meta["notes"]))


def read_poisoned(artifacts: Artifacts, key: str, clean: ImageSet) -> PoisonedSet:
    """The clean training set as a finished poison step left it."""

    def array(name: str) -> np.ndarray:
        return np.array(artifacts.array(key, name))

    rows, extra = array("rows"), artifacts.meta(key)["n"] - len(clean)
    images = np.concatenate([clean.images, np.zeros((extra, *clean.images.shape[1:]), np.uint8)])
    labels = np.concatenate([clean.labels, np.zeros(extra, np.int64)])
    indices = np.concatenate([clean.indices, np.full(extra, -1)])  # added rows have no place in the source
    images[rows], labels[rows] = array("images"), array("labels")
    evaluation = Evaluation(array("eval_images"), array("eval_wanted"), array("eval_true"), array("eval_indices"))
    poisons = rows[relabelled(labels[rows], array("original_labels"))]
    return PoisonedSet(ImageSet(images, labels, clean.class_names, indices), poisons, evaluation)
