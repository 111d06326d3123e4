"""The files of the benchmark "Just How Toxic is Data Poisoning?": lists of set-ups, and crafted poisons.

They are pickles, which are programs; they are read by `core.attacks.inert` and never run.

Source: Schwarzschild, Goldblum, Gupta, Dickerson, Goldstein, "Just How Toxic is Data Poisoning? A Unified Benchmark for
    Backdoor and Data Poisoning Attacks", 2021, and the description of the files in its repository. Departure: a patch
    stored as a torch tensor is not read, because only torch can take it apart.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.attacks import inert
from core.errors import StoreError
from core.unpacking import check_members

COMPONENT = False

MOST_SETUPS = 10_000
LARGEST_INDEX = 2**40

TRIO = POISONS, BASES, TARGET = "poisons.pickle", "base_indices.pickle", "target.pickle"
"""The three files of one crafted set-up."""
_RELATIVE = re.compile(r"(?!(?:.*/)?\.\.?(?:/|$))[^/\\:][^\\:]*")


@dataclass(frozen=True, eq=False)
class Setup:
    """Which image is to be misread as what, and what may be perturbed for it.

    Attributes:
        target_class: true class of the image to be misread.
        target_index: its position among the source's test images.
        base_class: the class that the attacker wants predicted, which is that of the base images.
        base_indices: (p,) int64, positions among the source's training images, in the file's order.
    """

    target_class: int
    target_index: int
    base_class: int
    base_indices: np.ndarray


NAMES = {
    "target_class": ("target class", "victim class"),
    "target_index": ("target index", "victim index"),
    "base_class": ("base class", "goal class"),
    "base_indices": ("base indices",),
}
"""What a set-up's entries may be called; the benchmark's own names come first."""


def read_setups(path: Path) -> list[Setup]:
    """Read a published list of set-ups; nothing in the file is run.

    Args:
        path: the file, such as the benchmark's cifar10_from_scratch.pickle.

    Raises:
        StoreError: one sentence that says why it is not read.
    """
    try:
        status = path.stat()
        return list(_read_setups(path, status.st_size, status.st_mtime_ns))
    except OSError as error:
        raise StoreError(f"The list of set-ups {str(path)!r} cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=4)
def _read_setups(path: Path, size: int, changed_ns: int) -> tuple[Setup, ...]:
    """Reads once what every key of a run asks for; a file that was changed is another one."""
    what = f"The list of set-ups {path.name!r}"
    content = inert.loads(_bytes(path, size, what), what)
    if not isinstance(content, list | tuple) or not 1 <= len(content) <= MOST_SETUPS:
        raise StoreError(f"{what} must hold a list of 1 to {MOST_SETUPS} set-ups.")
    return tuple(_setup(entry, f"Set-up {number} in {path.name!r}") for number, entry in enumerate(content))


def _bytes(path: Path, size: int, what: str) -> bytes:
    """A file that is small enough to be one of ours."""
    if size > inert.MOST_BYTES:
        raise StoreError(f"{what} has {size} bytes; at most {inert.MOST_BYTES} are read.")
    return path.read_bytes()


def _setup(entry: Any, what: str) -> Setup:
    if not isinstance(entry, dict):
        raise StoreError(f"{what} must be a table with {', '.join(names[0] for names in NAMES.values())}.")
    found = {}
    for field, names in NAMES.items():
        present = [name for name in names if name in entry]
        if not present:
            raise StoreError(f"{what} lacks {names[0]!r}.")
        found[field] = entry[present[0]]
    numbers = {field: index(found[field], what) for field in ("target_class", "target_index", "base_class")}
    if numbers["target_class"] == numbers["base_class"]:
        raise StoreError(f"{what} wants class {numbers['base_class']} misread as itself.")
    return Setup(**numbers, base_indices=indices(found["base_indices"], what))


def index(value: Any, what: str) -> int:
    """A whole number from a file, whatever numpy made of it."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if type(value) is not int or not 0 <= value < LARGEST_INDEX:
        raise StoreError(f"{what} has a {type(value).__name__} where a class or a position belongs.")
    return value


