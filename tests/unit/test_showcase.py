"""Shipped runs: the list, how they come into a store, and that those in the repository are fit for this code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import showcase
from core.errors import StoreError
from core.runs.archive import Light, export_run
from core.runs.artifacts import save
from core.runs.store import Store
from core.runs.view import RunView
from core.spec import parse

DATA = "a" * 20
REF = {"key": DATA, "kind": "data", "label": "Draw", "arm": None, "poison_key": None, "victim": None, "defense": None}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of two runs of one preset, and the zip of the first."""
    place = tmp_path / "shipped"
    place.mkdir()
    monkeypatch.setenv("POISONSCOPE_SHOWCASE", str(place))
    runs = ('id = "one"\ntitle = "One"', 'id = "two"\ntitle = "Two"\nset = ["seed=3"]')
    listed = "\n".join(f'[[runs]]\n{each}\npreset = "badnets-signs"' for each in runs)
    (place / "showcase.toml").write_text(listed)
    pack(tmp_path, place / "one.zip", "First")
    return place


def pack(tmp_path: Path, target: Path, name: str) -> None:
    """A finished run whose images are left out of its zip."""
    maker = Store(tmp_path / "maker")
    run_id = maker.start({}, spec_hash="0", name=name)
    maker.begin(run_id, 1, "cpu", [REF])
    if not maker.artifacts.has(DATA):
        with maker.artifacts.write(DATA) as step:
            save(step, {}, train_labels=np.zeros(3, np.int64))
    maker.finish(run_id, "done", result={"arms": {}})
    export_run(maker, run_id, target, Light(lambda step, file: False, "Shipped."))
    maker.close()


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "home")
    yield opened
    opened.close()


def test_the_list_says_what_is_run(folder: Path) -> None:
    first, second = showcase.entries()
    assert first.path == folder / "one.zip"
    assert second.command == "python -m core run badnets-signs --set seed=3"
    assert second.content()["seed"] == 3 and second.content()["name"] == "Two"


@pytest.mark.parametrize(
    "text, match",
    [
        ("[[runs]", "showcase.toml is damaged"),
        ('[[runs]]\nid = "A b"\ntitle = "x"\npreset = "y"', "id"),
        ('[[runs]]\nid = "a"\ntitle = "x"\npreset = "y"\nsize = 3', "size: there is no such setting"),
    ],
)
def test_a_damaged_list_is_said(folder: Path, text: str, match: str) -> None:
    (folder / "showcase.toml").write_text(text)
    with pytest.raises(StoreError, match=match):
        showcase.entries()


def test_without_a_list_nothing_is_shipped(folder: Path, store: Store) -> None:
    (folder / "showcase.toml").unlink()
    assert showcase.entries() == [] and showcase.load(store) == [] and store.runs() == []


def test_runs_come_once_and_what_is_missing_is_said(folder: Path, store: Store) -> None:
    for _ in range(2):
        (problem,) = showcase.load(store)
        assert problem.startswith("two: There is no file")
    (run,) = store.runs()
    assert (run.id, run.name, run.origin, run.message) == ("one", "First", "showcase", "Shipped.")
    assert [each.id for each in showcase.undrawn(store)] == ["one"]


def test_a_renamed_run_keeps_its_name(folder: Path, store: Store) -> None:
    showcase.load(store)
    store.rename("one", "Mine")
    showcase.load(store)
    assert store.run("one").name == "Mine"


def test_an_older_one_makes_room_and_a_deleted_one_comes_back(folder: Path, store: Store, tmp_path: Path) -> None:
    showcase.load(store)
    pack(tmp_path, folder / "one.zip", "Newer")
    showcase.load(store)
    assert [run.name for run in store.runs()] == ["Newer"]
    store.delete("one")
    showcase.load(store)
    assert [run.name for run in store.runs()] == ["Newer"]


