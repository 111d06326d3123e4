"""A run as a zip: there and back unchanged; and every way in which a zip can lie."""

import io
import json
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from core import unpacking
from core.errors import StoreError
from core.runs import archive
from core.runs.archive import Light, export_run, import_run, recorded
from core.runs.artifacts import save
from core.runs.record import Run
from core.runs.store import Store

DATA, TRAIN, MISSING = "a" * 20, "b" * 20, "c" * 20
Files = dict[str, bytes]


def steps() -> list[dict[str, Any]]:
    fields = {"label": "Step", "poison_key": None, "victim": 0, "defense": None}
    kinds = ((DATA, "data", None), (TRAIN, "train", "undefended"), (MISSING, "train", "control"))
    return [{"key": key, "kind": kind, "arm": arm, **fields} for key, kind, arm in kinds]


@pytest.fixture
def source(tmp_path: Path) -> Any:
    """A store with one finished run of three steps, one of which has no files."""
    store = Store(tmp_path / "source")
    with store.artifacts.write(DATA) as folder:
        save(folder, {"class_names": ["a", "b"]}, train_labels=np.array([0, 1, 1]), rows=np.empty(0, np.int64))
    with store.artifacts.write(TRAIN) as folder:
        save(folder, {"passes": 30})
        save_file({"weight": np.ones((2, 3), np.float32)}, folder / "weights.safetensors")
    run_id = store.start({"seed": 4}, spec_hash="0abc", name="Tea & cake")
    store.begin(run_id, 1, "cpu", steps())
    for epoch in (1, 2):
        store.add_point(run_id, arm="undefended", victim=0, epoch=epoch, loss=1 / epoch, asr=None)
    store.finish(run_id, "done", result={"arms": {"undefended": {"asr": 0.5}}})
    yield store
    store.close()


@pytest.fixture
def target(tmp_path: Path) -> Any:
    store = Store(tmp_path / "target")
    yield store
    store.close()


@pytest.fixture
def files(source: Store) -> Files:
    """The members of a good archive."""
    buffer = io.BytesIO()
    export_run(source, source.runs()[0].id, buffer)
    with zipfile.ZipFile(buffer) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(files: Files) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    buffer.seek(0)
    return buffer


def altered(files: Files, **changes: Any) -> Files:
    """The archive with other values in run.json."""
    return {**files, "run.json": json.dumps({**json.loads(files["run.json"]), **changes}).encode()}


def refused(target: Store, content: io.BytesIO | Path, match: str) -> None:
    """The archive is refused with a sentence, and nothing of it is left anywhere."""
    with pytest.raises(StoreError, match=match):
        import_run(target, content)
    assert target.runs() == []
    assert list(target.artifacts.root.glob("*")) == []


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def test_there_and_back(source: Store, target: Store, tmp_path: Path) -> None:
    before = source.runs()[0]
    export_run(source, before.id, tmp_path / "run.zip")
    run_id = import_run(target, tmp_path / "run.zip")
    after = target.run(run_id)
    assert (after.state, after.origin, after.name, after.spec, after.spec_hash) == (
        "done", "imported", "Tea & cake", {"seed": 4}, "0abc",
    )  # fmt: skip
    assert (after.result, after.steps, after.device) == (before.result, before.steps, "cpu")
    assert (after.created, after.ended, after.seconds) == (before.created, before.ended, before.seconds)
    curves = [[(point["epoch"], point["loss"], point["asr"]) for point in store.points(run)]
              for store, run in ((source, before.id), (target, run_id))]  # fmt: skip
    assert curves[0] == curves[1] == [(1, 1.0, None), (2, 0.5, None)]
    assert target.artifacts.array(DATA, "train_labels").tolist() == [0, 1, 1]
    assert target.artifacts.array(DATA, "rows").shape == (0,)
    assert target.artifacts.meta(TRAIN) == {"passes": 30} and not target.artifacts.has(MISSING)
    weights = [(store.artifacts.folder(TRAIN) / "weights.safetensors").read_bytes() for store in (source, target)]
    assert weights[0] == weights[1]
    assert sorted(path.name for path in target.artifacts.root.iterdir()) == [DATA, TRAIN]


def test_the_layout_of_an_archive(files: Files) -> None:
    assert set(files) == {
        "run.json",
        f"steps/{DATA}/meta.json",
        f"steps/{DATA}/rows.npy",
        f"steps/{DATA}/train_labels.npy",
        f"steps/{TRAIN}/meta.json",
        f"steps/{TRAIN}/weights.safetensors",
    }
    content = json.loads(files["run.json"])
    assert content["archive"] == archive.ARCHIVE and content["format"] == archive.FORMAT


def test_a_step_that_is_there_is_kept(files: Files, target: Store) -> None:
    with target.artifacts.write(TRAIN) as folder:
        save(folder, {"passes": "mine"})
    import_run(target, packed(files))
    assert target.artifacts.meta(TRAIN) == {"passes": "mine"}
    assert target.artifacts.has(DATA)


