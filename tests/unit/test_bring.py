"""What a stranger sends: taken in whole and known by its content, or refused in one sentence; nothing stays behind."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import bring, row_list
from core.datasets.base import ImageSet
from core.datasets.folder import Folder
from core.errors import DataError
from tests.brought import name, npz, png, zipped


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    return tmp_path / "home" / "uploads"


def packed(**files: bytes | str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def four(**more: bytes | str) -> dict[str, bytes | str]:
    """Two pictures of each of two classes, and more files."""
    picture = png(np.zeros((3, 8, 8), np.uint8))
    return {**{f"{label}/{number}.png": picture for label in ("ant", "bee") for number in range(2)}, **more}


def refused(content: bytes, uploads: Path, **settings: object) -> str:
    with pytest.raises(DataError) as caught:
        bring.images(content, uploads, **settings)  # type: ignore[arg-type]
    left = [path for path in uploads.rglob("*")] if uploads.exists() else []
    assert left == [], "nothing that was refused stays behind"
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".") and str(uploads) not in text
    return text


def test_a_zip_is_kept_under_its_content_and_counted(tiny: ImageSet, uploads: Path) -> None:
    content = zipped(tiny)
    given = bring.images(content, uploads, size=16)
    assert given.classes == dict.fromkeys(tiny.class_names, 18), "two of twenty of each class are held back"
    assert given.poisons is None and given.images and given.shape == (3, 16, 16)
    assert [path.name for path in uploads.iterdir()] == [Path(given.data["path"]).name]
    assert bring.images(content, uploads, size=16) == given, "the same content is the same data set"
    assert len(list(uploads.iterdir())) == 1


def test_folders_around_and_a_split_of_ones_own(uploads: Path) -> None:
    inside = {f"my data/{part}/{path}": file for part in ("train", "test") for path, file in four().items()}
    given = bring.images(packed(**inside), uploads, size=8)
    assert given.classes == {"ant": 2, "bee": 2} and Path(given.data["path"]).name == "my data"


@pytest.mark.parametrize("inside", [True, False])
def test_known_poisons_are_found_in_the_training_part(inside: bool, tiny: ImageSet, uploads: Path) -> None:
    poisons = [3, 17, 40, 41, 66]
    listed = "\n".join(name(tiny, row) for row in poisons)
    given = (
        bring.images(zipped(tiny, poisons, top="set/"), uploads, size=16)
        if inside
        else bring.images(zipped(tiny), uploads, size=16, truth=listed)
    )
    assert given.listed == 5 and given.poisons is not None
    train = Folder(**{key: value for key, value in given.data.items() if key != "name"}).load(lambda *_: None).train
    known = row_list.read(given.poisons)
    assert set(known) == set(poisons) & set(train.indices), "those held back for the test are in no training set"
    assert len(known) >= 3
    for row in known:
        assert np.array_equal(train.images[train.indices == row][0], tiny.images[row])


def test_a_list_may_use_short_names_windows_paths_and_a_heading(uploads: Path) -> None:
    truth = "Filename,why\r\nant\\0.png,odd\r\n\r\n./bee/x.png,odd\r\nx.png,again\r\n"
    content = packed(**four(**{"bee/x.png": png(np.ones((3, 8, 8), np.uint8))}))
    given = bring.images(content, uploads, size=8, truth=truth)
    assert given.listed == 2


@pytest.mark.parametrize(
    "truth, words",
    [
        ("cat/9.png", "names 'cat/9.png', and there is no such image in the zip."),
        ("0.png", "names '0.png', which 2 images are called; write class/name."),
        ('ant/0.png,"open', "is no CSV"),
        ("../../etc/passwd", "there is no such image"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(truth: str, words: str, uploads: Path) -> None:
    assert words in refused(packed(**four()), uploads, size=8, truth=truth)
    assert words in refused(packed(**four(**{"poisons.csv": truth})), uploads, size=8)


def test_lists_that_are_no_text_too_many_or_too_large(uploads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no text in UTF-8" in refused(packed(**four(**{"poisons.csv": b"\xff\xfe\x00"})), uploads, size=8)
    two = four(**{"poisons.csv": "", "ant/poisons.csv": ""})
    assert "holds 2 files poisons.csv; keep one." in refused(packed(**two), uploads, size=8)
    monkeypatch.setattr(bring, "LARGEST_TRUTH", 3)
    large = four(**{"poisons.csv": "ant/0.png"})
    assert "poisons.csv has 9 bytes; at most 3 are taken." in refused(packed(**large), uploads, size=8)


def bomb() -> bytes:
    return packed(**four(**{"ant/big.png": bytes(40 * 2**20)}))


def linked() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("ant/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def wide() -> bytes:
    """A PNG that says of itself that it has a billion pixels, in a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 25_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"this is no zip", "is no zip that can be read"),
        (bomb(), "times its size; at most 200 is allowed."),
        (linked(), "which is a link or a device"),
        (packed(**{"../../ant/0.png": b"x"}), "leads outside of its folder"),
        (packed(**{"/ant/0.png": b"x"}), "leads outside of its folder"),
        (packed(**{"C:/ant/0.png": b"x"}), "leads outside of its folder"),
        (packed(**{"readme.txt": "x"}), "holds no images"),
        (
            packed(**{"ant/0.png": "x", "ant/1.png": "x"}),
            "The zip gives only the class 'ant'; at least two are needed.",
        ),
        (packed(**{"ant/0.png": "x", "bee/1.png": "x", "bee/2.png": "x"}), "The class 'ant' holds one image"),
        (packed(**four(**{"ant/no.png": b"no picture"})), "'ant/no.png' is no image that can be read"),
        (packed(**four(**{"ant/svg.png": "<svg onload='alert(1)'/>"})), "'ant/svg.png' is no image"),
        (packed(**four(**{"ant/wide.png": wide()})), "has too many pixels; at most 64,000,000 are taken."),
        (packed(**four(**{"ant/a/b/c.png": png(np.zeros((3, 8, 8), np.uint8))})), "one level deep"),
    ],
)
def test_what_is_hostile_or_wrong_is_refused_in_one_sentence(content: bytes, words: str, uploads: Path) -> None:
    assert words in refused(content, uploads, size=8)


