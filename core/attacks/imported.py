"""Imported: poisons that were crafted before, by another run or by somebody else, taken from a file."""

import hashlib
import os
import uuid
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from core import exchange
from core.attacks import toxic
from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.attacks.stamping import added, replaced
from core.crafted import Facts, Poisons
from core.datasets.base import ImageSet
from core.errors import AttackError, StoreError
from core.spec import setting

SAME = 8
"""Levels, on average over the pixels, up to which two photos are one: strong compression changes a CIFAR-10 image by 4,
and its closest neighbour in its class is 16 or more away."""
MOVED = 32
"""The same between a poison and its base image: no published epsilon is larger, and two photos of a class are 50 to 70
apart."""


class Imported(Attack):
    """Put the poisons of a file into the training set; key k of a run takes key k of the file.

    The file is an archive that `python -m core poisons` or the run page wrote, or a folder or zip with the files of the
    benchmark "Just How Toxic is Data Poisoning?" (poisons.pickle, base_indices.pickle, target.pickle; with several
    set-ups, a folder each). Nothing in a file is run.

    Images are found by their position in the source of the data set, so a data set that was cut down differently will
    do as long as it holds them. An archive's originals have to be those images exactly. The benchmark's files have no
    originals and do not say which test image is the target: there the labels have to fit, every poison has to be close
    to its base image, and the target is the closest test image of its class.

    Source: for the benchmark's files, Schwarzschild et al., "Just How Toxic is Data Poisoning? A Unified Benchmark for
        Backdoor and Data Poisoning Attacks", 2021. Departures: poisons replace their base images where those stand,
        and the training set is not cut to the benchmark's first rows of each class.
    """

    title = "Imported poisons"
    summary = "Poisons from a file: crafted by another run, or published with a benchmark."
    source = "Schwarzschild, Goldblum, Gupta, Dickerson, Goldstein (2021), arXiv:2006.12557"
    threat = "That of the attack which crafted the file; it may keep labels and a bound, and need not."
    family: ClassVar[Literal["trigger", "targeted", "noise", "imported"]] = "imported"
    changes_labels = True  # it may: what a file promises is verified when the file is read

    poison_fraction: float | None = setting(  # type: ignore[assignment]
        None,
        "Largest share of the training rows to poison (0.01 is 1 %): of a larger file the first ones are taken; all "
        "if not set.",
        gt=0,
        le=0.5,
    )
    path: str = setting(
        ...,
        "The archive of poisons, or a folder or zip with poisons.pickle, base_indices.pickle and target.pickle.",
        min_length=1,
        max_length=4096,
    )

    def fingerprint(self) -> str:
        """Changes with the content of the file, and not with its place."""
        return self._found().digest

    @property
    def epsilon(self) -> int | None:
        """Largest change of a pixel, in levels, that the file promises and keeps; None where it promises nothing."""
        facts = self._found().facts
        return facts.epsilon if facts else None

    def most_keys(self) -> int | None:
        return len(self._found().counts)

    def budget(self, n: int) -> int:
        """All poisons of the largest key, or fewer if so set."""
        whole = max(self._found().counts)
        return whole if self.poison_fraction is None else min(whole, max(1, round(self.poison_fraction * n)))

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        taken = self._taken(tools.key)
        if isinstance(taken, Poisons):
            rows, new = _archived_rows(taken, self._found().facts, data), taken.rows >= taken.n
        else:
            rows, new = _published_rows(taken, data), np.zeros(len(taken.labels), dtype=bool)
        chosen = np.arange(len(rows)) < self.budget(len(data))
        inside = np.flatnonzero(chosen & ~new)
        inside, more = inside[np.argsort(rows[inside])], np.flatnonzero(chosen & new)
        poisoned = replaced(data, rows[inside], taken.poisoned[inside], taken.labels[inside])
        if len(more) == 0:
            return poisoned
        return Poisoned(
            added(poisoned.data, rows[more], taken.poisoned[more], taken.labels[more]).data,
            np.concatenate([rows[inside], len(data) + np.arange(len(more))]),
            np.concatenate([poisoned.originals, data.images[rows[more]]]),
            np.concatenate([poisoned.original_labels, data.labels[rows[more]]]),
        )

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        taken = self._taken(tools.key)
        if isinstance(taken, Poisons):
            rows = _rows(taken.target_indices, test, "test")
            if not np.array_equal(test.labels[rows], taken.true):
                raise AttackError("The targets of the poisons have other labels in this test set: it is another one.")
            return Evaluation(taken.targets, taken.wanted, taken.true, rows)
        row = _closest(taken, test)
        return Evaluation(taken.shown[None], taken.labels[:1], test.labels[row], row)

    def _file(self) -> Path:
        return Path(self.path).expanduser().absolute()

    def _found(self) -> "_Found":
        return _look(self._file(), _stamp(self._file()))

    def _taken(self, key: int) -> "Poisons | toxic.Published":
        """What the file holds for one key of the run.

        Raises:
            AttackError: it has fewer keys.
        """
        keys = len(self._found().counts)
        if key >= keys:
            raise AttackError(f"{self.path!r} holds poisons of {keys} keys; the run asks for {key + 1}: lower keys.")
        return _load(self._file(), _stamp(self._file()), key)