def test_a_showcase_says_so_and_twice_is_two_runs(files: Files, target: Store) -> None:
    first = import_run(target, packed(files), origin="showcase")
    second = import_run(target, packed(files))
    assert first != second and target.run(first).origin == "showcase"
    target.delete(first)
    assert target.artifacts.has(DATA), "the second one needs it"


def test_a_run_may_be_given_its_id_which_nobody_else_may_have(files: Files, target: Store) -> None:
    assert import_run(target, packed(files), run_id="my-own") == "my-own"
    with pytest.raises(StoreError, match="'my-own' already"):
        import_run(target, packed(files), run_id="my-own")
    with pytest.raises(StoreError, match="'My own' is no run's id"):
        import_run(target, packed(files), run_id="My own")
    assert [run.id for run in target.runs()] == ["my-own"] and target.artifacts.has(TRAIN)


def light(source: Store, target: Store, keep: Callable[[dict[str, Any], str], bool], *more: dict[str, Any]) -> Run:
    """The source's run after a journey in a zip that keeps only some files."""
    buffer = io.BytesIO()
    export_run(source, source.runs()[0].id, buffer, Light(keep, "Packed by me.", more))
    return target.run(import_run(target, buffer))


def test_a_part_of_a_step_travels_under_a_key_of_its_own(source: Store, target: Store) -> None:
    run = light(source, target, lambda step, file: file != "weights.safetensors")
    data, train, missing = (step["key"] for step in run.steps)
    assert (data, missing) == (DATA, MISSING) and train not in (TRAIN, DATA, MISSING)
    assert target.artifacts.meta(train) == {"passes": 30} and not target.artifacts.has(TRAIN)
    assert run.message == "Packed by me."


def test_a_step_without_its_meta_is_left_out(source: Store, target: Store) -> None:
    run = light(source, target, lambda step, file: step["kind"] == "train" or file != "meta.json")
    assert [step["key"] for step in run.steps] == [DATA, TRAIN, MISSING]
    assert sorted(path.name for path in target.artifacts.root.iterdir()) == [TRAIN]


def test_steps_may_be_added_on_the_way(source: Store, target: Store) -> None:
    added = {**steps()[0], "key": "d" * 20, "kind": "shipped"}
    with source.artifacts.write(added["key"]) as folder:
        save(folder, {"made": "here"})
    run = light(source, target, lambda step, file: step["kind"] == "shipped", added)
    assert [step["kind"] for step in run.steps] == ["data", "train", "train", "shipped"]
    assert target.artifacts.meta(added["key"]) == {"made": "here"}


def test_a_zip_is_asked_without_being_unpacked(source: Store, tmp_path: Path) -> None:
    export_run(source, source.runs()[0].id, tmp_path / "run.zip")
    told = recorded(tmp_path / "run.zip")
    assert (told["name"], told["created"]) == ("Tea & cake", source.runs()[0].created)
    with pytest.raises(StoreError, match="no file"):
        recorded(tmp_path / "nothing.zip")
    (tmp_path / "torn.zip").write_bytes((tmp_path / "run.zip").read_bytes()[:200])
    with pytest.raises(StoreError, match="not a readable zip"):
        recorded(tmp_path / "torn.zip")


def test_only_a_run_that_ended_is_exported(source: Store) -> None:
    live = source.start({}, spec_hash="0", name="live")
    with pytest.raises(StoreError, match="starting"):
        export_run(source, live, io.BytesIO())
    with pytest.raises(StoreError, match="r-nobody"):
        export_run(source, "r-nobody", io.BytesIO())


@pytest.mark.parametrize("changes", [{"archive": 2}, {"format": 99}, {"archive": None}, {"archive": [1]}])
def test_other_versions_are_named(files: Files, target: Store, changes: dict[str, Any]) -> None:
    refused(target, packed(altered(files, made_by="7.8.9", **changes)), r"made by version 7\.8\.9")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../escape.npy",
        f"steps/{DATA}/../../escape.npy",
        f"steps/{DATA}/sub/x.npy",
        f"steps\\{DATA}\\x.npy",
        f"steps/{DATA}/x.pkl",
        f"steps/{DATA}/x.pt",
        f"steps/{DATA}/X.npy",
        f"steps/{DATA}/",
        f"steps/{DATA}/.npy",
        f"steps/{DATA[:-1]}/x.npy",
        f"steps/{DATA}/x.npy\n",
        "steps/x.npy",
        "readme.txt",
    ],
)
def test_other_names_are_refused(files: Files, target: Store, name: str) -> None:
    refused(target, packed({**files, name: b""}), "which no exported run has")


