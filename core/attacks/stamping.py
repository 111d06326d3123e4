"""What attacks with a visible trigger share: colours, drawing rows, putting stamped rows into a training set."""

import numpy as np

from core.attacks.base import Evaluation, Poisoned
from core.datasets.base import ImageSet
from core.errors import AttackError

COMPONENT = False


def check_class(name: str, label: int, data: ImageSet) -> None:
    """Raise AttackError where a class number is not one of the data set's."""
    if label >= len(data.class_names):
        raise AttackError(f"{name} is {label}; the data set has classes 0 to {len(data.class_names) - 1}.")


def draw(pool: np.ndarray, count: int, random: np.random.Generator, what: str) -> np.ndarray:
    """`count` rows of a pool, ascending; smaller budgets are subsets of larger ones.

    Raises:
        AttackError: the pool is too small.
    """
    if count > len(pool):
        raise AttackError(
            f"The budget is {count} rows, but there are only {len(pool)} rows {what}; lower poison_fraction."
        )
    return np.sort(random.permutation(pool)[:count])


def replaced(data: ImageSet, rows: np.ndarray, images: np.ndarray, labels: np.ndarray) -> Poisoned:
    """The training set with the images and labels at `rows` ((p,) ascending) exchanged."""
    all_images, all_labels = data.images.copy(), data.labels.copy()
    all_images[rows], all_labels[rows] = images, labels
    poisoned = ImageSet(all_images, all_labels, data.class_names, data.indices)
    return Poisoned(poisoned, rows, data.images[rows], data.labels[rows])


def added(data: ImageSet, rows: np.ndarray, images: np.ndarray, labels: np.ndarray) -> Poisoned:
    """The training set with images appended; `rows` ((p,)) are the clean rows that they were made from."""
    n, p = len(data), len(rows)
    poisoned = ImageSet(
        np.concatenate([data.images, images]),
        np.concatenate([data.labels, labels]),
        data.class_names,
        np.concatenate([data.indices, data.indices[rows]]),
    )
    return Poisoned(poisoned, np.arange(n, n + p), data.images[rows], data.labels[rows])


def shown(test: ImageSet, rows: np.ndarray, images: np.ndarray, wanted: np.ndarray) -> Evaluation:
    """Triggered test images as an evaluation set."""
    return Evaluation(images, wanted.astype(np.int64), test.labels[rows], rows)
