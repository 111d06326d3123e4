"""What holds for every source of images; what each one draws or reads is in its own test."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import registry, spec
from core.datasets.base import Dataset, Split
from tests.brought import npz

NEEDED: dict[str, dict[str, Any]] = {"feature_file": {"path": "NPZ"}, "folder": {"path": "FOLDER"}}
"""Settings without which there is no such data set."""

READY: dict[str, dict[str, Any]] = {
    "feature_file": {"path": "NPZ"},
    "signs": {"train": 40, "test": 20},
    "digits": {"size": 16},
    "folder": {"path": "FOLDER", "size": 16},
}
"""Sources that need no download, small; FOLDER stands for a folder of images, NPZ for a file of features beside it."""

each_dataset = pytest.mark.parametrize("name", registry.names("datasets"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for part, count in (("train", 4), ("test", 2)):
        for label in ("cat", "dog"):
            place = tmp_path / "images" / part / label
            place.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    features = random.normal(size=(12, 5)).astype(np.float32)
    (tmp_path / "features.npz").write_bytes(npz(features=features, labels=np.arange(12) % 3))
    return tmp_path / "images"


def make(name: str, settings: dict[str, Any], folder: Path) -> Dataset:
    places = {"FOLDER": str(folder), "NPZ": str(folder.parent / "features.npz")}
    filled = {key: places.get(value, value) for key, value in settings.items()}
    dataset: Dataset = registry.load("datasets", name)(**filled)
    return dataset


@each_dataset
def test_a_data_set_says_what_it_is(name: str, folder: Path) -> None:
    dataset = registry.load("datasets", name)
    assert issubclass(dataset, Dataset) and dataset.__doc__ and dataset.title and dataset.summary.endswith(".")
    for field, facts in dataset.model_fields.items():
        assert facts.description and facts.description.endswith("."), f"{name}.{field} has no sentence of help"
    experiment = spec.parse({"data": make(name, NEEDED.get(name, {}), folder)})
    assert spec.parse(json.loads(experiment.model_dump_json())) == experiment


@each_dataset
def test_a_fingerprint_is_text_and_asks_no_network(name: str, folder: Path) -> None:
    dataset = make(name, NEEDED.get(name, {}), folder)
    assert isinstance(dataset.fingerprint(), str) and dataset.fingerprint() == dataset.fingerprint()


@pytest.mark.parametrize("name", READY)
def test_images_labels_and_indices_belong_together(name: str, folder: Path) -> None:
    told: list[float] = []
    split = make(name, READY[name], folder).load(lambda fraction, text: told.append(fraction))
    assert isinstance(split, Split) and split.train.class_names == split.test.class_names
    assert split.train.images.shape[1:] == split.test.images.shape[1:]
    assert told and told == sorted(told) and told[0] >= 0 and told[-1] <= 1
    for part in (split.train, split.test):
        assert set(part.labels) == set(range(len(part.class_names)))
        assert part.labels.dtype == part.indices.dtype == np.int64
        assert len(set(part.indices)) == len(part)  # a row is found again by its index
    seen = {image.tobytes() for image in split.train.images}
    assert not any(image.tobytes() in seen for image in split.test.images)


@pytest.mark.parametrize("name", READY)
def test_the_same_settings_give_the_same_bytes(name: str, folder: Path) -> None:
    first, second = (make(name, READY[name], folder).load(lambda fraction, text: None) for _ in range(2))
    for part in ("train", "test"):
        for array in ("images", "labels", "indices"):
            one, other = (getattr(getattr(split, part), array) for split in (first, second))
            assert np.array_equal(one, other)
