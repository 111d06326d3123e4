"""Downloads: whole or not at all, once, and one sentence where there is no network."""

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.datasets import downloads
from core.datasets.base import Split
from core.datasets.torchvision_set import GTSRB, TorchvisionSet
from core.errors import Cancelled, DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3)).astype(np.uint8)


class FakeSet:
    """Keeps one file in its folder, as torchvision's classes do, and has their attributes by `form`."""

    form = "cifar10"
    downloaded: list[Path] = []
    fails_after_first_file = False
    archive_seen = False

    def __init__(self, root: Path, download: bool, train: bool = True, split: str = "train") -> None:
        file = Path(root) / "content.bin"
        part = "train" if train and split == "train" else "test"
        if download and not file.is_file():
            FakeSet.archive_seen = (Path(root) / "cifar-10-python.tar.gz").is_file()
            file.write_bytes(b"half")
            if FakeSet.fails_after_first_file:
                raise RuntimeError("Error downloading:\nTried here, got:\n<urlopen error no route>")
            FakeSet.downloaded.append(Path(root))
            file.write_bytes(b"whole")
        if not file.is_file() or file.read_bytes() != b"whole":
            raise RuntimeError("Dataset not found or corrupted.")
        labels = np.arange(20) % 10
        if self.form == "cifar10":
            self.data, self.targets, self.classes = PIXELS, labels.tolist(), [f"class {k}" for k in range(10)]
        elif self.form == "mnist":
            self.data, self.targets, self.classes = PIXELS[:, :28, :28, 0], labels, [f"{k} - name" for k in range(10)]
        elif self.form == "svhn":
            self.data, self.labels = PIXELS.transpose(0, 3, 1, 2), labels
        else:
            self._samples = [(f"{part}/{i}", int(label)) for i, label in enumerate(labels)]

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        return Image.fromarray(PIXELS[row]).resize((40 + row, 30), Image.Resampling.NEAREST), self._samples[row][1]


@pytest.fixture(autouse=True)
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeSet]]:
    monkeypatch.setenv("POISONSCOPE_HOME", str(tmp_path))
    module = ModuleType("torchvision")
    kinds = {collection.kind: FakeSet for collection in downloads.COLLECTIONS.values()}
    module.datasets = SimpleNamespace(**kinds)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", module)
    monkeypatch.setattr(FakeSet, "form", "cifar10")
    monkeypatch.setattr(FakeSet, "downloaded", [])
    monkeypatch.setattr(FakeSet, "fails_after_first_file", False)
    monkeypatch.setattr(FakeSet, "archive_seen", False)
    yield FakeSet


def load(collection: str = "cifar10", **settings: Any) -> Split:
    return TorchvisionSet(collection=collection, **settings).load(lambda fraction, text: None)


def left(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "downloads").iterdir() if path.suffix != ".lock")


def test_a_download_happens_once_and_beside_its_place(tmp_path: Path, fake: type[FakeSet]) -> None:
    split = load()
    assert split.flip and split.train.class_names[3] == "class 3" and len(split.test) == 20
    assert (split.train.images == PIXELS.transpose(0, 3, 1, 2)).all()
    load()
    assert len(fake.downloaded) == 1 and fake.downloaded[0] != tmp_path / "downloads" / "cifar10"
    assert left(tmp_path) == ["cifar10"]


def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path, fake: type[FakeSet]) -> None:
    fake.fails_after_first_file = True
    with pytest.raises(
        DataError, match=r"CIFAR-10 could not be downloaded \(urlopen error no route\).*'folder'.*run again\.$"
    ):
        load()
    assert left(tmp_path) == []
    fake.fails_after_first_file = False
    assert len(load().train) == 20


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    stale = tmp_path / "downloads" / ".cifar10-old"
    stale.mkdir(parents=True)
    (stale / "content.bin").write_bytes(b"half")
    load()
    assert left(tmp_path) == ["cifar10"]


def test_a_cancelled_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(fraction: float, text: str) -> None:
        if text.startswith("Download"):
            raise Cancelled("stopped")

    monkeypatch.setattr(downloads, "_pair", lambda *args, **kwargs: time.sleep(0.2))
    with pytest.raises(Cancelled):
        TorchvisionSet().load(stop)
    assert left(tmp_path) == []


def test_a_download_that_stands_still_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.1)
    monkeypatch.setattr(downloads, "_pair", lambda *args, **kwargs: time.sleep(2))
    with pytest.raises(DataError, match="nothing arrives any more"):
        load()


def test_a_persons_own_archive_is_used(tmp_path: Path, fake: type[FakeSet]) -> None:
    own = tmp_path / "downloads" / "cifar10-archives"
    own.mkdir(parents=True)
    (own / "cifar-10-python.tar.gz").write_bytes(b"archive")
    load()
    assert fake.archive_seen
    assert not (tmp_path / "downloads" / "cifar10" / "cifar-10-python.tar.gz").exists()
    assert (own / "cifar-10-python.tar.gz").read_bytes() == b"archive"


def test_a_damaged_copy_says_what_to_delete(tmp_path: Path) -> None:
    load()
    (tmp_path / "downloads" / "cifar10" / "content.bin").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"is damaged \(Dataset not found or corrupted\.\); delete that folder"):
        load()


def test_mnist_is_grey_with_a_border(fake: type[FakeSet]) -> None:
    fake.form = "mnist"
    split = load("mnist")
    assert split.train.images.shape == (20, 1, 32, 32) and split.flip is False
    assert (split.train.images[:, 0, 2:-2, 2:-2] == PIXELS[:, :28, :28, 0]).all()
    assert (split.train.images[:, 0, :2] == 0).all() and (split.train.images[:, 0, :, -2:] == 0).all()
    assert split.train.class_names == tuple("0123456789")
    assert load("fashion_mnist").flip and load("fashion_mnist").train.class_names[0] == "0 - name"
    assert load("mnist", size=16).train.images.shape == (20, 1, 16, 16)


def test_svhn_comes_with_channels_first(fake: type[FakeSet]) -> None:
    fake.form = "svhn"
    split = load("svhn")
    assert (split.train.images == PIXELS.transpose(0, 3, 1, 2)).all() and split.flip is False


def test_gtsrb_is_resampled_and_named(fake: type[FakeSet]) -> None:
    fake.form = "gtsrb"
    split = load("gtsrb", train_per_class=1)
    assert split.train.images.shape == (10, 3, 32, 32) and split.test.images.shape == (20, 3, 32, 32)
    assert len(set(GTSRB)) == 43 and split.train.class_names[14] == "stop"


def test_limits_keep_rows_with_their_indices() -> None:
    split = load(train_per_class=1, test_per_class=1)
    assert np.bincount(split.train.labels).tolist() == [1] * 10 == np.bincount(split.test.labels).tolist()
    assert (split.train.images == PIXELS.transpose(0, 3, 1, 2)[split.train.indices]).all()
    assert load(size=16).train.images.shape == (20, 3, 16, 16)


def test_without_a_usable_torchvision_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(DataError, match="torchvision cannot be imported"):
        load()


@pytest.mark.parametrize("collection", downloads.COLLECTIONS)
def test_the_real_torchvision_without_a_network(
    collection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torchvision")
    importlib.import_module("torchvision.datasets")
    with pytest.raises(DataError) as caught:
        load(collection)
    text = str(caught.value)
    assert "network" in text and "'folder'" in text and str(tmp_path / "downloads" / f"{collection}-archives") in text
    assert all(archive in text for archive in downloads.COLLECTIONS[collection].archives) and "\n" not in text
    assert left(tmp_path) == []