def test_what_is_not_ours_is_left_alone(folder: Path, store: Store) -> None:
    store.insert_ended({"state": "done", "spec": {}, "spec_hash": "0", "name": "Theirs"}, [], "imported", "one")
    told = showcase.load(store)
    assert "not ours to replace" in told[0] and store.run("one").name == "Theirs"


def test_a_damaged_newer_zip_does_not_cost_the_older_run(folder: Path, store: Store) -> None:
    showcase.load(store)
    (folder / "one.zip").write_bytes(b"PK torn")
    told = showcase.load(store)
    assert "not a readable zip" in told[0] and store.run("one").name == "First"


def test_what_is_drawn_is_not_drawn_again(folder: Path, store: Store) -> None:
    showcase.load(store)
    with store.artifacts.write(DATA) as step:
        save(step, {})
    assert showcase.undrawn(store) == []


# ---- the runs in the repository


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("POISONSCOPE_SHOWCASE")
        opened = Store(tmp_path_factory.mktemp("home"))
        told = showcase.load(opened)
        listed = showcase.entries()
    assert told == [], "make showcase computes them anew"
    yield opened, listed
    opened.close()


def test_shipped_zips_load_and_are_what_the_list_says(shipped: tuple[Store, list[showcase.Entry]]) -> None:
    store, listed = shipped
    assert len(listed) >= 7 and {run.id for run in store.runs()} == {entry.id for entry in listed}
    for entry in listed:
        run = store.run(entry.id)
        assert (run.state, run.origin, run.name) == ("done", "showcase", entry.title)
        assert run.spec_hash == parse(entry.content()).hash(), f"the preset of {entry.id} changed: make showcase"
        assert entry.command in run.message and "CPU core" in run.message
        assert {"undefended", *(defense["name"] for defense in run.spec["defenses"])} <= run.result["arms"].keys()


def test_shipped_zips_are_small(shipped: tuple[Store, list[showcase.Entry]], root: Path) -> None:
    sizes = [path.stat().st_size for path in (root / "assets" / "showcase").glob("*.zip")]
    assert len(sizes) == len(shipped[1]) and max(sizes) <= 3_500_000 and sum(sizes) <= 15_000_000


def test_shipped_runs_bring_networks_to_play_with(shipped: tuple[Store, list[showcase.Entry]]) -> None:
    store, _ = shipped
    seen = RunView(store, store.run("showcase-badnets"))
    for arm in ("control", "undefended", "spectral_signatures"):
        step = seen.step("train", arm=arm)
        assert step and (store.artifacts.folder(step["key"]) / "weights.safetensors").stat().st_size > 900_000


def test_the_pictures_show_what_the_rates_say(shipped: tuple[Store, list[showcase.Entry]]) -> None:
    """Every class but the wanted one; right without the sticker, as wanted with it, right again after the defense."""
    store, _ = shipped
    seen = RunView(store, store.run("showcase-badnets"))
    arms = (seen.meta("shipped") or {})["arms"]
    true, wanted = seen.array("shipped", "true"), seen.array("shipped", "wanted")
    clean, stamped = (seen.array("shipped", f"{name}_answers") for name in ("clean", "stamped"))
    assert true is not None and wanted is not None and clean is not None and stamped is not None
    assert true.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9] and (wanted == 3).all()
    assert (clean.argmax(axis=2) == true).all()
    found = dict(zip(arms, stamped.argmax(axis=2), strict=True))
    assert (found["control"] == true).all() and (found["undefended"] == wanted).all()
    assert (found["spectral_signatures"] == true).all()


def test_poisons_in_the_row_of_rates_grow(shipped: tuple[Store, list[showcase.Entry]]) -> None:
    store, listed = shipped
    rates = [entry.id for entry in listed if entry.id.startswith("showcase-rates-")]
    counts = [(RunView(store, store.run(run_id)).meta("shipped") or {})["poisons"] for run_id in rates]
    assert counts == [int(run_id.rsplit("-", 1)[1]) for run_id in rates] == sorted(counts) and len(counts) >= 5
