"""Poisons leave one run and come into another: the same bytes there, and only where they belong."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import cli, exchange, registry, spec
from core.datasets.base import ImageSet
from core.errors import AttackError, StoreError
from core.runs.poisons import export_poisons, has_poisons
from core.runs.store import Store
from core.steps import plan

ARRAYS = (
    "rows", "images", "labels", "originals", "original_labels",
    "eval_images", "eval_wanted", "eval_true", "eval_indices",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, make_images: Callable[..., ImageSet]) -> Path:
    """Four classes of PNGs, named by numbers that do not start at 0."""
    for part, images, start in (("train", make_images(), 100), ("test", make_images(per_class=10, seed=1), 500)):
        for index, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            path = tmp_path / "images" / part / images.class_names[label] / f"{start + index:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.transpose(1, 2, 0)).save(path)
    return tmp_path / "images"


@pytest.fixture
def run(home: Path, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """Runs an experiment by the command line; what it says, as JSON, or its error."""

    def command(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["python -m core", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return str(said.out if ended.value.code == 0 else said.err)

    def experiment(attack: dict[str, Any] | None, keys: int = 1, data: dict[str, Any] | None = None) -> str:
        content = {
            "data": {"name": "folder", "path": str(folder), "size": 16, **(data or {})},
            "model": {"name": "linear"}, "training": {"epochs": 1}, "attack": attack, "keys": keys,
            "analysis": {"spectral": False},
        }  # fmt: skip
        path = tmp_path / "experiment.json"
        path.write_text(json.dumps(content))
        return command("run", path, "--json")

    experiment.command = command  # type: ignore[attr-defined]
    return experiment


BADNETS = {"name": "badnets", "poison_fraction": 0.1, "target_class": 2}


def poison_steps(home: Path, run_id: str) -> list[dict[str, np.ndarray]]:
    """The arrays of a run's poison steps, by key."""
    store = Store(home)
    steps = [step for step in store.run(run_id).steps if step["kind"] == "poison"]
    return [{name: np.array(store.artifacts.array(step["key"], name)) for name in ARRAYS} for step in steps]


def test_the_poisons_of_a_run_are_the_poisons_of_another(run: Any, home: Path, tmp_path: Path) -> None:
    first = json.loads(run(BADNETS, keys=2))["run"]
    said = json.loads(run.command("poisons", first, tmp_path / "poisons.zip", "--json"))
    assert said["path"] == str(tmp_path / "poisons.zip") and said["bytes"] == (tmp_path / "poisons.zip").stat().st_size
    assert (said["attack"], said["epsilon"]) == ("badnets", None)
    assert [(entry["key"], entry["n"], entry["poisons"], entry["targets"]) for entry in said["keys"]] == [
        (0, 80, 8, 30), (1, 80, 8, 30),
    ]  # fmt: skip
    held = exchange.read(tmp_path / "poisons.zip", 1)
    made = poison_steps(home, first)
    assert np.array_equal(held.indices, made[1]["rows"] + 100)
    assert np.array_equal(held.target_indices, made[1]["eval_indices"] + 500)

    imported = {"name": "imported", "path": str(tmp_path / "poisons.zip")}
    second = json.loads(run(imported, keys=2))
    for ours, theirs in zip(poison_steps(home, second["run"]), made, strict=True):
        assert all(np.array_equal(ours[name], theirs[name]) for name in ARRAYS)
    assert second["arms"]["undefended"]["asr"]["n"] > 0

    assert "16 poisons of 2 keys in" in run.command("poisons", second["run"], tmp_path / "again.zip")
    for number in range(2):
        one, other = (exchange.read(tmp_path / name, number) for name in ("poisons.zip", "again.zip"))
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in exchange.AXES)
    assert "keys is 3, but the file holds 2; lower keys." in run(imported, keys=3)