def indices(value: Any, what: str) -> np.ndarray:
    """Positions from a file, (p,) int64: at least one, none twice."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        value = value.tolist()
    if not isinstance(value, list | tuple) or not value:
        raise StoreError(f"{what} must list the positions of at least one base image.")
    found = np.array([index(entry, what) for entry in value], dtype=np.int64)
    if len(np.unique(found)) < len(found):
        raise StoreError(f"{what} names a base image twice.")
    found.flags.writeable = False  # it is kept and handed out more than once
    return found


# ---- crafted poisons


@dataclass(frozen=True, eq=False)
class Published:
    """The poisons of one set-up as the benchmark's attackers hand them in, which is without their originals.

    Attributes:
        poisoned: (p, c, h, w) uint8.
        labels: (p,) int64; all the same, the class that the attacker wants predicted.
        indices: (p,) int64, positions of the base images among the source's training images.
        target: (c, h, w) uint8, the test image to be misread, clean.
        target_class: its true class.
        shown: (c, h, w) uint8, the target as the victim gets to see it: with the patch, where there is one.
    """

    poisoned: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    target: np.ndarray
    target_class: int
    shown: np.ndarray


Read = Callable[[str], bytes]


def published(path: Path) -> tuple[str, ...]:
    """Where the set-ups lie in a folder or zip: "" for its own top, else folders in it; numbers in their order.

    Raises:
        StoreError: there are none, or it cannot be read.
    """
    with _files(path) as (found, _):
        return found


def read_bases(path: Path, place: str) -> np.ndarray:
    """(p,) int64, the positions of the base images of one set-up."""
    with _files(path) as (_, read):
        return indices(_value(read, place + BASES), f"{place}{BASES}")


def read_published(path: Path, place: str) -> Published:
    """The poisons of one set-up; nothing in the files is run.

    Args:
        path: the folder or zip.
        place: one of what `published` found.

    Raises:
        StoreError: one sentence that names the file and what is wrong with it.
    """
    bases = read_bases(path, place)
    with _files(path) as (_, read):
        poisons, target = _value(read, place + POISONS), _value(read, place + TARGET)
    if not isinstance(poisons, list | tuple) or len(poisons) != len(bases):
        raise StoreError(f"{place}{POISONS} must list as many poisons as {BASES} lists base images: {len(bases)}.")
    pairs = [_image_and_label(pair, 2, f"Poison {row} in {place}{POISONS}") for row, pair in enumerate(poisons)]
    wanted = sorted({label for _, label in pairs})
    if len(wanted) > 1:
        raise StoreError(f"{place}{POISONS} has poisons of the classes {wanted[0]} and {wanted[1]}; one is read.")
    image, target_class = _image_and_label(target, 4, f"{place}{TARGET}")
    if target_class == wanted[0]:
        raise StoreError(f"{place}{TARGET} is of class {target_class}, which the poisons want predicted.")
    if len({pixels.shape for pixels in (image, *(pixels for pixels, _ in pairs))}) > 1:
        raise StoreError(f"{place}{POISONS} and {TARGET} hold images of different sizes.")
    return Published(
        poisoned=np.stack([pixels for pixels, _ in pairs]),
        labels=np.array([label for _, label in pairs], dtype=np.int64),
        indices=bases,
        target=image,
        target_class=target_class,
        shown=image if len(target) == 2 else _patched(image, target[2], target[3], f"{place}{TARGET}"),
    )


def _image_and_label(value: Any, most: int, what: str) -> tuple[np.ndarray, int]:
    """The first two of a tuple: (c, h, w) uint8, and a class."""
    if not isinstance(value, tuple) or len(value) not in (2, most):
        raise StoreError(f"{what} must be an image and its class.")
    pixels = value[0]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or len(pixels) not in (1, 3):
        raise StoreError(f"{what} must begin with an image in colour or grey.")
    return pixels, index(value[1], what)


def _patched(image: np.ndarray, patch: Any, place: Any, what: str) -> np.ndarray:
    """The target with its trigger: (c, s, s) fractions of 255, or levels, laid on from column and row `place` on."""
    if not isinstance(patch, np.ndarray) or patch.ndim != 3 or len(patch) != len(image) or 0 in patch.shape:
        raise StoreError(f"{what} must hold its patch as an array of (channels, height, width).")
    if not isinstance(place, list | tuple) or len(place) != 2:
        raise StoreError(f"{what} must say the column and row of its patch.")
    left, top = (index(side, what) for side in place)
    if patch.dtype.kind == "f":
        patch = np.rint(patch * 255.0)
    if not (patch >= 0).all() or not (patch <= 255).all():
        raise StoreError(f"{what} has a patch with levels outside of 0 to 1, or 0 to 255 in whole numbers.")
    height, width = patch.shape[1:]
    if top + height > image.shape[1] or left + width > image.shape[2]:
        raise StoreError(f"{what} has a patch at column {left}, row {top} that does not fit into the image.")
    shown = image.copy()
    shown[:, top : top + height, left : left + width] = patch
    return shown


def _value(read: Read, name: str) -> Any:
    return inert.loads(read(name), name)


@contextmanager
def _files(path: Path) -> Iterator[tuple[tuple[str, ...], Read]]:
    """The places of the set-ups in a folder or zip, and how to read one of their files."""
    try:
        if path.is_dir():
            listed = [file for name in TRIO for file in (path / name, *path.glob(f"*/{name}")) if file.is_file()]
            names = {file.relative_to(path).as_posix() for file in listed}
            yield _places(names, path), lambda name: _bytes(path / name, (path / name).stat().st_size, name)
            return
        with zipfile.ZipFile(path) as archive:
            places = _places(set(archive.namelist()), path)
            check_members(archive, "archive of poisons", _RELATIVE, places[0] + POISONS)
            yield places, lambda name: _unzipped(archive, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise StoreError(f"{str(path)!r} is not a readable zip archive ({error}).") from None
    except OSError as error:
        raise StoreError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from None


def _unzipped(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > inert.MOST_BYTES:
        raise StoreError(f"{name} has {size} bytes; at most {inert.MOST_BYTES} are read.")
    return archive.read(name)


def _places(names: set[str], path: Path) -> tuple[str, ...]:
    """What stands before `poisons.pickle` wherever it is found: "" or a folder's name with a slash."""
    found = [name.removesuffix(POISONS) for name in names if name.rsplit("/", 1)[-1] == POISONS]
    if not found:
        raise StoreError(f"{str(path)!r} holds no {POISONS}, neither at its top nor in a folder of its own.")
    for place in found:
        for name in TRIO:
            if place + name not in names:
                raise StoreError(f"{str(path)!r} has {place}{POISONS} and no {name} beside it.")
    return tuple(sorted(found, key=_by_number))


def _by_number(place: str) -> list[str]:
    """Sorts "2/" before "10/"."""
    return [part.rjust(20, "0") if part.isdigit() else part for part in re.split(r"([0-9]+)", place)]
