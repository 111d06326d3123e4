"""What a data source hands over: two sets of images with labels, and what may be done to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from core.errors import DataError
from core.spec import Component

COMPONENT = False

Report = Callable[[float, str], None]
"""Progress: fraction done (0 to 1) and what is being done."""


@dataclass(frozen=True)
class ImageSet:
    """Images with labels.

    Attributes:
        images: (n, c, h, w) uint8, c is 1 or 3.
        labels: (n,) int64 in [0, k).
        class_names: k names; the label is the position.
        indices: (n,) int64, where each row stood in the source.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    indices: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[1] not in (1, 3):
            raise DataError(
                f"Images must be uint8 of shape (n, 1 or 3, h, w), not {self.images.dtype} {self.images.shape}."
            )
        if self.labels.shape != (n,) or self.indices.shape != (n,):
            raise DataError(
                f"{n} images need {n} labels and indices, not {self.labels.shape} and {self.indices.shape}."
            )
        if n and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(
                f"Labels must lie in [0, {len(self.class_names)}), not {self.labels.min()} to {self.labels.max()}."
            )

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, rows: np.ndarray) -> "ImageSet":
        """The images at `rows` ((m,) int64 or (n,) bool), copied."""
        return ImageSet(self.images[rows], self.labels[rows], self.class_names, self.indices[rows])


@dataclass(frozen=True)
class Split:
    """A training set and a test set of the same classes and image size.

    Attributes:
        flip: whether a mirror image still shows the same class (never for signs or digits).
        notes: sentences about what was skipped or converted, for the person who brought the data.
    """

    train: ImageSet
    test: ImageSet
    flip: bool
    notes: tuple[str, ...] = field(default=())


class Dataset(Component):
    """A source of images. Its fields are its configuration; `load` does the work, and may take a while."""

    summary: ClassVar[str]

    def fingerprint(self) -> str:
        """Whatever the content depends on beside the fields (a folder's listing); part of the cache key."""
        return ""

    @property
    def expected_rows(self) -> int | None:
        """Training rows, as far as they are known without reading anything: for estimates."""
        return None

    def features(self, indices: np.ndarray) -> np.ndarray | None:
        """(m, d) float32, what is to be looked at in place of a network's features; None where there is no such thing.

        Args:
            indices: (m,) int64, positions in the source.
        """
        return None

    def load(self, report: Report) -> Split:
        """Draw, read or download the images.

        Raises:
            DataError: one sentence that says what is wrong and what to do.
        """
        raise NotImplementedError
