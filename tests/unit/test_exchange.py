"""Poisons as a zip: there and back to the last bit, and every way in which a zip can lie."""

import io
import json
import pickle
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import crafted, exchange, unpacking
from core.crafted import AXES, Facts, Poisons
from core.errors import StoreError

FACTS = Facts("gradient_matching", ("cat", "dog", "ship"), {"name": "signs", "size": 4}, 16, False)
Files = dict[str, bytes]


def poisons(key: int = 0, p: int = 3, m: int = 2, shape: tuple[int, int, int] = (3, 4, 5), **other: Any) -> Poisons:
    """Some poisons of class 1 that are at most 16 levels from their originals; the last one is a row that was added."""
    random = np.random.default_rng(key)
    originals = random.integers(20, 235, (p, *shape), dtype=np.uint8)
    moved = (originals + random.integers(-16, 17, originals.shape)).astype(np.uint8)
    moved[0, 0, 0, 0] = originals[0, 0, 0, 0] + 16
    told = dict(
        rows=np.append(np.arange(p - 1) * 7, 100), indices=np.arange(p) * 3 + 5, originals=originals, poisoned=moved,
        labels=np.ones(p, np.int64), original_labels=np.ones(p, np.int64),
        targets=random.integers(0, 256, (m, *shape), dtype=np.uint8), wanted=np.ones(m, np.int64),
        true=np.full(m, 2), target_indices=np.arange(m) + 4,
    )  # fmt: skip
    return Poisons(key, 100, **{**told, **other})  # type: ignore[arg-type]


def same(one: Poisons, other: Poisons) -> bool:
    assert (one.key, one.n) == (other.key, other.n)
    for name in AXES:
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), name
    return True


@pytest.fixture(scope="module")
def good() -> Files:
    """The members of an archive of two keys."""
    buffer = io.BytesIO()
    exchange.write(buffer, FACTS, [poisons(0), poisons(3, p=2, m=1)])
    return unzipped(buffer)


def unzipped(buffer: io.BytesIO) -> Files:
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files, packing: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def told(files: Files, **changes: Any) -> io.BytesIO:
    """The archive with other values in poisons.json."""
    return zipped({**files, "poisons.json": json.dumps({**json.loads(files["poisons.json"]), **changes}).encode()})


def inside(files: Files, **changes: bytes | None) -> io.BytesIO:
    """The archive with other arrays in its first key; None leaves one out."""
    parts = {**unzipped(io.BytesIO(files["poisons-0.npz"])), **{f"{n}.npy": c for n, c in changes.items()}}  # type: ignore[dict-item]
    kept = {name: content for name, content in parts.items() if content is not None}
    return zipped({**files, "poisons-0.npz": zipped(kept).getvalue()})


def refused(source: io.BytesIO | Path, match: str) -> None:
    with pytest.raises(StoreError, match=match) as caught:
        exchange.verify(source)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 600


# ---- there and back


