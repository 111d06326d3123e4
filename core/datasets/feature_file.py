"""Features that another network computed, as an .npz: a data set without images."""

import hashlib
import math
import re
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import field_validator

from core.datasets.base import Dataset, ImageSet, Report, Split
from core.datasets.subsets import first_of_each
from core.errors import DataError, StoreError
from core.spec import setting
from core.unpacking import check_members, plain_array

MOST_ROWS, MOST_FEATURES, MOST_CLASSES = 200_000, 4096, 1000
MOST_BYTES = 2**30
FLOATS = [np.dtype(kind) for kind in ("<f4", "<f8", "<f2")]
WHOLE = [np.dtype(kind) for kind in ("<i8", "<i4", "<i2", "|i1", "<u4", "<u2", "|u1")]
_MEMBER = re.compile(r"(features|labels|poison)\.npy")
WHAT, WHERE = "npz of features", "the file of features"


class FeatureFile(Dataset):
    """`features` (n, d) and `labels` (n,), and perhaps `poison` (n,), as numpy's `savez` writes them.

    What is looked at are these numbers. So that every page has something to show, and a linear model something to
    learn, each row is also drawn: one grey pixel a feature, black where it is lowest among all rows and white where
    highest.
    """

    title: ClassVar[str] = "Features (.npz)"
    summary: ClassVar[str] = "Features that a network of yours computed, with labels; there are no images."

    path: str = setting(..., "The .npz with the arrays features and labels.", min_length=1, max_length=4096)
    names: tuple[str, ...] = setting((), "Names of the classes; their numbers if not given.")
    test_fraction: float = setting(0.1, "Share of each class held back for the test.", ge=0.01, le=0.9)
    seed: int = setting(0, "Decides which rows are held back.", ge=0, le=2**31 - 1, advanced=True)

    @field_validator("path")
    @classmethod
    def _no_null(cls, path: str) -> str:
        if "\0" in path:
            raise ValueError("a path has no null character")
        return path

    def fingerprint(self) -> str:
        """Changes with the content of the file."""
        try:
            with Path(self.path).expanduser().open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:20]
        except OSError:
            raise DataError(f"There is no file of features {self.path!r:.300}.") from None

    def load(self, report: Report) -> Split:
        table = read(Path(self.path))
        classes = int(table.labels.max()) + 1
        if self.names and len(self.names) != classes:
            raise DataError(f"names lists {len(self.names)} classes, and the labels go up to {classes - 1}.")
        names = self.names or tuple(f"class {label}" for label in range(classes))
        report(0.5, "Draw the features")
        pictures, held = _drawn(table.features), np.zeros(len(table.labels), bool)
        for label in range(classes):
            rows = np.flatnonzero(table.labels == label)
            count = min(max(round(len(rows) * self.test_fraction), 1), len(rows) - 1)
            one = np.zeros(len(rows), np.int64)
            held[rows[first_of_each(one, count, "features", "split", label, seed=self.seed)]] = True
        whole = ImageSet(pictures, table.labels, names, np.arange(len(table.labels)))
        report(1.0, "Features are read")
        return Split(whole.rows(~held), whole.rows(held), flip=False, notes=("Pictures are drawings of the features.",))

    def features(self, indices: np.ndarray) -> np.ndarray:
        return read(Path(self.path)).features[indices]


@dataclass(frozen=True, eq=False)
class Table:
    """What a file of features holds.

    Attributes:
        features: (n, d) float32, finite.
        labels: (n,) int64 from 0 on, every class with at least two rows.
        poison: (n,) bool, or None where nobody knows.
    """

    features: np.ndarray
    labels: np.ndarray
    poison: np.ndarray | None


def read(path: Path) -> Table:
    """Read a file of features, without believing anything in it.

    Raises:
        DataError: one sentence that names the first thing that is wrong.
    """
    try:
        status = path.expanduser().stat()
    except OSError:
        raise DataError(f"There is no file of features {str(path)!r:.300}.") from None
    return _read(path.expanduser().absolute(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, size: int, changed: int) -> Table:
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive, WHAT, _MEMBER, "features.npy")
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise DataError(f"The features unpack to more than {MOST_BYTES:,} bytes, which is the most allowed.")
            features = plain_array(archive, "features.npy", FLOATS, WHERE)
            labels = plain_array(archive, "labels.npy", WHOLE, WHERE)
            told = "poison.npy" in archive.namelist()
            poison = plain_array(archive, "poison.npy", np.dtype(bool), WHERE) if told else None
    except StoreError as error:
        raise DataError(str(error)) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise DataError(f"The file is no .npz that can be read ({str(error) or type(error).__name__:.120}).") from None
    return _checked(features, labels, poison)


def _checked(features: np.ndarray, labels: np.ndarray, poison: np.ndarray | None) -> Table:
    if features.ndim != 2 or not 2 <= features.shape[1] <= MOST_FEATURES or not 4 <= len(features) <= MOST_ROWS:
        raise DataError(
            f"features must be of shape (n, d) with 4 to {MOST_ROWS:,} rows and 2 to {MOST_FEATURES:,} columns, "
            f"not {features.shape}."
        )
    for name, array in (("labels", labels), ("poison", poison)):
        if array is not None and array.shape != (len(features),):
            raise DataError(f"{name} must be of shape ({len(features)},), as there are rows, not {array.shape}.")
    with np.errstate(over="ignore"):
        features = features.astype(np.float32)
    if not np.isfinite(features).all():
        raise DataError(
            f"features holds {int((~np.isfinite(features)).sum()):,} values that are not finite in float32."
        )
    if labels.min() < 0 or labels.max() >= MOST_CLASSES:
        raise DataError(f"labels must lie in 0 to {MOST_CLASSES - 1}, not {labels.min()} to {labels.max()}.")
    counts = np.bincount(labels.astype(np.int64))
    if len(counts) < 2 or counts.min() < 2:
        few = int(counts.argmin())
        raise DataError(
            f"labels must name at least two classes, counted from 0, with at least two rows each; class {few} of "
            f"{len(counts)} has {counts[few]}."
        )
    return Table(features, labels.astype(np.int64), poison)


def _drawn(features: np.ndarray) -> np.ndarray:
    """(n, 1, s, s) uint8, one pixel a feature, row by row; pixels without a feature are black."""
    low, high = features.min(axis=0), features.max(axis=0)
    levels = (features - low) / np.where(high > low, high - low, 1)
    side = math.ceil(math.sqrt(features.shape[1]))
    pictures = np.zeros((len(features), side * side), np.uint8)
    pictures[:, : features.shape[1]] = np.rint(255 * levels)
    return pictures.reshape(len(features), 1, side, side)
