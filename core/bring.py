"""What somebody brings from elsewhere: images, features, weights. Checked whole, then kept by the name of its content.

Nothing that is refused stays behind, and no path comes from anybody but us.
"""

import csv
import hashlib
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from core import row_list
from core.datasets import feature_file, zips
from core.datasets.folder import Folder
from core.datasets.image_files import printable
from core.errors import DataError
from core.spec import Experiment, parse

TRUTH = "poisons.csv"
LARGEST_TRUTH = 16 * 2**20
HEADINGS = ("file", "filename", "file_name", "name", "path", "image")
"""First lines of a list of poisons that name no file."""
HELD_BACK = 0.1
"""Share of every class that shows whether the network learned; all others are looked at."""
STEPS = 36_000
"""Images that are seen while a network learns, as far as EPOCHS allow; twenty passes over 1,800."""
EPOCHS = 8, 40


@dataclass(frozen=True)
class Given:
    """A data set that was brought.

    Attributes:
        data: its settings as an experiment names them.
        classes: rows of the training set by class.
        shape: (c, h, w) of what a network sees.
        poisons: positions of those that are known to be poisons, as a setting lists them; None where nobody knows.
        listed: how many poisons are listed, those that are held back for the test included.
    """

    data: dict[str, Any]
    classes: dict[str, int]
    shape: tuple[int, int, int]
    poisons: str | None
    listed: int = 0

    @property
    def rows(self) -> int:
        """Of the training set."""
        return sum(self.classes.values())

    @property
    def images(self) -> bool:
        """Whether there are images behind it, and not features alone."""
        return bool(self.data["name"] == "folder")


def images(content: bytes, uploads: Path, *, size: int = 32, truth: str | None = None) -> Given:
    """Take in a zip of class folders.

    Args:
        content: the zip: `class/picture.png`, or `train/class/picture.png` and `test/class/picture.png`.
        uploads: where it is kept.
        size: side of the images after resampling.
        truth: the text of a list of poisons; without it, that of the `poisons.csv` in the zip, if there is one.

    Raises:
        DataError: one sentence that says why it was refused.
    """
    kept = uploads / _digest(content)
    with _beside(uploads) as folder:
        root = zips.unpack(content, kept if kept.exists() else folder / "set")
        if truth is None:
            truth = _truth_inside(content)
        try:
            found = _looked(root, size, truth)
        except DataError as error:  # a visitor has no use for our folders
            said = re.sub(rf"'{re.escape(str(uploads))}[^']*'", "the zip", str(error))
            raise DataError(said[:1].upper() + said[1:]) from None
        if not kept.exists():
            _keep(folder / "set", kept)
        place = zips.dataset_root(kept)
    return Given({**found.data, "path": str(place)}, found.classes, found.shape, found.poisons, found.listed)


def _looked(root: Path, size: int, truth: str | None) -> Given:
    """Every file's header is read; what is in the files is decoded when a run loads them."""
    data = Folder(path=str(root), size=size, test_fraction=HELD_BACK, flip=False)
    positions = data.positions()  # says what is wrong with the classes
    files = sorted(path for path in root.rglob("*") if path.is_file())
    depths = {len(path.relative_to(root).parts) for path in files}
    if not depths <= {2, 3}:
        raise DataError("Images must lie one level deep, as class/picture.png.")
    for path in files:
        zips.check_header(path, str(path.relative_to(root)))
    counts = dict(sorted(Counter(name.split("/")[-2] for name in positions).items()))
    settings = {"name": "folder", "size": size, "test_fraction": HELD_BACK, "flip": False}
    if truth is None:
        return Given(settings, counts, (3, size, size), None)
    known = [path.relative_to(root).as_posix() for path in files]
    named = _named(truth, known)
    listed = np.array([positions[name] for name in named if name in positions], dtype=np.int64)
    return Given(settings, counts, (3, size, size), row_list.written(listed), len(named))


def _truth_inside(content: bytes) -> str | None:
    """The text of the zip's own list; the archive's table of contents was checked before."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        found = [each for each in archive.infolist() if PurePosixPath(each.filename).name == TRUTH]
        if not found:
            return None
        if len(found) > 1:
            raise DataError(f"The zip holds {len(found)} files {TRUTH}; keep one.")
        if found[0].file_size > LARGEST_TRUTH:
            raise DataError(f"{TRUTH} has {found[0].file_size:,} bytes; at most {LARGEST_TRUTH:,} are taken.")
        with archive.open(found[0]) as file:
            return text(file.read(LARGEST_TRUTH))


def text(content: bytes) -> str:
    """The words of a small file.

    Raises:
        DataError: it is no text.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("The list of poisons is no text in UTF-8.") from None