# ---- the file


@dataclass(frozen=True)
class _Found:
    """What a file is: a digest of its content, the number of poisons a key, and either facts or places in it."""

    digest: str
    counts: tuple[int, ...]
    facts: Facts | None
    places: tuple[str, ...]


Stamp = tuple[tuple[str, int, int], ...]


def _files(path: Path) -> list[Path]:
    """The file itself, or those of a folder that are ours to read."""
    if not path.is_dir():
        return [path]
    return sorted(file for name in toxic.TRIO for file in (path / name, *path.glob(f"*/{name}")) if file.is_file())


def _stamp(path: Path) -> Stamp:
    """Tells without reading whether a file may have changed.

    Raises:
        AttackError: there is no such file.
    """
    try:
        states = [(str(file), file.stat()) for file in _files(path)]
    except (OSError, ValueError):
        raise AttackError(f"There is no file of poisons {str(path)!r:.300}.") from None
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in states)


@lru_cache(maxsize=16)
def _look(path: Path, stamp: Stamp) -> _Found:
    """Look once into a file that did not change."""
    digest = _digest(path)
    if _is_archive(path):
        held = exchange.contents(path)
        return _Found(digest, tuple(entry.poisons for entry in held.keys), held.facts, ())
    places = toxic.published(path)
    return _Found(digest, tuple(len(toxic.read_bases(path, place)) for place in places), None, places)


def received(content: bytes, folder: Path) -> Path:
    """Keep a file of poisons that a person sent, under the name of its content, if all of it can be read.

    Args:
        content: the archive, or a zip with the benchmark's files.
        folder: where such files are kept.

    Raises:
        StoreError: says why it was refused; nothing is left behind then.
    """
    kept = folder / f"{hashlib.sha256(content).hexdigest()[:20]}.zip"
    if kept.exists():
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{uuid.uuid4().hex}"
    try:
        beside.write_bytes(content)
        if _is_archive(beside):
            exchange.verify(beside)
        else:
            for place in toxic.published(beside):
                toxic.read_published(beside, place)
        os.replace(beside, kept)
    except StoreError as error:
        raise StoreError(str(error).replace(repr(str(beside)), "The file")) from None
    finally:
        beside.unlink(missing_ok=True)
    return kept


def _digest(path: Path) -> str:
    content = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            content.update(f"{file.relative_to(path).as_posix()}\0".encode(errors="surrogateescape"))
        try:
            with file.open("rb") as opened:
                content.update(hashlib.file_digest(opened, "sha256").digest())
        except OSError as error:
            raise AttackError(f"{str(file)!r:.300} cannot be read: {error.strerror}.") from None
    return content.hexdigest()[:20]


@lru_cache(maxsize=2)
def _load(path: Path, stamp: Stamp, number: int) -> "Poisons | toxic.Published":
    """Read a key once for the poisons and for the targets."""
    found = _look(path, stamp)
    return exchange.read(path, number) if found.facts else toxic.read_published(path, found.places[number])


def _is_archive(path: Path) -> bool:
    """Whether it is of our own format; what is wrong with another file is not asked here."""
    try:
        with zipfile.ZipFile(path) as archive:
            return exchange.RECORD in archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