def test_too_many_files_are_refused(uploads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.datasets.zips.MOST_FILES", 3)
    assert "holds 4 files; at most 3 are allowed." in refused(packed(**four()), uploads, size=8)


def test_features_are_kept_and_counted_and_their_poisons_found(uploads: Path) -> None:
    random = np.random.default_rng(0)
    labels, poison = np.arange(40) % 2, np.zeros(40, bool)
    poison[[1, 5, 7]] = True
    content = npz(features=random.normal(size=(40, 6)), labels=labels, poison=poison)
    given = bring.features(content, uploads)
    assert given.classes == {"class 0": 18, "class 1": 18} and not given.images and given.listed == 3
    assert given.poisons is not None and set(row_list.read(given.poisons)) <= {1, 5, 7}
    assert [path.suffix for path in uploads.iterdir()] == [".npz"]
    assert bring.features(npz(features=random.normal(size=(40, 6)), labels=labels), uploads).poisons is None


def test_features_that_are_none_leave_nothing_behind(uploads: Path) -> None:
    with pytest.raises(DataError, match="The file is no .npz that can be read"):
        bring.features(b"nonsense", uploads)
    assert list(uploads.iterdir()) == []


def test_the_run_looks_blindly_where_it_is_asked_to(tiny: ImageSet, uploads: Path) -> None:
    given = bring.images(zipped(tiny, [3, 17]), uploads, size=16)
    told = bring.experiment(given, name="x", model="mlp")
    blind = bring.experiment(given, name="x", model="mlp", blind=True)
    assert (told.attack.truth, told.attack.poisons) == ("listed", given.poisons)  # type: ignore[union-attr]
    assert (blind.attack.truth, blind.attack.poisons) == ("unknown", "")  # type: ignore[union-attr]
    assert told.training.epochs == 40, "few rows are seen often, and no more often than that"
    assert [defense.name for defense in told.defenses] == ["screening"]


def test_features_are_read_by_a_linear_model_that_moves_no_pixel(uploads: Path) -> None:
    given = bring.features(npz(features=np.eye(8), labels=np.arange(8) % 2), uploads)
    asked = bring.experiment(given, name="x", model="small_cnn")
    assert asked.model.name == "linear" and asked.training.shift == 0 and not asked.training.flip


def test_weights_are_kept_under_their_content(make_images: Callable[..., ImageSet], uploads: Path) -> None:
    from safetensors.torch import save

    from core import registry
    from core.train.loop import build

    data, model = make_images(), registry.load("models", "mlp")(width=8)  # type: ignore[call-arg]
    given = bring.images(zipped(data), uploads, size=16)
    before = set(uploads.iterdir())
    content = save(build(model, data, 0, "cpu").state_dict())  # type: ignore[arg-type]
    path = Path(bring.weights(content, uploads, model, given))
    assert path.parent == uploads and path.read_bytes() == content and path.suffix == ".safetensors"
    with pytest.raises(DataError, match="no safetensors file"):
        bring.weights(b"nonsense", uploads, model, given)
    assert set(uploads.iterdir()) == before | {path}
