"""torchvision's collections: fetched once into the home folder, whole or not at all."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.datasets.base import Report
from core.errors import DataError
from core.home import home

COMPONENT = False

PATIENCE = 90.0
"""Seconds without a new byte after which a download is given up."""


@dataclass(frozen=True)
class Collection:
    """One of torchvision's data sets.

    Attributes:
        shown: its name on screen.
        kind: the class in `torchvision.datasets`.
        archives: the files that it downloads.
        place: where in its folder torchvision looks for them.
        megabytes: what they and their unpacked content take while the download runs, for the progress bar.
        flip: whether a mirror image still shows the same class.
    """

    shown: str
    kind: str
    archives: tuple[str, ...]
    place: str
    megabytes: int
    flip: bool


_IDX = tuple(f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))

COLLECTIONS = {
    "cifar10": Collection("CIFAR-10", "CIFAR10", ("cifar-10-python.tar.gz",), "", 357, True),
    "cifar100": Collection("CIFAR-100", "CIFAR100", ("cifar-100-python.tar.gz",), "", 355, True),
    "mnist": Collection("MNIST", "MNIST", _IDX, "MNIST/raw", 66, False),
    "fashion_mnist": Collection("Fashion-MNIST", "FashionMNIST", _IDX, "FashionMNIST/raw", 86, True),
    "svhn": Collection("SVHN", "SVHN", ("train_32x32.mat", "test_32x32.mat"), "", 246, False),
    "gtsrb": Collection(
        "GTSRB",
        "GTSRB",
        ("GTSRB-Training_fixed.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip"),
        "gtsrb",
        560,
        False,
    ),
}


def opened(name: str, report: Report) -> tuple[Any, Any]:
    """The training and the test set as torchvision objects, downloaded if they are not there.

    The download goes to a folder of its own that takes its place only when it is complete. Archives that a person has
    put into `downloads/<name>-archives` are used instead of the network, if they are the right ones.

    Args:
        name: a key of COLLECTIONS.
        report: told how far the download is.

    Raises:
        DataError: no network, a wrong file, no torchvision; says what to do instead.
    """
    collection = COLLECTIONS[name]
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        raise DataError(
            f"torchvision cannot be imported ({_first_line(error)}); install it again with torch."
        ) from None
    build = getattr(datasets, collection.kind)
    folder = home() / "downloads" / name
    folder.parent.mkdir(exist_ok=True)
    try:
        with FileLock(folder.with_suffix(".lock"), timeout=0):
            if not folder.is_dir():
                _download(collection, build, folder, report)
    except Timeout:
        raise DataError(f"{collection.shown} is being downloaded by another run; wait for it and try again.") from None
    try:
        return _pair(name, build, folder, download=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"The copy of {collection.shown} in {str(folder)!r} is damaged ({_first_line(error)}); delete that folder "
            "and run again to download it anew."
        ) from None


def _pair(name: str, build: Callable[..., Any], folder: Path, *, download: bool) -> tuple[Any, Any]:
    if name in ("svhn", "gtsrb"):
        return tuple(build(folder, split=part, download=download) for part in ("train", "test"))
    return tuple(build(folder, train=part, download=download) for part in (True, False))


def _download(collection: Collection, build: Callable[..., Any], folder: Path, report: Report) -> None:
    """Fill `folder` through a folder beside it, watched from this thread because torchvision reports to nobody."""
    own = folder.with_name(f"{folder.name}-archives")
    for stale in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(stale, ignore_errors=True)  # of a process that was killed; the lock says that nobody works there
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    failures: list[Exception] = []

    def work() -> None:
        try:
            for archive in collection.archives:
                if (own / archive).is_file():
                    (part / collection.place).mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(own / archive, part / collection.place / archive)
            _pair(folder.name, build, part, download=True)
        except Exception as error:  # handed to the other thread, which turns it into a sentence
            failures.append(error)

    try:
        worker = threading.Thread(target=work, name=f"download-{folder.name}", daemon=True)
        worker.start()
        _watch(worker, collection, part, own, report)
        if failures:
            raise _sentence(collection, own, _first_line(failures[0]))
        for archive in collection.archives:
            if not archive.endswith(".mat"):  # SVHN is read from what it downloads, the others from what they unpack
                (part / collection.place / archive).unlink(missing_ok=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _watch(worker: threading.Thread, collection: Collection, part: Path, own: Path, report: Report) -> None:
    """Report the growth of a folder until the thread that fills it has ended; give up if it stops growing."""
    size, grown = -1, time.monotonic()
    while worker.is_alive():
        now = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
        if now != size:
            size, grown = now, time.monotonic()
        elif time.monotonic() - grown > PATIENCE:
            raise _sentence(collection, own, "nothing arrives any more")
        megabytes = size / 1e6
        report(
            min(megabytes / collection.megabytes, 0.99),
            f"Download {collection.shown}: {megabytes:.0f} of about {collection.megabytes} MB on disk",
        )
        worker.join(0.3)


def _sentence(collection: Collection, own: Path, reason: str) -> DataError:
    return DataError(
        f"{collection.shown} could not be downloaded ({reason}), perhaps for lack of a network: use the data set "
        f"'folder' with your own copy as images, or put {' and '.join(collection.archives)} into {str(own)!r} and "
        "run again."
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip("<>")[:200] if lines else type(error).__name__
