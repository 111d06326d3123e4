"""Files of features: what numpy writes is read, anything else is refused in one sentence."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import feature_file
from core.datasets.feature_file import FeatureFile
from core.errors import DataError
from tests.brought import npz

GOOD: dict[str, Any] = {"features": np.arange(12.0).reshape(6, 2), "labels": np.array([0, 1, 0, 1, 0, 1])}


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "features.npz"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_what_numpy_writes_is_read(kind: str, tmp_path: Path) -> None:
    table = feature_file.read(written(tmp_path, npz(features=GOOD["features"].astype(kind), labels=GOOD["labels"])))
    assert table.features.dtype == np.float32 and table.labels.dtype == np.int64 and table.poison is None
    assert table.features.tolist() == GOOD["features"].tolist()


def test_each_row_is_drawn_from_black_to_white(tmp_path: Path) -> None:
    features = np.array([[0, 5, 1], [2, 5, 0], [1, 5, 3], [0, 5, 0]], dtype=np.float32)
    path = written(tmp_path, npz(features=features, labels=np.array([0, 0, 1, 1])))
    split = FeatureFile(path=str(path), names=("a", "b")).load(lambda fraction, words: None)
    whole = {int(row): image for part in (split.train, split.test)
             for row, image in zip(part.indices, part.images, strict=True)}  # fmt: skip
    # the second feature is the same everywhere: black; the fourth pixel has no feature: black
    assert whole[0].tolist() == [[[0, 0], [85, 0]]] and whole[1].tolist() == [[[255, 0], [0, 0]]]
    assert whole[2].tolist() == [[[128, 0], [255, 0]]] and split.train.class_names == ("a", "b")
    assert len(split.test) == 2 and not split.flip


def test_features_are_handed_over_by_position(tmp_path: Path) -> None:
    data = FeatureFile(path=str(written(tmp_path, npz(**GOOD))))
    assert data.features(np.array([4, 0])).tolist() == [[8.0, 9.0], [0.0, 1.0]]


def with_pickle() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, features=np.array([{"a": 1}] * 6, dtype=object), labels=GOOD["labels"])
    return buffer.getvalue()


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def lying() -> bytes:
    """The start of an array that says it has a trillion numbers, and no number."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999, 999999), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def changed(**arrays: Any) -> bytes:
    return npz(**{**GOOD, **arrays})


HOSTILE = {
    "no zip": (b"nonsense", "is no .npz that can be read"),
    "a pickle": (pickle.dumps({"features": 1}), "is no .npz that can be read"),
    "objects": (with_pickle(), "features.npy in the file of features is no plain array of numbers."),
    "no labels": (npz(features=GOOD["features"]), "has no labels.npy."),
    "no features": (npz(labels=GOOD["labels"]), "has no features.npy, so it is not"),
    "another file": (changed(weights=np.zeros(3)), "has a file 'weights.npy', which no npz of features has."),
    "a path": (zipped(**{"features.npy": b"", "../labels.npy": b""}), "has a file '../labels.npy'"),
    "a header that lies": (zipped(**{"features.npy": lying(), "labels.npy": b""}), "shorter or longer than its shape"),
    "labels as fractions": (changed(labels=GOOD["labels"] / 2), "labels.npy in the file of features must be int64 or"),
    "poison as numbers": (changed(poison=GOOD["labels"]), "poison.npy in the file of features must be bool, not"),
    "features of whole numbers": (changed(features=np.zeros((6, 2), int)), "features.npy in the file of features must"),
    "one dimension": (changed(features=np.zeros(6)), "features must be of shape (n, d) with 4 to 200,000 rows"),
    "one column": (changed(features=np.zeros((6, 1))), "and 2 to 4,096 columns, not (6, 1)."),
    "three rows": (npz(features=np.zeros((3, 2)), labels=np.arange(3) % 2), "with 4 to 200,000 rows"),
    "too few labels": (changed(labels=np.array([0, 1])), "labels must be of shape (6,), as there are rows, not (2,)."),
    "too many poisons": (changed(poison=np.zeros(9, bool)), "poison must be of shape (6,)"),
    "no numbers": (changed(features=np.full((6, 2), np.nan)), "features holds 12 values that are not finite"),
    "infinite in float32": (changed(features=np.full((6, 2), 1e300)), "12 values that are not finite in float32."),
    "a negative label": (changed(labels=np.array([0, 1, 0, 1, 0, -1])), "labels must lie in 0 to 999, not -1 to 1."),
    "a label too high": (changed(labels=np.array([0, 1, 0, 1, 0, 5000])), "not 0 to 5000."),
    "one class": (changed(labels=np.zeros(6, int)), "at least two classes, counted from 0"),
    "a class of one row": (changed(labels=np.array([0, 0, 0, 0, 0, 1])), "class 1 of 2 has 1."),
    "a class without rows": (changed(labels=np.array([0, 2, 0, 2, 0, 2])), "class 1 of 3 has 0."),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_does_not_fit_is_refused_in_one_sentence(what: str, tmp_path: Path) -> None:
    content, words = HOSTILE[what]
    with pytest.raises(DataError) as caught:
        feature_file.read(written(tmp_path, content))
    text = str(caught.value)
    assert words in text and text.endswith(".") and "\n" not in text


def test_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_file, "MOST_BYTES", 100)
    with pytest.raises(DataError, match="unpack to more than 100 bytes"):
        feature_file.read(written(tmp_path, npz(**GOOD)))


def test_names_have_to_be_as_many_as_classes(tmp_path: Path) -> None:
    data = FeatureFile(path=str(written(tmp_path, npz(**GOOD))), names=("a", "b", "c"))
    with pytest.raises(DataError, match="names lists 3 classes, and the labels go up to 1"):
        data.load(lambda fraction, words: None)


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    for ask in (lambda data: data.fingerprint(), lambda data: data.load(lambda fraction, words: None)):
        with pytest.raises(DataError, match="There is no file of features"):
            ask(FeatureFile(path=str(tmp_path / "gone.npz")))
