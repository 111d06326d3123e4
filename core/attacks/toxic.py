"""The files of the benchmark "Just How Toxic is Data Poisoning?": lists of set-ups, and crafted poisons.

They are pickles, which are programs; they are read by `core.attacks.inert` and never run.

Source: Schwarzschild, Goldblum, Gupta, Dickerson, Goldstein, "Just How Toxic is Data Poisoning? A Unified Benchmark for
    Backdoor and Data Poisoning Attacks", 2021, and the description of the files in its repository. Departure: a patch
    stored as a torch tensor is not read, because only torch can take it apart.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.attacks import inert
from core.errors import StoreError

COMPONENT = False

MOST_SETUPS = 10_000
LARGEST_INDEX = 2**40


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
