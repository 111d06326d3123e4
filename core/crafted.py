"""Poisons on their way from one run to another: what they are, and what has to be true of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import StoreError

AXES = {
    "rows": "p", "indices": "p", "originals": "pchw", "poisoned": "pchw", "labels": "p", "original_labels": "p",
    "targets": "mchw", "wanted": "m", "true": "m", "target_indices": "m",
}  # fmt: skip
"""Axes of every array by letter; those with pixels are uint8, the others int64."""


@dataclass(frozen=True)
class Facts:
    """What holds for all keys.

    Attributes:
        attack: name of the attack that made them.
        class_names: k names; a label is a position among them.
        data: settings of the data set that they were made from, its name among them.
        epsilon: largest change of a pixel in whole levels, where there is a bound.
        changes_labels: whether any poison has another label than its original.
    """

    attack: str
    class_names: tuple[str, ...]
    data: dict[str, Any]
    epsilon: int | None
    changes_labels: bool


@dataclass(frozen=True, eq=False)
class Poisons:
    """The poisons of one key, p of them, and the m test images that they are for.

    Attributes:
        key: which draw it was.
        n: rows of the clean training set that they were made for.
        rows: (p,) int64, ascending, their rows in that training set; rows from n on were added to it.
        indices: (p,) int64, the positions of their originals in the source of the data set.
        originals, poisoned: (p, c, h, w) uint8.
        labels, original_labels: (p,) int64, as the victim is told and as it was.
        targets: (m, c, h, w) uint8, as the attacker shows them to the victim.
        wanted, true: (m,) int64, the label that the attacker wants for them and their own.
        target_indices: (m,) int64, their positions in the source of the test set.
    """

    key: int
    n: int
    rows: np.ndarray
    indices: np.ndarray
    originals: np.ndarray
    poisoned: np.ndarray
    labels: np.ndarray
    original_labels: np.ndarray
    targets: np.ndarray
    wanted: np.ndarray
    true: np.ndarray
    target_indices: np.ndarray


def relabelled(labels: np.ndarray, original_labels: np.ndarray) -> np.ndarray:
    """Which of the rows that an attack changed are poisons; the others are covers.

    A cover is changed and keeps its label although the attack relabels: it teaches nothing wrong, and is there so that
    poisons do not stand apart. Detection counts covers as clean, because removing one costs a rightly labelled row.
    Where no label is changed at all, every row is a poison.

    Args:
        labels, original_labels: (p,) int64, as the victim is told and as it was.

    Returns:
        (p,) bool.
    """
    changed = labels != original_labels
    return changed if changed.any() else np.ones_like(changed)


def dtype(name: str) -> np.dtype:
    """The type of an array of `Poisons`."""
    return np.dtype("|u1" if "h" in AXES[name] else "<i8")


def largest_change(poisons: Poisons) -> int:
    """The largest change of a pixel, in levels."""
    return int(np.abs(poisons.poisoned.astype(np.int16) - poisons.originals).max())


def check_sides(shape: tuple[int, ...], name: str, sides: dict[str, int], where: str) -> None:
    """Refuse a shape that does not fit those of the other arrays; `sides` learns the axes that are new."""
    axes = AXES[name]
    if len(shape) != len(axes):
        raise StoreError(f"{name!r} in {where} must have the axes {', '.join(axes)}; its shape is {shape}.")
    for letter, side in zip(axes, shape, strict=True):
        if sides.setdefault(letter, side) != side:
            raise StoreError(f"{name!r} in {where} has {side} along {letter}, where there are {sides[letter]}.")


def check(poisons: Poisons, facts: Facts) -> None:
    """Refuse poisons that are impossible, or not what is said about them.

    Raises:
        StoreError: one sentence that names what is wrong and its value.
    """
    where, k, rows = f"key {poisons.key}", len(facts.class_names), poisons.rows
    sides: dict[str, int] = {}
    for name in AXES:
        array = getattr(poisons, name)
        if array.dtype != dtype(name):
            raise StoreError(f"{name!r} in {where} must be {dtype(name)}, not {array.dtype}.")
        check_sides(array.shape, name, sides, where)
    where = where.capitalize()
    if len(rows) == 0 or len(poisons.targets) == 0:
        raise StoreError(f"{where} has {len(rows)} poisons and {len(poisons.targets)} targets; at least one is needed.")
    if poisons.originals.ndim != 4 or poisons.originals.shape[1] not in (1, 3) or 0 in poisons.originals.shape:
        raise StoreError(f"{where} has images of shape {poisons.originals.shape}; legal is (p, 1 or 3, h, w).")
    if (np.diff(rows) <= 0).any() or rows[0] < 0:
        raise StoreError(f"{where} has rows that do not ascend from 0 on.")
    if poisons.indices.min() < 0 or poisons.target_indices.min() < 0:
        raise StoreError(f"{where} has a negative index; indices are positions in the source, from 0 on.")
    replaced = poisons.indices[rows < poisons.n]
    if len(np.unique(replaced)) < len(replaced):
        raise StoreError(f"{where} poisons one image of the source twice.")
    for name in ("labels", "original_labels", "wanted", "true"):
        labels = getattr(poisons, name)
        if labels.min() < 0 or labels.max() >= k:
            raise StoreError(f"{where} has {name} of {labels.min()} to {labels.max()}; legal are 0 to {k - 1}.")
    if (poisons.wanted == poisons.true).any():
        raise StoreError(f"{where} has a target that already is of the wanted class.")
    if not facts.changes_labels and (poisons.labels != poisons.original_labels).any():
        raise StoreError(f"{where} changes labels, and the archive says that it does not.")
    if facts.epsilon is not None and largest_change(poisons) > facts.epsilon:
        raise StoreError(f"{where} moves a pixel by {largest_change(poisons)}/255; its epsilon is {facts.epsilon}/255.")
