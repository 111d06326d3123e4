"""Folders of images: every ugly file is handled or named, every wrong folder is one sentence."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import image_files, subsets
from core.datasets.base import Split
from core.datasets.folder import Folder
from core.errors import Cancelled, DataError
from core.spec import parse

SIZE = 8


def picture(seed: int, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)


def fill(folder: Path, classes: tuple[str, ...] = ("ant", "bee"), count: int = 4, first: int = 0) -> None:
    for k, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.fromarray(picture(first + 100 * k + i)).save(folder / name / f"{i}.png")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    fill(tmp_path / "train")
    fill(tmp_path / "test", count=2, first=1000)
    return tmp_path


def load(path: Path, **settings: object) -> Split:
    return Folder(path=str(path), size=settings.pop("size", SIZE), **settings).load(lambda fraction, text: None)


def refusal(path: Path, **settings: object) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **settings)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    return text


def test_a_pair_of_trees_is_read_without_changing_a_pixel(pair: Path) -> None:
    split = load(pair)
    assert split.train.class_names == ("ant", "bee") and split.notes == () and split.flip is True
    assert split.train.labels.tolist() == [0] * 4 + [1] * 4 and split.test.labels.tolist() == [0] * 2 + [1] * 2
    wanted = [picture(100 * k + i).transpose(2, 0, 1) for k in range(2) for i in range(4)]
    assert (split.train.images == np.stack(wanted)).all()
    assert split.train.indices.tolist() == list(range(8))  # 0.png is in both classes, so stems are no indices


def test_whole_numbers_as_stems_are_indices_and_order_the_rows(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name, numbers in (("ant", (7, 10)), ("bee", (9, 2))):
            (tmp_path / part / name).mkdir(parents=True)
            for number in numbers:
                Image.fromarray(picture(number)).save(tmp_path / part / name / f"{number:05d}.png")
    train = load(tmp_path).train
    assert train.indices.tolist() == [2, 7, 9, 10] and train.labels.tolist() == [1, 0, 1, 0]
    assert (train.images == np.stack([picture(n).transpose(2, 0, 1) for n in (2, 7, 9, 10)])).all()


def test_one_tree_is_split_by_class_the_same_way_each_time(tmp_path: Path) -> None:
    fill(tmp_path, count=10)
    split, again, other = load(tmp_path), load(tmp_path), load(tmp_path, seed=1)
    assert np.bincount(split.train.labels).tolist() == [8, 8] and np.bincount(split.test.labels).tolist() == [2, 2]
    rows = {image.tobytes() for image in np.concatenate([split.train.images, split.test.images])}
    assert len(rows) == 20
    assert again.test.images.tobytes() == split.test.images.tobytes() != other.test.images.tobytes()
    assert len(load(tmp_path, test_fraction=0.5).test) == 10
    assert len(load(tmp_path, test_fraction=0.01).test) == 2  # one of each class at least


def test_limits_keep_the_same_first_rows(tmp_path: Path) -> None:
    fill(tmp_path / "train", count=9)
    fill(tmp_path / "test", count=2, first=1000)
    three, five = load(tmp_path, train_per_class=3), load(tmp_path, train_per_class=5, test_per_class=1)
    assert np.bincount(three.train.labels).tolist() == [3, 3] and len(three.test) == 4
    assert set(three.train.indices) < set(five.train.indices) and len(five.test) == 2
    short = load(tmp_path, test_per_class=5)
    assert "The class 'bee' has only 2 test images; 5 were asked for." in short.notes and len(short.test) == 4


def test_classes_can_be_chosen(pair: Path) -> None:
    fill(pair / "train", ("cow",))
    fill(pair / "test", ("cow",))
    split = load(pair, classes="cow, ant")
    assert split.train.class_names == ("ant", "cow") and len(split.train) == 8
    assert Folder(path="x", classes=["b", "a"]).classes == ("b", "a")
    assert "'emu'" in refusal(pair, classes="emu,ant") and "legal are ant, bee, cow" in refusal(pair, classes="emu,ant")
    assert "at least two" in refusal(pair, classes="ant")


def animated(path: Path) -> None:
    frames = [Image.new("RGB", (SIZE, SIZE), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def rotated(path: Path) -> None:
    image = Image.new("RGB", (16, 16), "black")
    image.paste("white", (0, 0, 16, 8))  # the sensor's upper half, which orientation 6 turns to the right
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif, quality=100)


def sixteen_bits(path: Path) -> None:
    Image.fromarray(np.full((SIZE, SIZE), 32896, np.uint16)).save(path)  # 128 * 257


def palette(path: Path) -> None:
    image = Image.new("P", (SIZE, SIZE), 1)
    image.putpalette([0, 0, 0, 10, 20, 30] + [0] * 762)
    image.save(path)


def see_through_palette(path: Path) -> None:
    image = Image.new("P", (SIZE, SIZE), 1)
    image.putpalette([0, 0, 0, 10, 20, 30] + [0] * 762)
    image.save(path, transparency=bytes([255, 0]))


def plain(mode: str, colour: object, size: tuple[int, int] = (SIZE, SIZE)) -> object:
    return lambda path: Image.new(mode, size, colour).save(path)


UGLY = [
    ("a.gif", animated, (254, 0, 0), "animated"),
    ("a.webp", animated, (254, 0, 0), "animated"),
    ("a.jpg", rotated, None, "turned upright"),
    ("a.png", sixteen_bits, (128, 128, 128), "16-bit"),
    ("a.tif", sixteen_bits, (128, 128, 128), "16-bit"),
    ("a.png", palette, (10, 20, 30), "palette"),
    ("a.png", see_through_palette, (255, 255, 255), "transparent"),
    ("a.png", plain("RGBA", (200, 0, 0, 0)), (255, 255, 255), "transparent"),
    ("a.png", plain("RGBA", (200, 0, 0, 255)), (200, 0, 0), "transparent"),
    ("a.png", plain("LA", (40, 255)), (40, 40, 40), "transparent"),
    ("a.PNG", plain("L", 77), (77, 77, 77), "grey"),
    ("a.png", plain("1", 1), (255, 255, 255), "black and white"),
    ("a.jpeg", plain("CMYK", (0, 255, 255, 0)), (254, 0, 0), "CMYK"),
    ("a.tiff", plain("CMYK", (0, 255, 255, 0)), (255, 0, 0), "CMYK"),
    ("a.bmp", plain("RGB", (1, 2, 3), (30, 11)), (1, 2, 3), "resized to 8 x 8"),
    ("a.ppm", plain("RGB", (1, 2, 3), (1, 500)), (1, 2, 3), "resized to 8 x 8"),
    ("a.jpg", plain("RGB", (90, 90, 90), (3000, 2000)), (90, 90, 90), "resized to 8 x 8"),
]


@pytest.mark.parametrize(
    ("name", "make", "colour", "told"), UGLY, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_ugly_file_is_handled_and_said(pair: Path, name: str, make, colour, told: str) -> None:  # type: ignore[no-untyped-def]
    make(pair / "train" / "ant" / name)
    split = load(pair)
    assert len(split.train) == 9
    assert any(told in note and name in note for note in split.notes), split.notes
    if colour:
        at = [f"{k}.png" for k in range(4)] + [name]
        np.testing.assert_allclose(split.train.images[sorted(at).index(name)].mean(axis=(1, 2)), colour, atol=2)


def test_a_turned_photograph_stands_upright(pair: Path) -> None:
    rotated(pair / "train" / "ant" / "a.jpg")
    image = load(pair).train.images[4].astype(int)
    assert image[:, :, 6:].mean() > 240 and image[:, :, :2].mean() < 15


def bomb() -> bytes:
    """A PNG of a few bytes that claims 30,000 x 30,000 pixels."""
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    parts = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def big_but_legal_for_pillow() -> bytes:
    return bomb().replace(struct.pack(">II", 30000, 30000), struct.pack(">II", 9000, 9000))


def truncated() -> bytes:
    from io import BytesIO

    file = BytesIO()
    Image.fromarray(picture(1, 64)).save(file, "JPEG")
    return file.getvalue()[:600]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an image",
        truncated(),
        bomb(),
        big_but_legal_for_pillow(),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
        b"GIF89a",
    ],
    ids=["empty", "text", "truncated", "bomb", "too large", "broken png", "broken gif"],
)
def test_a_file_that_cannot_be_read_is_skipped_by_name(pair: Path, content: bytes) -> None:
    (pair / "train" / "ant" / "broken.jpg").write_bytes(content)
    split = load(pair)
    assert len(split.train) == 8
    assert any("train/ant/broken.jpg" in note and "skipped" in note for note in split.notes)


def test_floating_point_pixels_are_refused_by_name(pair: Path) -> None:
    Image.fromarray(np.zeros((SIZE, SIZE), np.float32)).save(pair / "train" / "ant" / "float.tif")
    assert any("float.tif" in note and "8-bit nor 16-bit" in note for note in load(pair).notes)


def test_no_readable_image_of_a_class_is_an_error(pair: Path) -> None:
    for file in (pair / "test" / "bee").iterdir():
        file.write_bytes(b"nothing")
    assert "'bee'" in (text := refusal(pair)) and "test" in text and "0.png" in text


def test_hidden_files_are_ignored_and_others_are_named(pair: Path) -> None:
    for name in (".DS_Store", "._0.png", "Thumbs.db", "notes.txt"):
        (pair / "train" / "ant" / name).write_bytes(b"x")
    (pair / "train" / ".cache").mkdir()
    (pair / "train" / "ant" / "deeper").mkdir()
    split = load(pair)
    assert len(split.train) == 8 and split.train.class_names == ("ant", "bee")
    assert split.notes == ("2 (train/ant/deeper, train/ant/notes.txt) are no image files and were passed over.",)


def test_links_may_not_lead_outside(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    fill(outside, ("secret",))
    (pair / "train" / "ant" / "x.png").symlink_to(outside / "secret" / "0.png")
    (pair / "train" / "cat").symlink_to(outside / "secret")
    (pair / "train" / "ant" / "inside.png").symlink_to(pair / "train" / "bee" / "0.png")
    split = load(pair)
    assert len(split.train) == 9 and split.train.class_names == ("ant", "bee")
    assert any("train/ant/x.png, train/cat" in note and "outside" in note for note in split.notes)
    os.rename(pair / "test", outside / "test")
    (pair / "test").symlink_to(outside / "test")
    assert "leads outside" in refusal(pair)


def test_names_that_are_no_text_do_no_harm(pair: Path) -> None:
    with open(os.fsencode(pair / "train" / "ant") + b"/\xff.png", "wb") as file:
        file.write(b"broken")
    split = load(pair)
    assert split.notes[0].encode() and "?.png" in split.notes[0]
    assert Folder(path=str(pair)).fingerprint()


def test_wrong_folders_are_one_sentence(tmp_path: Path) -> None:
    assert "nowhere" in refusal(tmp_path / "nowhere")
    assert "no images" in refusal(tmp_path)
    fill(tmp_path / "one", ("ant",))
    assert "only the class 'ant'" in refusal(tmp_path / "one")
    fill(tmp_path / "empty")
    (tmp_path / "empty" / "cow").mkdir()
    assert "'cow'" in refusal(tmp_path / "empty")
    fill(tmp_path / "single", ("ant", "bee"), count=1)
    assert "holds one image" in refusal(tmp_path / "single")
    fill(tmp_path / "uneven" / "train", ("ant", "bee", "cow"))
    fill(tmp_path / "uneven" / "test")
    assert "'cow' is in train/ and not in test/" in refusal(tmp_path / "uneven")
    (tmp_path / "file").write_bytes(b"")
    assert "file" in refusal(tmp_path / "file")


def test_more_than_memory_holds_is_refused_before_reading(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsets, "MOST_BYTES", 12 * 3 * SIZE * SIZE - 1)
    assert "12 images" in refusal(pair)


def test_the_fingerprint_follows_the_files(pair: Path) -> None:
    folder = Folder(path=str(pair))
    prints = {folder.fingerprint()}
    assert prints == {folder.fingerprint()}
    os.utime(pair / "train" / "ant" / "0.png", ns=(1, 1))
    prints.add(folder.fingerprint())
    os.rename(pair / "train" / "ant" / "0.png", pair / "train" / "ant" / "z.png")
    prints.add(folder.fingerprint())
    os.rename(pair / "train" / "ant" / "z.png", pair / "train" / "bee" / "z.png")
    prints.add(folder.fingerprint())
    assert len(prints) == 4


def test_a_cancelled_run_stops_reading(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "BLOCK", 1)

    def stop(fraction: float, text: str) -> None:
        if text == "Read images":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        Folder(path=str(pair), size=SIZE).load(stop)


def test_the_path_is_required_and_known_to_experiments() -> None:
    experiment = parse({"data": {"name": "folder", "path": "images", "classes": "a,b"}})
    assert experiment.data.name == "folder" and parse(experiment.model_dump(mode="json")) == experiment
