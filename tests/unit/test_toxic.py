"""The benchmark's files: what real ones say arrives, and what is wrong with others is said in one sentence."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.attacks import inert, toxic
from core.attacks.toxic import published, read_bases, read_published, read_setups
from core.datasets.base import ImageSet
from core.errors import StoreError
from tests.poison_files import benchmark, picture, zipped

SETUP = {"target class": 3, "target index": 17, "base class": 5, "base indices": np.array([40, 7, 300])}


def setups(folder: Path, value: Any, protocol: int = 4) -> Path:
    path = folder / "setups.pickle"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "entry",
    [
        SETUP,
        {**SETUP, "base indices": [40, 7, 300]},
        {**SETUP, "base indices": (np.int64(40), np.int32(7), 300), "target index": np.int64(17)},
        {**SETUP, "target class": np.array(3), "base indices": np.array([40, 7, 300], dtype=np.uint16)},
        {"victim class": 3, "victim index": 17, "goal class": 5, "base indices": [40, 7, 300], "budget": 0.01},
    ],
)
def test_setups(tmp_path: Path, entry: dict[str, Any], protocol: int) -> None:
    found = read_setups(setups(tmp_path, [entry, {**entry, "base indices": [1]}], protocol))
    assert [(s.target_class, s.target_index, s.base_class, s.base_indices.tolist()) for s in found] == [
        (3, 17, 5, [40, 7, 300]), (3, 17, 5, [1]),
    ]  # fmt: skip
    assert found[0].base_indices.dtype == np.int64


def test_a_list_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    path = setups(tmp_path, [SETUP])
    assert len(read_setups(path)) == 1
    setups(tmp_path, [SETUP] * 3)
    assert len(read_setups(path)) == 3
    with pytest.raises(ValueError, match="read-only"):
        read_setups(path)[0].base_indices[0] = 1


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ([], "must hold a list of 1 to"),
        (SETUP, "must hold a list of 1 to"),
        (["text"], "Set-up 0 in 'setups.pickle' must be a table"),
        ([SETUP, {"target class": 1}], "Set-up 1 in 'setups.pickle' lacks 'target index'"),
        ([{**SETUP, "target class": -1}], "where a class or a position belongs"),
        ([{**SETUP, "target index": 1.0}], "has a float where"),
        ([{**SETUP, "target index": True}], "has a bool where"),
        ([{**SETUP, "target index": 2**40}], "where a class or a position belongs"),
        ([{**SETUP, "base class": 3}], "wants class 3 misread as itself"),
        ([{**SETUP, "base indices": []}], "at least one base image"),
        ([{**SETUP, "base indices": 7}], "at least one base image"),
        ([{**SETUP, "base indices": np.zeros((2, 2), int)}], "at least one base image"),
        ([{**SETUP, "base indices": np.array([1.5])}], "at least one base image"),
        ([{**SETUP, "base indices": [4, 4]}], "a base image twice"),
        ([{**SETUP, "base indices": [4, "5"]}], "has a str where"),
        ([{**SETUP, "base indices": [4, -5]}], "where a class or a position belongs"),
    ],
)
def test_setups_that_cannot_be(tmp_path: Path, value: Any, match: str) -> None:
    with pytest.raises(StoreError, match=match):
        read_setups(setups(tmp_path, value))


def test_a_list_of_setups_is_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'left'}",)

    for value in (Evil(), [{**SETUP, "base indices": Evil()}]):
        with pytest.raises(StoreError, match="list of set-ups 'setups.pickle' asks for posix.system, which is refused"):
            read_setups(setups(tmp_path, value))
    assert not (tmp_path / "left").exists()
    with pytest.raises(StoreError, match="nowhere.pickle' cannot be read: No such file"):
        read_setups(tmp_path / "nowhere.pickle")
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        read_setups(tmp_path)


# ---- crafted poisons

ROWS = [1, 5, 9]
"""Of the class 1 in tiny sets; test row 2 is of class 2."""


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_poisons(tmp_path: Path, tiny: ImageSet, protocol: int) -> None:
    folder = benchmark(tmp_path / "made", tiny, tiny, ROWS, 2, protocol)
    assert published(folder) == ("",) and read_bases(folder, "").tolist() == ROWS
    found = read_published(folder, "")
    assert np.array_equal(found.poisoned, tiny.images[ROWS] + np.uint8(3)) and found.labels.tolist() == [1, 1, 1]
    assert found.indices.tolist() == ROWS and found.target_class == 2
    assert np.array_equal(found.target, tiny.images[2]) and np.array_equal(found.shown, found.target)


def test_several_setups_are_taken_by_number_from_a_folder_and_from_a_zip(tmp_path: Path, tiny: ImageSet) -> None:
    for number in (10, 2, 1):
        benchmark(tmp_path / "all" / str(number), tiny, tiny, [1, 1 + 4 * number], 2)
    (tmp_path / "all" / "README.md").write_text("notes")
    for path in (tmp_path / "all", zipped(tmp_path / "all", tmp_path / "all.zip")):
        assert published(path) == ("1/", "2/", "10/")
        assert [read_published(path, place).indices.tolist() for place in published(path)] == [[1, 5], [1, 9], [1, 41]]
    one = zipped(tmp_path / "all" / "2", tmp_path / "one.zip")
    assert published(one) == ("",) and read_published(one, "").indices.tolist() == [1, 9]


def test_a_patch_is_laid_on_the_target(tmp_path: Path, tiny: ImageSet) -> None:
    levels = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4) * 10
    for name, patch in (("fractions", (levels / 255).astype(np.float32)), ("levels", levels)):
        target = (picture(tiny.images[2]), 2, patch, [5, 9])
        found = read_published(benchmark(tmp_path / name, tiny, tiny, ROWS, 2, target=target), "")
        expected = tiny.images[2].copy()
        expected[:, 9:11, 5:9] = levels
        assert np.array_equal(found.shown, expected) and np.array_equal(found.target, tiny.images[2])


def small() -> Image.Image:
    return Image.new("RGB", (4, 4))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "fewer poisons": ({"poisons": [(small(), 1)]}, "as many poisons as base_indices.pickle lists base images: 3"),
    "no list": ({"poisons": {"a": 1}}, "must list as many poisons"),
    "a poison without a label": ({"poisons": [(small(),)] * 3}, "Poison 0 in poisons.pickle must be an image and"),
    "a poison with too much": ({"poisons": [(small(), 1, 2, 3)] * 3}, "Poison 0 in poisons.pickle must be an image"),
    "a label as text": ({"poisons": [(small(), "1")] * 3}, "has a str where a class"),
    "an image that is none": ({"poisons": [("pixels", 1)] * 3}, "must begin with an image"),
    "an image as fractions": ({"poisons": [(np.zeros((3, 16, 16)), 1)] * 3}, "must begin with an image"),
    "channels last": ({"poisons": [(np.zeros((16, 16, 3), np.uint8), 1)] * 3}, "must begin with an image"),
    "poisons of two classes": ({"poisons": [(small(), 1), (small(), 0), (small(), 1)]}, "of the classes 0 and 1"),
    "small poisons": ({"poisons": [(small(), 1)] * 3}, "images of different sizes"),
    "a target of the poisons' class": ({"target": (small(), 1)}, "of class 1, which the poisons want predicted"),
    "a target that is an image": ({"target": small()}, "target.pickle must be an image and its class"),
    "a target of three": ({"target": (small(), 2, np.zeros((3, 2, 2)))}, "must be an image and its class"),
    "a base twice": ({"base_indices": [1, 1, 5]}, "a base image twice"),
    "bases that are text": ({"base_indices": "157"}, "at least one base image"),
}


@pytest.mark.parametrize("what", WRONG)
def test_poisons_that_cannot_be(tmp_path: Path, tiny: ImageSet, what: str) -> None:
    other, words = WRONG[what]
    with pytest.raises(StoreError) as caught:
        read_published(benchmark(tmp_path / "made", tiny, tiny, ROWS, 2, **other), "")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("patch", "place", "match"),
    [
        (np.zeros((1, 2, 2)), [0, 0], "must hold its patch as an array"),
        (np.zeros((3, 0, 2)), [0, 0], "must hold its patch as an array"),
        ([[1]], [0, 0], "must hold its patch as an array"),
        (np.zeros((3, 2, 2)), [15, 0], "column 15, row 0 that does not fit"),
        (np.zeros((3, 2, 2)), [0, 15], "column 0, row 15 that does not fit"),
        (np.zeros((3, 2, 2)), [-1, 0], "where a class or a position belongs"),
        (np.zeros((3, 2, 2)), 5, "must say the column and row"),
        (np.full((3, 2, 2), 1.1), [0, 0], "levels outside"),
        (np.full((3, 2, 2), np.nan), [0, 0], "levels outside"),
        (np.full((3, 2, 2), 256), [0, 0], "levels outside"),
    ],
)
def test_patches_that_cannot_be(tmp_path: Path, tiny: ImageSet, patch: Any, place: Any, match: str) -> None:
    target = (picture(tiny.images[2]), 2, patch, place)
    with pytest.raises(StoreError, match=match):
        read_published(benchmark(tmp_path / "made", tiny, tiny, ROWS, 2, target=target), "")


def test_folders_and_zips_that_are_none(tmp_path: Path, tiny: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = benchmark(tmp_path / "made", tiny, tiny, ROWS, 2)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", zipped(tmp_path / "empty", tmp_path / "empty.zip")):
        with pytest.raises(StoreError, match="holds no poisons.pickle, neither at its top"):
            published(path)
    monkeypatch.setattr(inert, "MOST_BYTES", 10)
    for path in (folder, zipped(folder, tmp_path / "made.zip")):
        with pytest.raises(StoreError, match="base_indices.pickle has .* bytes; at most 10 are read"):
            read_bases(path, "")
    (folder / "target.pickle").unlink()
    with pytest.raises(StoreError, match="has poisons.pickle and no target.pickle beside it"):
        published(folder)
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        published(tmp_path / "nowhere.zip")
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(StoreError, match="not a readable zip"):
        published(tmp_path / "text.zip")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "C:\\x", "a\\..\\x", "..", "a/.."])
def test_a_zip_that_leads_outside_is_refused(tmp_path: Path, tiny: ImageSet, name: str) -> None:
    path = zipped(benchmark(tmp_path / "made", tiny, tiny, ROWS, 2), tmp_path / "made.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"")
    with pytest.raises(StoreError, match="which no archive of poisons has"):
        published(path)


def test_the_names_of_a_setups_entries_are_the_benchmarks_own() -> None:
    assert [names[0] for names in toxic.NAMES.values()] == list(SETUP)
