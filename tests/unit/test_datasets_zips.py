"""Zips from strangers: what is honest is unpacked whole, what is not leaves nothing behind."""

import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from core.datasets import zips
from core.datasets.zips import unpack
from core.errors import DataError


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def refused(data: bytes, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        unpack(data, folder / "into")
    assert list(folder.iterdir()) == [] and [*folder.parent.glob("*.png")] == []
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def test_images_are_unpacked_and_nothing_else(folder: Path) -> None:
    data = packed(
        ("my data/train/ant/0.png", b"a"),
        ("my data/train/bee/1.JPG", b"b"),
        ("my data/test/ant/2.webp", b"c"),
        ("my data/readme.txt", b"x"),
        ("my data/run.sh", b"x"),
        ("my data/train/ant/.hidden.png", b"x"),
        ("__MACOSX/my data/train/ant/._0.png", b"x"),
    )
    root = unpack(data, folder / "into")
    assert root == folder / "into" / "my data"
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert files == {"train/ant/0.png": b"a", "train/bee/1.JPG": b"b", "test/ant/2.webp": b"c"}
    assert [path.name for path in folder.iterdir()] == ["into"]


def test_the_root_is_where_the_classes_are(folder: Path) -> None:
    assert unpack(packed(("a/0.png", b""), ("b/0.png", b"")), folder / "1") == folder / "1"
    assert unpack(packed(("x/y/a/0.png", b""), ("x/y/b/0.png", b"")), folder / "2") == folder / "2" / "x" / "y"
    assert unpack(packed(("a/0.png", b"")), folder / "3") == folder / "3"


def test_a_path_works_like_bytes_and_a_second_call_keeps_the_first(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(("a/0.png", b"first"), ("b/0.png", b"")))
    assert unpack(tmp_path / "a.zip", folder / "into") == folder / "into"
    assert unpack(packed(("a/0.png", b"second")), folder / "into") == folder / "into"
    assert (folder / "into/a/0.png").read_bytes() == b"first"


def test_backslashes_are_folders(folder: Path) -> None:
    name = zipfile.ZipInfo("a/0.png")
    name.filename = "a\\0.png"
    unpack(packed((name, b"x"), ("b/0.png", b"")), folder / "into")
    assert (folder / "into/a/0.png").is_file()


@pytest.mark.parametrize(
    "name", ["../out.png", "a/../../out.png", "/etc/out.png", "..\\out.png", "C:\\out.png", "C:out.png", "\\out.png"]
)
def test_paths_that_lead_outside_are_refused(folder: Path, name: str) -> None:
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    assert "leads outside" in refused(packed(("a/0.png", b"x"), (entry, b"x")), folder)


def test_links_are_refused(folder: Path) -> None:
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "link" in refused(packed(("a/0.png", b"x"), (link, b"/etc/passwd")), folder)


def test_encrypted_files_are_refused(folder: Path) -> None:
    data = bytearray(packed(("a/0.png", b"x")))
    data[6] |= 1  # flag bits of the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    assert "encrypted" in refused(bytes(data), folder)


def test_too_many_files_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MOST_FILES", 2)
    assert "3 files" in refused(packed(*((f"a/{i}.png", b"") for i in range(3))), folder)


def test_too_many_bytes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MOST_BYTES", 1000)
    assert "unpacks to" in refused(packed(("a/0.png", b"x" * 600), ("a/1.png", b"x" * 600)), folder)


def test_bombs_are_refused(folder: Path) -> None:
    data = packed(("a/0.png", bytes(zips.SMALL + 1)), method=zipfile.ZIP_DEFLATED)
    assert len(data) < 100_000
    assert "times its size" in refused(data, folder)


def test_a_bomb_that_lies_about_its_size_is_refused(folder: Path) -> None:
    data = bytearray(packed(("a/0.png", bytes(50_000)), method=zipfile.ZIP_DEFLATED))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (10).to_bytes(4, "little")
    assert "no zip that can be read" in refused(bytes(data), folder)


def test_a_damaged_file_leaves_nothing_behind(folder: Path) -> None:
    data = bytearray(packed(("a/0.png", b"good"), ("a/1.png", b"wrong checksum")))
    place = data.index(b"wrong checksum")
    data[place] ^= 1
    assert "no zip that can be read" in refused(bytes(data), folder)


@pytest.mark.parametrize(  # named, for a zip tells the time, and then processes would not agree on the names
    "data",
    [b"", b"hello", packed(("a/0.png", b"x"))[:-30], packed(("a/0.png", b"x"))[10:]],
    ids=["empty", "text", "without its end", "without its beginning"],
)
def test_what_is_no_zip_is_one_sentence(folder: Path, data: bytes) -> None:
    assert "zip" in refused(data, folder)


def test_a_zip_without_images_says_what_is_legal(folder: Path) -> None:
    text = refused(packed(("a/readme.txt", b"x")), folder)
    assert "no images" in text and ".png" in text


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice_is_refused(folder: Path) -> None:
    assert "twice" in refused(packed(("a/0.png", b"x"), ("a/0.png", b"y")), folder)


def test_a_file_where_a_folder_must_be_is_one_sentence(folder: Path) -> None:
    assert "cannot be unpacked" in refused(packed(("a.png", b"x"), ("a.png/0.png", b"y")), folder)
    assert "cannot be unpacked" in refused(packed(("a/" + "n" * 300 + ".png", b"x")), folder)