def test_links_are_refused(files: Files, target: Store) -> None:
    buffer = packed(files)
    with zipfile.ZipFile(buffer, "a") as more:
        link = zipfile.ZipInfo(f"steps/{DATA}/link.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        more.writestr(link, "/etc/passwd")
    refused(target, buffer, "is a link")


def test_a_name_may_stand_once(files: Files, target: Store) -> None:
    buffer = packed(files)
    with zipfile.ZipFile(buffer, "a") as more, pytest.warns(UserWarning, match="Duplicate"):
        more.writestr("run.json", "{}")
    refused(target, buffer, "twice")


def test_encrypted_members_are_refused(files: Files, target: Store) -> None:
    content = bytearray(packed(files).getvalue())
    at = content.index(b"PK\x01\x02")  # the first entry of the table of contents; its flags are bytes 8 and 9
    content[at + 8] |= 1
    refused(target, io.BytesIO(bytes(content)), "encrypted")


@pytest.mark.parametrize(
    ("limit", "value", "match"),
    [
        ("MOST_FILES", 5, "6 files; at most 5"),
        ("LARGEST_TOTAL", 1000, "at most 1000"),
        ("LARGEST_JSON", 10, "larger than 10 bytes"),
    ],
)
def test_limits(
    files: Files, target: Store, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, match: str
) -> None:
    monkeypatch.setattr(unpacking, limit, value)
    refused(target, packed(files), match)


def test_a_bomb_is_refused_before_it_is_unpacked(files: Files, target: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "SMALL", 2**20)
    bomb = packed({**files, f"steps/{DATA}/zeros.npy": npy(np.zeros(2**20))})
    refused(target, bomb, "times its size")


def claim_more(content: bytes) -> bytes:
    """A .npy whose header promises more rows than follow."""
    return content.replace(b"'shape': (3,)", b"'shape': (9,)")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (npy(np.array([{}], dtype=object)), "no array of numbers"),
        (npy(np.array(["text"])), "no array of numbers"),
        (npy(np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])), "no array of numbers"),
        (pickle.dumps([1, 2, 3]), "no array of numbers"),
        (b"", "no array of numbers"),
        (b"\x93NUMPY\x01\x00\xff\xff", "no array of numbers"),
        (packed({"x.npy": npy(np.zeros(3))}).getvalue(), "no array of numbers"),
        (npy(np.zeros(3))[:-1], "no array of numbers"),
        (claim_more(npy(np.zeros(3))), "no array of numbers"),
        (npy(np.zeros(3)) + b"more", "longer than its array"),
    ],
)
def test_arrays_are_arrays_of_numbers(files: Files, target: Store, content: bytes, match: str) -> None:
    refused(target, packed({**files, f"steps/{DATA}/scores.npy": content}), match)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x08\0\0\0\0\0\0\0notjson!", pickle.dumps({})])
def test_weights_are_safetensors(files: Files, target: Store, content: bytes) -> None:
    refused(target, packed({**files, f"steps/{TRAIN}/weights.safetensors": content}), "no file of weights")


def test_steps_are_named_by_the_run_and_have_meta(files: Files, target: Store) -> None:
    refused(target, packed({**files, f"steps/{'d' * 20}/meta.json": b"{}"}), "does not name")
    del files[f"steps/{DATA}/meta.json"]
    refused(target, packed(files), "has no meta.json")


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("name", ["run.json", f"steps/{DATA}/meta.json"])
def test_json_is_an_object(files: Files, target: Store, name: str, content: bytes) -> None:
    refused(target, packed({**files, name: content}), "JSON|object")


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "running"},
        {"state": "queued"},
        {"name": ""},
        {"name": "x" * 81},
        {"spec": []},
        {"result": None},
        {"spec_hash": "'; DROP TABLE runs"},
        {"progress": 2.0},
        {"created": "yesterday"},
        {"steps": [{"key": "../.."}]},
        {"points": [{"arm": "<script>", "epoch": 1}]},
        {"unknown": 1},
    ],
)
def test_run_json_is_checked(files: Files, target: Store, changes: dict[str, Any]) -> None:
    refused(target, packed(altered(files, **changes)), "run.json is damaged")


def test_what_is_no_zip(files: Files, target: Store, tmp_path: Path) -> None:
    whole = packed(files).getvalue()
    flipped = bytearray(whole)
    flipped[whole.index(b"run.json") + 60] ^= 0xFF
    for content in (b"", b"hello", whole[: len(whole) // 2], bytes(flipped)):
        refused(target, io.BytesIO(content), "not a readable zip")
    refused(target, tmp_path / "nowhere.zip", "no file")
    refused(target, packed({"notes.json": b"{}"}), "no run.json")


def test_a_failing_store_takes_its_steps_back(files: Files, target: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> str:
        raise OSError("disk full")

    with target.artifacts.write(TRAIN) as folder:
        save(folder, {"passes": "mine"})
    monkeypatch.setattr(target, "insert_ended", full)
    with pytest.raises(OSError, match="disk full"):
        import_run(target, packed(files))
    assert [path.name for path in target.artifacts.root.iterdir()] == [TRAIN], "only what was there before"


def test_a_resumed_import_is_an_ordinary_run(files: Files, target: Store) -> None:
    run_id = import_run(target, packed(altered(files, state="cancelled", result=None)))
    target.resume(run_id)
    assert target.claim() == run_id