def test_there_and_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "poisons.zip"
    sets = [poisons(0), poisons(7, p=1, m=5), poisons(2, shape=(1, 9, 9))]
    wrote = exchange.write(path, FACTS, iter(sets))
    assert [(e.key, e.n, e.poisons, e.targets, e.largest_change) for e in wrote.keys] == [
        (0, 100, 3, 2, 16), (7, 100, 1, 5, 16), (2, 100, 3, 2, 16),
    ]  # fmt: skip
    assert exchange.contents(path) == exchange.verify(path) == wrote and wrote.facts == FACTS
    assert all(same(exchange.read(path, number), sets[number]) for number in range(3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["poisons.zip"]


def test_numpy_reads_the_parts_of_an_archive(good: Files) -> None:
    assert set(good) == {"poisons.json", "poisons-0.npz", "poisons-1.npz"}
    with np.load(io.BytesIO(good["poisons-0.npz"]), allow_pickle=False) as parts:
        assert set(parts) == set(AXES) and np.array_equal(parts["poisoned"], poisons(0).poisoned)
    record = json.loads(good["poisons.json"])
    assert record["format"] == exchange.FORMAT and record["class_names"] == ["cat", "dog", "ship"]
    assert record["data"] == {"name": "signs", "size": 4} and [entry["key"] for entry in record["keys"]] == [0, 3]


def test_the_same_poisons_make_the_same_file() -> None:
    buffers = [io.BytesIO(), io.BytesIO()]
    for buffer in buffers:
        exchange.write(buffer, FACTS, [poisons()])
    assert buffers[0].getvalue() == buffers[1].getvalue()


def test_a_key_that_is_not_there(good: Files) -> None:
    for number in (2, -1):
        with pytest.raises(StoreError, match=f"holds 2 keys, counted from 0; there is no key {number}"):
            exchange.read(zipped(good), number)


def test_what_cannot_be_written_leaves_no_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "poisons.zip"
    path.write_bytes(b"old")
    for sets in ([], [poisons(), poisons(wanted=np.full(2, 2))]):
        with pytest.raises(StoreError):
            exchange.write(path, FACTS, sets)
        assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        exchange.write(tmp_path / "nowhere" / "poisons.zip", FACTS, [poisons()])


def test_an_archive_is_read_back_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(source: Any, number: int) -> Poisons:
        return poisons(indices=np.array([5, 8, 12]))

    monkeypatch.setattr(exchange, "read", other)
    with pytest.raises(StoreError, match="key 0 were not written as they are"):
        exchange.write(tmp_path / "poisons.zip", FACTS, [poisons()])
    assert list(tmp_path.iterdir()) == []


# ---- what has to be true of poisons

Wrong = dict[str, tuple[dict[str, Any], str]]
WRONG: Wrong = {
    "no poisons": ({name: getattr(poisons(), name)[:0] for name in AXES if "p" in AXES[name]}, "0 poisons"),
    "no targets": ({name: getattr(poisons(), name)[:0] for name in AXES if "m" in AXES[name]}, "0 targets"),
    "rows that descend": ({"rows": np.array([7, 0, 100])}, "do not ascend"),
    "a row twice": ({"rows": np.array([7, 7, 100])}, "do not ascend"),
    "a negative row": ({"rows": np.array([-1, 7, 100])}, "do not ascend"),
    "a negative index": ({"indices": np.array([-1, 8, 11])}, "negative index"),
    "a negative target": ({"target_indices": np.array([4, -5])}, "negative index"),
    "one image twice": ({"indices": np.array([5, 5, 11])}, "one image of the source twice"),
    "a label that is none": ({"labels": np.array([1, 1, 3])}, "labels of 1 to 3; legal are 0 to 2"),
    "a negative label": ({"original_labels": np.array([1, -1, 1])}, "original_labels of -1 to 1"),
    "a wanted class that is none": ({"wanted": np.array([1, 9])}, "wanted of 1 to 9"),
    "a target of the wanted class": ({"wanted": np.array([1, 2])}, "already is of the wanted class"),
    "a changed label": ({"labels": np.array([1, 0, 1])}, "says that it does not"),
    "a pixel too far": ({"poisoned": poisons().originals + np.uint8(17)}, "17/255; its epsilon is 16/255"),
    "other images": ({"poisoned": 255 - poisons().originals}, "/255; its epsilon is 16/255"),
    "fractions": ({"originals": poisons().originals / 255}, "'originals' in key 0 must be uint8, not float64"),
    "small numbers": ({"rows": poisons().rows.astype(np.int32)}, "'rows' in key 0 must be int64, not int32"),
    "smaller images": ({"poisoned": poisons().poisoned[..., :4]}, "'poisoned' in key 0 has 4 along w"),
    "targets of another size": ({"targets": poisons().targets[:, :, :3]}, "'targets' in key 0 has 3 along h"),
    "fewer labels": ({"labels": poisons().labels[:2]}, "'labels' in key 0 has 2 along p, where there are 3"),
    "a column": ({"rows": poisons().rows[:, None]}, "must have the axes p; its shape is"),
    "two channels": (
        {name: getattr(poisons(), name)[:, :2] for name in ("originals", "poisoned", "targets")}, "shape (3, 2, 4, 5)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_poisons_that_cannot_be_are_not_written(what: str) -> None:
    other, words = WRONG[what]
    with pytest.raises(StoreError) as caught:
        exchange.write(io.BytesIO(), FACTS, [poisons(**other)])
    assert words in str(caught.value)


@pytest.mark.parametrize("what", [what for what in WRONG if not what.startswith("no ")])
def test_nor_read_where_somebody_else_wrote_them(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other, _ = WRONG[what]
    buffer = io.BytesIO()
    with monkeypatch.context() as careless:
        careless.setattr(exchange, "check", lambda *_: None)
        careless.setattr(exchange, "largest_change", lambda _: 16)
        careless.setattr(exchange, "read", lambda *_: poisons(**other))
        exchange.write(buffer, FACTS, [poisons(**other)])
    with pytest.raises(StoreError):
        exchange.verify(buffer)


def test_labels_may_change_and_epsilon_be_open_where_the_archive_says_so() -> None:
    far = poisons(labels=np.array([1, 0, 2]), poisoned=255 - poisons().originals)
    exchange.write(io.BytesIO(), replace(FACTS, epsilon=None, changes_labels=True), [far])
    assert crafted.largest_change(far) > 16


# ---- poisons.json


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": 2, "made_by": "9.9"}, "made by version 9.9 in format 2; this is version"),
        ({"format": None}, "in format None"),
        ({"attack": "../x"}, "attack"),
        ({"class_names": ["cat"]}, "class_names"),
        ({"class_names": ["cat", "dog", 3]}, "class_names"),
        ({"epsilon": 256}, "epsilon"),
        ({"epsilon": 16.5}, "epsilon"),
        ({"epsilon": 15}, "moves a pixel by 16/255; its epsilon is 15/255"),
        ({"class_names": ["cat", "dog"]}, "true of 2 to 2; legal are 0 to 1"),
        ({"changes_labels": 1}, "changes_labels"),
        ({"data": []}, "data"),
        ({"keys": []}, "keys"),
        ({"more": 1}, "no such setting"),
        ({"keys": [{"key": 0}]}, "keys.0.n"),
    ],
)
def test_a_record_that_lies(good: Files, changes: dict[str, Any], match: str) -> None:
    refused(told(good, **changes), match)


@pytest.mark.parametrize(
    ("fact", "value", "match"),
    [
        ("poisons", 4, "poisons is 4 in poisons-0.npz, where it is 3"),
        ("targets", 1, "targets is 1"),
        ("largest_change", 3, "largest_change is 3"),
        ("key", -1, "keys.0.key"),
        ("n", 0, "keys.0.n"),
    ],
)
def test_an_entry_that_lies(good: Files, fact: str, value: int, match: str) -> None:
    keys = json.loads(good["poisons.json"])["keys"]
    refused(told(good, keys=[{**keys[0], fact: value}, keys[1]]), match)


def test_the_number_of_keys_has_to_fit_the_files(good: Files) -> None:
    keys = json.loads(good["poisons.json"])["keys"]
    refused(told(good, keys=keys[:1]), "lists 1 keys, and poisons-1.npz does not fit")
    refused(told(good, keys=[*keys, keys[0]]), "lists 3 keys, and poisons-2.npz does not fit")
    refused(zipped({**good, "poisons-01.npz": b""}), "which no archive of poisons has")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 100_000, b'{"format": NaN', b"\xff"])
def test_a_record_that_is_no_json(good: Files, content: bytes) -> None:
    refused(zipped({**good, "poisons.json": content}), "not JSON|must hold an object")


# ---- the arrays


def head(shape: str, kind: str = "<i8", size: int = 118) -> bytes:
    """A .npy's header of our own making."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(size - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (npy(np.array([0.0, 7.0, 100.0])), "must be int64, not '<f8'"),
        (npy(np.array([0, 7, 100], dtype=">i8")), "no plain array"),
        (npy(np.array([0, 7, 100], dtype=np.int32)), "must be int64, not '<i4'"),
        (npy(np.array([True, False, True])), r"must be int64, not '\|b1'"),
        (npy(np.array([{}, [], 1], dtype=object)), "no plain array"),
        (npy(np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])), "no plain array"),
        (npy(np.array(["text"])), "no plain array"),
        (npy(np.arange(6).reshape(2, 3).T), "no plain array"),
        (npy(np.arange(4)), "'indices' in key 0 has 3 along p, where there are 4"),
        (npy(np.array(3)), "no plain array"),
        (npy(np.arange(3)) + b"x", "shorter or longer"),
        (npy(np.arange(3))[:-1], "shorter or longer"),
        (head("(3,)"), "shorter or longer"),
        (head("(999999999999, 999999999999)"), "shorter or longer"),
        (head("(-3,)"), "no plain array"),
        (head("(3,) + (exit(),)"), "no plain array"),
        (head("3"), "no plain array"),
        (head("(3,)", kind="|O8"), "no plain array"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f", "no plain array"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "no plain array"),
        (b"\x93NUMPY", "no plain array"),
        (pickle.dumps(np.arange(3)), "no plain array"),
        (b"", "no plain array"),
        (None, "rows.npy"),
    ],
)
def test_arrays_that_are_not_what_they_should_be(good: Files, content: bytes | None, match: str) -> None:
    refused(inside(good, rows=content), match)


def test_an_array_too_many_or_too_few(good: Files) -> None:
    refused(inside(good, gradient=npy(np.arange(3))), "'gradient.npy', which no archive of poisons has")
    refused(inside(good, wanted=None), "has no wanted.npy")
    refused(zipped({**good, "poisons-0.npz": b"no zip"}), "not a readable zip")
    refused(zipped({**good, "poisons-0.npz": good["poisons-0.npz"][:-30]}), "not a readable zip")


# ---- the zip


@pytest.mark.parametrize(
    "name",
    ["../poisons-0.npz", "/poisons-0.npz", "a/poisons-0.npz", "..\\poisons-0.npz", "poisons-0.npz ", "poisons-0.pickle",
     "poisons--1.npz", "poisons-00000.npz", "C:poisons-0.npz", "poisons.json/", "poisons-0.npz\n"],
)  # fmt: skip
def test_other_names_are_refused(good: Files, name: str) -> None:
    refused(zipped({**good, name: b""}), "which no archive of poisons has")


def test_a_file_that_is_no_archive(tmp_path: Path, good: Files) -> None:
    whole = zipped(good).getvalue()
    for end in (0, 10, len(whole) // 2, len(whole) - 1):
        refused(io.BytesIO(whole[:end]), "not a readable zip")
    refused(tmp_path / "nowhere.zip", "nowhere.zip' cannot be read: No such file")
    refused(tmp_path, "cannot be read: Is a directory")
    refused(zipped({"notes.txt": b""}), "has no poisons.json, so it is not an archive of poisons")


def test_a_damaged_byte_is_noticed(good: Files) -> None:
    whole = bytearray(zipped(good, zipfile.ZIP_STORED).getvalue())
    whole[len(whole) // 3] ^= 1
    refused(io.BytesIO(bytes(whole)), "not a readable zip|no plain array|damaged|not JSON")


def test_links_encrypted_and_doubled_members_are_refused(good: Files) -> None:
    buffer = zipped({name: content for name, content in good.items() if name != "poisons-1.npz"})
    with zipfile.ZipFile(buffer, "a") as more:
        link = zipfile.ZipInfo("poisons-1.npz")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        more.writestr(link, "/etc/passwd")
    refused(buffer, "is a link")
    content = bytearray(zipped(good).getvalue())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    refused(io.BytesIO(bytes(content)), "encrypted")
    buffer = zipped(good)
    with zipfile.ZipFile(buffer, "a") as more, pytest.warns(UserWarning, match="Duplicate"):
        more.writestr("poisons.json", good["poisons.json"])
    refused(buffer, "twice")


def test_bombs_are_refused_outside_and_inside(good: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "SMALL", 2**20)
    refused(zipped({**good, "poisons-1.npz": bytes(2**22)}), "times its size")
    packed = inside(good, rows=bytes(2**22))  # shrinks a second time outside, so the outer zip looks small as well
    refused(packed, "times its size")
    monkeypatch.setattr(exchange, "LARGEST_KEY", 2000)
    refused(zipped(good), "at most 2000|more than 2000")
    buffer = io.BytesIO()
    monkeypatch.setattr(exchange, "LARGEST_KEY", 2**20)
    exchange.write(buffer, FACTS, [poisons(m=100, targets=np.zeros((100, 3, 4, 5), np.uint8))])
    shrunk = {n: zipped(unzipped(io.BytesIO(c))).getvalue() if n[-1] == "z" else c for n, c in unzipped(buffer).items()}
    exchange.verify(zipped(shrunk))
    monkeypatch.setattr(exchange, "LARGEST_KEY", len(shrunk["poisons-0.npz"]))
    refused(zipped(shrunk), "poisons-0.npz unpacks to more than")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packings_are_refused(good: Files, method: int) -> None:
    refused(zipped(good, method), "packed in an unusual way")


def test_nothing_breaks_on_random_bytes(good: Files) -> None:
    random = np.random.default_rng(0)
    whole = zipped(good, zipfile.ZIP_STORED).getvalue()
    for _ in range(200):
        bad = bytearray(whole)
        for place in random.integers(0, len(bad), 4):
            bad[place] = random.integers(256)
        try:
            exchange.verify(io.BytesIO(bytes(bad)))
        except StoreError as error:
            assert str(error).endswith(".")


Reader = Callable[[io.BytesIO], Any]


@pytest.mark.parametrize("reader", [exchange.contents, exchange.verify, lambda source: exchange.read(source, 0)])
def test_every_way_to_read_refuses_a_stranger(reader: Reader) -> None:
    with pytest.raises(StoreError, match="not a readable zip"):
        reader(io.BytesIO(b"nonsense"))