def test_a_part_of_the_data_will_do_as_long_as_the_images_are_in_it(run: Any, home: Path, tmp_path: Path) -> None:
    attack = {"name": "badnets", "mode": "one_source", "source_class": 0, "target_class": 1, "poison_fraction": 0.02}
    first = json.loads(run(attack))["run"]
    run.command("poisons", first, tmp_path / "poisons.zip")
    made = poison_steps(home, first)[0]
    keep = sorted(set(range(80)) - set(range(0, 80, 3)) | set(made["rows"].tolist()))
    for path in (tmp_path / "images" / "train").rglob("*.png"):
        if int(path.stem) - 100 not in keep:
            path.unlink()
    imported = {"name": "imported", "path": str(tmp_path / "poisons.zip")}
    again = poison_steps(home, json.loads(run(imported))["run"])[0]
    assert again["rows"].tolist() == [keep.index(row) for row in made["rows"].tolist()]
    assert np.array_equal(again["images"], made["images"]) and np.array_equal(again["eval_images"], made["eval_images"])


def test_poisons_of_other_images_are_refused(run: Any, home: Path, tmp_path: Path, folder: Path) -> None:
    first = json.loads(run(BADNETS))["run"]
    run.command("poisons", first, tmp_path / "poisons.zip")
    imported = {"name": "imported", "path": str(tmp_path / "poisons.zip")}
    row = int(poison_steps(home, first)[0]["rows"][3])

    assert run(imported, data={"size": 8}) == (
        "The poisons are images of 16 x 16 pixels in colour; those of this data set are 8 x 8 pixels in colour.\n"
    )
    path = next(folder.rglob(f"{row + 100:05}.png"))
    pixels = np.array(Image.open(path))
    pixels[7, 7, 1] ^= 1
    Image.fromarray(pixels).save(path)
    said = run(imported)
    assert said.startswith(f"Image {row + 100} of this training set is not the one that a poison was made from (1 of 8")
    assert said.endswith("made for the data set folder, or for other settings of it.\n")
    path.unlink()
    assert f"1 are not in this data set, the first of them image {row + 100}" in run(imported)
    assert [each.state for each in Store(home).runs()] == ["failed", "failed", "failed", "done"]


def test_a_changed_file_is_another_attack(run: Any, tmp_path: Path) -> None:
    keys = []
    for target in (1, 2):
        first = json.loads(run({**BADNETS, "target_class": target}))["run"]
        (tmp_path / "poisons.zip").unlink(missing_ok=True)
        run.command("poisons", first, tmp_path / "poisons.zip")
        content = {"data": {"name": "digits"}, "attack": {"name": "imported", "path": str(tmp_path / "poisons.zip")}}
        steps = plan(spec.parse(content))
        keys.append({step.kind: step.key for step in steps})
    assert keys[0]["data"] == keys[1]["data"] and keys[0]["poison"] != keys[1]["poison"]
    attack = registry.load("attacks", "imported")(path=str(tmp_path / "poisons.zip"))
    digest = attack.fingerprint()
    (tmp_path / "poisons.zip").rename(tmp_path / "moved.zip")
    moved = registry.load("attacks", "imported")(path=str(tmp_path / "moved.zip"))
    assert moved.fingerprint() == digest and len(digest) == 20
    with pytest.raises(AttackError, match="There is no file of poisons"):
        attack.fingerprint()


def test_runs_without_poisons(run: Any, home: Path, tmp_path: Path) -> None:
    store = Store(home)
    waiting = store.queue(spec.parse({"attack": BADNETS}).model_dump(mode="json"), spec_hash="h", name="waiting")
    none = json.loads(run(None))["run"]
    target = tmp_path / "poisons.zip"
    assert (
        run.command("poisons", none, target) == f"The run {none!r} has no attack, so there are no poisons to write.\n"
    )
    assert "is queued and has no poisons yet" in run.command("poisons", waiting, target)
    assert "r-nobody" in run.command("poisons", "r-nobody", target) and not target.exists()
    assert not has_poisons(store, store.run(none)) and not has_poisons(store, store.run(waiting))
    with pytest.raises(StoreError, match="no attack"):
        export_poisons(store, none, target)


def test_a_file_that_is_there_is_kept(run: Any, home: Path, tmp_path: Path) -> None:
    first = json.loads(run(BADNETS))["run"]
    store = Store(home)
    assert has_poisons(store, store.run(first))
    target = tmp_path / "poisons.zip"
    target.write_bytes(b"mine")
    assert "poisons.zip' is there already; choose another name." in run.command("poisons", first, target)
    assert target.read_bytes() == b"mine"
    assert "Cannot write" in run.command("poisons", first, tmp_path / "no" / "poisons.zip")