def _named(truth: str, known: list[str]) -> list[str]:
    """The files that a list names, each once, in its order: by whole name, or by a last part that only one has."""
    last: dict[str, list[str]] = {}
    for name in known:
        last.setdefault(name.rsplit("/", 1)[-1], []).append(name)
    whole, found = set(known), dict[str, None]()
    try:
        rows = list(csv.reader(StringIO(truth), strict=True))
    except csv.Error as error:
        raise DataError(f"The list of poisons is no CSV ({error}).") from None
    for number, row in enumerate(rows):
        name = row[0].strip().replace("\\", "/").removeprefix("./") if row else ""
        if not name or (number == 0 and name.lower() in HEADINGS):
            continue
        same = [name] if name in whole else last.get(name, [])
        shown = repr(printable(name)[:120])
        if not same:
            raise DataError(f"The list of poisons names {shown}, and there is no such image in the zip.")
        if len(same) > 1:
            raise DataError(
                f"The list of poisons names {shown}, which {len(same)} images are called; write class/name."
            )
        found[same[0]] = None
    return list(found)


def features(content: bytes, uploads: Path) -> Given:
    """Take in an .npz of features and labels.

    Raises:
        DataError: one sentence that says why it was refused.
    """
    with _beside(uploads) as folder:
        path = folder / "features.npz"
        path.write_bytes(content)
        table = feature_file.read(path)
        kept = uploads / f"{_digest(content)}.npz"
        _keep(path, kept)
    data = feature_file.FeatureFile(path=str(kept), test_fraction=HELD_BACK)
    train = data.load(lambda fraction, words: None).train
    poisons = None if table.poison is None else row_list.written(train.indices[table.poison[train.indices]])
    counts = np.bincount(train.labels, minlength=len(train.class_names)).tolist()
    listed = 0 if table.poison is None else int(table.poison.sum())
    shape = (train.images.shape[1], train.images.shape[2], train.images.shape[3])
    settings = {"name": "feature_file", "path": str(kept), "test_fraction": HELD_BACK}
    return Given(settings, dict(zip(train.class_names, counts, strict=True)), shape, poisons, listed)


def weights(content: bytes, uploads: Path, model: Any, given: Given) -> str:
    """Take in the weights of a network that was trained on a data set; where they are kept.

    Args:
        content: a safetensors file.
        uploads: where it is kept.
        model: the component that says what kind of network it is.
        given: the data set.

    Raises:
        DataError: one sentence that says why they were refused.
    """
    from core.models.brought import verify  # torch, which most visitors of the page never need

    with _beside(uploads) as folder:
        path = folder / "weights.safetensors"
        path.write_bytes(content)
        verify(model, path, given.shape[0], given.shape[1], len(given.classes))
        kept = uploads / f"{_digest(content)}.safetensors"
        _keep(path, kept)
    return str(kept)


def experiment(
    given: Given, *, name: str, model: Any, weights: str = "", blind: bool = False, seed: int = 0
) -> Experiment:
    """The run that looks for poison in what was brought.

    Args:
        given: the data.
        name: of the run.
        model: the kind of network, by name or with its settings; features are read by a linear one, whatever it says.
        weights: of that network, where it was trained elsewhere.
        blind: whether a truth that is known is left out.
        seed: everything random follows from it.

    Raises:
        SpecError: something is not legal.
    """
    poisons = None if blind else given.poisons
    attack = {"name": "as_given", "weights": weights, "truth": "unknown" if poisons is None else "listed"}
    training = {"epochs": int(np.clip(round(STEPS / max(given.rows, 1)), *EPOCHS))}
    if not given.images:
        training |= {"shift": 0, "flip": False}
    return parse(
        {
            "name": name,
            "data": given.data,
            "model": model if given.images else "linear",
            "training": training,
            "attack": {**attack, "poisons": poisons or ""},
            "defenses": ["screening"],
            "seed": seed,
        }
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]


@contextmanager
def _beside(uploads: Path) -> Iterator[Path]:
    """A folder to check something in; gone afterwards, with all that was not moved out of it."""
    uploads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".checking-", dir=uploads, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _keep(path: Path, kept: Path) -> None:
    """Give what was checked its name; where somebody was faster with the same content, theirs stays."""
    if kept.exists():
        return
    try:
        os.replace(path, kept)
    except OSError as error:
        if not kept.exists():
            raise DataError(f"What you brought cannot be kept: {error.strerror or error}.") from None
