"""Well-known collections of images, downloaded by torchvision when they are first asked for."""

from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from core.datasets.base import Dataset, ImageSet, Report, Split
from core.datasets.downloads import COLLECTIONS, opened
from core.datasets.subsets import check_memory, first_of_each
from core.spec import setting

GTSRB = (
    *(f"limit {speed}" for speed in (20, 30, 50, 60, 70, 80)),
    *(
        "end of limit 80",
        "limit 100",
        "limit 120",
        "no passing",
        "no passing for trucks",
        "right of way",
        "priority road",
    ),
    *("yield", "stop", "no vehicles", "no trucks", "no entry", "danger", "curve left", "curve right", "double curve"),
    *(
        "bumpy road",
        "slippery road",
        "road narrows",
        "road works",
        "traffic lights",
        "pedestrians",
        "children",
        "bicycles",
    ),
    *("ice or snow", "wild animals", "end of limits", "turn right", "turn left", "straight on", "straight or right"),
    *("straight or left", "keep right", "keep left", "roundabout", "end of no passing", "end of no passing for trucks"),
)
"""GTSRB's 43 classes in the order of their numbers, which is all that torchvision knows of them."""

ROWS = {
    "cifar10": (10, 50_000),
    "cifar100": (100, 50_000),
    "mnist": (10, 60_000),
    "fashion_mnist": (10, 60_000),
    "svhn": (10, 73_257),
    "gtsrb": (43, 26_640),
}
"""Classes and training images of each collection, to know what awaits one before it is downloaded."""


class TorchvisionSet(Dataset):
    """CIFAR-10, CIFAR-100, MNIST, Fashion-MNIST, SVHN or GTSRB, as torchvision downloads them.

    Nothing is fetched before `load`, and only once. Images of 28 x 28 pixels get a border of two black pixels; where
    `size` is still another, images are resampled to it (GTSRB's always are). Grey collections stay grey.
    """

    title: ClassVar[str] = "torchvision data set"
    summary: ClassVar[str] = "A well-known collection, downloaded once: CIFAR, MNIST, Fashion-MNIST, SVHN or GTSRB."

    collection: Literal["cifar10", "cifar100", "mnist", "fashion_mnist", "svhn", "gtsrb"] = setting(
        "cifar10", "Which collection; it is downloaded when it is first used."
    )
    size: int = setting(32, "Side of the images after resampling.", unit="pixels", ge=8, le=224)
    train_per_class: int | None = setting(
        None, "Training images kept of each class; all if not set.", unit="images", ge=1
    )
    test_per_class: int | None = setting(None, "Test images kept of each class; all if not set.", unit="images", ge=1)
    seed: int = setting(0, "Decides which images are kept.", ge=0, le=2**31 - 1, advanced=True)

    @property
    def expected_rows(self) -> int:
        classes, rows = ROWS[self.collection]
        return rows if self.train_per_class is None else min(rows, classes * self.train_per_class)

    def load(self, report: Report) -> Split:
        collection = COLLECTIONS[self.collection]
        report(0.0, f"Open {collection.shown}")
        train, test = opened(self.collection, report)
        names = class_names(train, self.collection)
        report(0.99, f"Bring {collection.shown} to {self.size} x {self.size} pixels")
        split = Split(
            self._part("train", train, names, self.train_per_class),
            self._part("test", test, names, self.test_per_class),
            flip=collection.flip,
        )
        report(1.0, f"{collection.shown} is ready")
        return split

    def _part(self, part: str, source: Any, names: tuple[str, ...], limit: int | None) -> ImageSet:
        labels = labels_of(source)
        rows = first_of_each(labels, limit, self.collection, part, seed=self.seed)
        check_memory(len(rows), self.size)
        return ImageSet(images_of(source, rows, self.size), labels[rows], names, rows)


def class_names(source: Any, collection: str) -> tuple[str, ...]:
    """The names of a collection's classes, in the order of their labels."""
    if collection == "gtsrb":
        return GTSRB
    if collection in ("mnist", "svhn"):
        return tuple(map(str, range(10)))
    return tuple(source.classes)


def labels_of(source: Any) -> Int64[np.ndarray, " n"]:
    """SVHN calls them labels, GTSRB keeps them beside its file names, all others call them targets."""
    for attribute in ("targets", "labels"):
        if hasattr(source, attribute):
            return np.asarray(getattr(source, attribute)).astype(np.int64)
    return np.array([label for _, label in source._samples], np.int64)


def images_of(source: Any, rows: Int64[np.ndarray, " m"], size: int) -> UInt8[np.ndarray, "m c size size"]:
    """Some rows of a torchvision data set: (n, h, w), (n, h, w, 3), (n, 3, h, w), or files that it opens one by one."""
    if not hasattr(source, "data"):
        return np.stack([resampled(np.asarray(source[int(row)][0]), size) for row in rows])
    images = np.asarray(source.data)[rows]
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[1] != 3:
        images = images.transpose(0, 3, 1, 2)
    if images.shape[-1] == 28:
        images = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    if images.shape[-2:] != (size, size):
        images = np.stack([resampled(image.transpose(1, 2, 0), size) for image in images])
    return np.ascontiguousarray(images)


def resampled(pixels: UInt8[np.ndarray, "h w c"], size: int) -> UInt8[np.ndarray, "c size size"]:
    """One image at another size, by bicubic resampling."""
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    return np.atleast_3d(np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))).transpose(2, 0, 1)