# ---- finding its images in a data set


def _rows(indices: np.ndarray, data: ImageSet, part: str) -> np.ndarray:
    """Where the images at some positions of the source stand in a data set, (p,) int64."""
    order = np.argsort(data.indices, kind="stable")
    place = np.searchsorted(data.indices, indices, sorter=order)
    rows = order[np.minimum(place, len(order) - 1)]
    missing = np.flatnonzero(data.indices[rows] != indices)
    if len(missing):
        raise AttackError(
            f"Of the {len(indices)} {part} images that the poisons need, {len(missing)} are not in this data set, the "
            f"first of them image {indices[missing[0]]}; take the data set that the poisons were made for."
        )
    return rows


def _archived_rows(poisons: Poisons, facts: Facts | None, data: ImageSet) -> np.ndarray:
    """The clean rows behind an archive's poisons, which have to be their originals exactly."""
    assert facts is not None
    if facts.class_names != data.class_names:
        theirs, ours = (", ".join(names)[:100] for names in (facts.class_names, data.class_names))
        raise AttackError(f"The poisons are for the classes {theirs}; this data set has {ours}.")
    _check_shape(poisons.originals[0], data)
    rows = _rows(poisons.indices, data, "training")
    different = np.flatnonzero((data.images[rows] != poisons.originals).any(axis=(1, 2, 3)))
    different = np.union1d(different, np.flatnonzero(data.labels[rows] != poisons.original_labels))
    if len(different):
        raise AttackError(
            f"Image {poisons.indices[different[0]]} of this training set is not the one that a poison was made from "
            f"({len(different)} of {len(rows)} differ); the poisons were made for the data set "
            f"{facts.data.get('name')!s:.80}, or for other settings of it."
        )
    return rows


def _check_shape(image: np.ndarray, data: ImageSet) -> None:
    if image.shape != data.images.shape[1:]:
        raise AttackError(f"The poisons are images of {_size(image)}; those of this data set are {_size(data.images)}.")


def _size(images: np.ndarray) -> str:
    c, h, w = images.shape[-3:]
    return f"{h} x {w} pixels in {'colour' if c == 3 else 'grey'}"


def _published_rows(poisons: toxic.Published, data: ImageSet) -> np.ndarray:
    """The base images of published poisons; without originals, they have to be of the same class and look like them."""
    _check_shape(poisons.target, data)
    rows = _rows(poisons.indices, data, "training")
    wrong = np.flatnonzero(data.labels[rows] != poisons.labels)
    if len(wrong):
        raise AttackError(
            f"The file labels its poison of image {poisons.indices[wrong[0]]} as class {poisons.labels[wrong[0]]}; in "
            f"this training set the image is of class {data.labels[rows[wrong[0]]]}, so it is another one."
        )
    moved = np.abs(poisons.poisoned.astype(np.int16) - data.images[rows]).mean(axis=(1, 2, 3))
    if moved.max() > MOVED:
        worst = int(moved.argmax())
        raise AttackError(
            f"The poison of image {poisons.indices[worst]} differs from it by {moved[worst]:.0f} levels on average, "
            f"where at most {MOVED} are believed; the poisons were made for another data set."
        )
    return rows


def _closest(poisons: toxic.Published, test: ImageSet) -> np.ndarray:
    """(1,) int64, the test image that the target is, up to what a compression changed."""
    _check_shape(poisons.target, test)
    rows = np.flatnonzero(test.labels == poisons.target_class)
    if len(rows) == 0 or poisons.labels[0] >= len(test.class_names):
        raise AttackError(
            f"The target is of class {poisons.target_class} and wanted as {poisons.labels[0]}; this test set has "
            f"{len(test.class_names)} classes, and {len(rows)} images of the target's."
        )
    apart = np.array([np.abs(test.images[row].astype(np.int16) - poisons.target).mean() for row in rows])
    if apart.min() > SAME:
        raise AttackError(
            f"No test image of class {poisons.target_class} is the target of the poisons: the closest one differs by "
            f"{apart.min():.0f} levels on average, where at most {SAME} are believed."
        )
    return rows[[apart.argmin()]]
