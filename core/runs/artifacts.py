"""The files of finished steps: one folder a step, named by the step's key, whole or not there at all."""

import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import StoreError

KEY = re.compile(r"[0-9a-f]{20}")
ARRAY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_UNFINISHED = "."
"""First letter of folders that are being written or removed; no key starts with it."""


class Artifacts:
    """The folder of all finished steps."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, key: str) -> bool:
        """Whether the step is finished."""
        return KEY.fullmatch(key) is not None and (self.root / key).is_dir()

    def folder(self, key: str) -> Path:
        """The folder of a finished step.

        Raises:
            StoreError: the step has no files here.
        """
        if not self.has(key):
            raise StoreError(f"The files of step {key!r:.40} are not here; resume the run to compute them again.")
        return self.root / key

    @contextmanager
    def write(self, key: str) -> Iterator[Path]:
        """Hand out an empty folder that becomes the step's own when the block ends well, and vanishes when it raises.

        Whoever finishes first wins: the same key means the same content, so a folder that is there already stays.

        Raises:
            StoreError: `key` is no key, or the block ended without a meta.json.
        """
        if not KEY.fullmatch(key):
            raise StoreError(f"{key!r:.40} is not the key of a step, which is 20 hexadecimal digits.")
        with self.scratch() as folder:
            yield folder
            if not (folder / "meta.json").is_file():
                raise StoreError(f"Step {key} was written without its meta.json.")
            self.place(folder, key)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder on the steps' file system, so that a rename moves it; removed at the end if still there."""
        folder = self._unfinished()
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def place(self, folder: Path, key: str) -> bool:
        """Rename `folder` to be the step's, unless the step is there already; whether it did."""
        try:
            os.rename(folder, self.root / key)
        except OSError:  # the name of the error for "not empty" differs between platforms
            if not self.has(key):
                raise
            return False
        return True

    def remove(self, key: str) -> None:
        """Delete a step's files, if there are any; a reader sees all of them or none."""
        if not self.has(key):
            return
        doomed = self._unfinished()
        os.rename(self.root / key, doomed)
        shutil.rmtree(doomed, ignore_errors=True)  # Windows keeps files that are mapped; `sweep` is for them

    def sweep(self, older_than: float = 86_400) -> None:
        """Remove what killed processes left half-written, when nothing in it changed for `older_than` seconds."""
        for folder in self.root.glob(f"{_UNFINISHED}*"):
            try:
                idle = time.time() - max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
            except FileNotFoundError:
                continue  # its owner finished it while we looked
            if idle > older_than:
                shutil.rmtree(folder, ignore_errors=True)

    def meta(self, key: str) -> dict[str, Any]:
        """The step's meta.json."""
        content: dict[str, Any] = json.loads((self.folder(key) / "meta.json").read_text(encoding="utf-8"))
        return content

    def holds(self, key: str, name: str) -> bool:
        """Whether a step wrote an array of that name."""
        return (self.folder(key) / f"{name}.npy").is_file()

    def array(self, key: str, name: str) -> np.ndarray:
        """One array of the step, read-only and mapped: only the pages that are looked at are read from disk.

        Raises:
            StoreError: the step or the array is not there, or the file is not an array.
        """
        path = self.folder(key) / f"{name}.npy"
        if not ARRAY.fullmatch(name) or not path.is_file():
            raise StoreError(f"Step {key} has no array {name!r:.40}.")
        try:
            array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise StoreError(f"The array {name!r} of step {key} is damaged ({error}).") from None
        return array

    def _unfinished(self) -> Path:
        return self.root / f"{_UNFINISHED}{uuid.uuid4().hex}"


def save(folder: Path, meta: dict[str, Any], **arrays: np.ndarray) -> None:
    """Write `meta` to meta.json and every array to <name>.npy.

    Args:
        folder: what `Artifacts.write` handed out.
        meta: anything that JSON can hold; numpy's own numbers too.
        arrays: numbers and booleans only; an array of objects would need pickle and is refused with a ValueError.
    """
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / "meta.json").write_text(json.dumps(meta, default=_number), encoding="utf-8")


def _number(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"meta.json cannot hold a {type(value).__name__}")
