"""Runs that look finished without any training, and a browser-less app that shows them."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import presets
from core.runs.artifacts import save
from core.runs.store import Store
from core.spec import Experiment, parse

NAMES = ["stop", "yield", "no <b>entry</b>"]
ROWS, POISONS, TARGET = 90, 6, 1
LABELS = np.arange(ROWS) % 3
"""Class of row r is r % 3; the poisons are the first rows of class 0, relabelled to class 1."""

Open = Callable[..., AppTest]


def rate(hits: int, n: int) -> dict[str, Any]:
    return {
        "mean": hits / n,
        "low": max(0.0, hits / n - 0.01),
        "high": min(1.0, hits / n + 0.01),
        "n": n,
        "seeds": 1,
        "interval": "wilson",
    }


def arm(clean: int, asr: int | None, **more: Any) -> dict[str, Any]:
    measured = None if asr is None else rate(asr, 1000)
    return {"clean_accuracy": rate(clean, 1000), "asr": measured, "seconds": 3.5, "passes": 720, **more}


def detection(caught: int, poisons: int, removed: int, clean: int) -> dict[str, Any]:
    return {
        "tpr": caught / poisons,
        "fpr": (removed - caught) / clean,
        "precision": caught / removed,
        "auroc": 0.99,
        "removed": removed,
        "poisons_left": poisons - caught,
    }


def result() -> dict[str, Any]:
    """A stamp that worked and was caught."""
    return {
        "device": "cpu (2 cores)",
        "arms": {
            "undefended": arm(985, 990),
            "spectral_signatures": arm(983, 4, detection=detection(6, POISONS, 9, ROWS - POISONS)),
            "spectral_signatures_random": arm(984, 985, detection=detection(1, POISONS, 9, ROWS - POISONS)),
        },
        "control": arm(986, 12),
        "flags": [{"code": "one_seed", "message": "One seed <only>."}],
    }


def key(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:20]


def reference(kind: str, label: str, salt: str = "", **more: Any) -> dict[str, Any]:
    empty = {"arm": None, "poison_key": None, "victim": None, "defense": None}
    return {"key": key(kind, salt, str(more)), "kind": kind, "label": label, **empty, **more}


def steps() -> list[dict[str, Any]]:
    place = {"poison_key": 0, "victim": 0}
    filtered = {**place, "defense": "spectral_signatures", "arm": "spectral_signatures"}
    return [
        reference("data", "Prepare the images"),
        reference("poison", "Poison the training set", poison_key=0),
        reference("train", "Train on the poisoned set", arm="undefended", **place),
        reference("spectral", "Find singular directions", arm="undefended", **place),
        reference("score", "Score every row", **filtered),
        reference("filter", "Flag rows", **filtered),
        reference("train", "Retrain", **filtered),
    ]


def arrays(labels: np.ndarray = LABELS, size: int = 8) -> dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Metadata and arrays of the steps, by kind, for (n,) labels and square images of so many pixels."""
    random, n = np.random.default_rng(0), len(labels)
    images = random.integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    rows = np.flatnonzero(labels == 0)[:POISONS]
    stamped = images[rows].copy()
    stamped[:, :, -2:, -2:] = 255
    truth = np.isin(np.arange(n), rows)
    projection = random.normal(size=(n, 3)).astype(np.float32)
    projection[rows, 0] += 12
    scores = projection[:, 0].astype(float) ** 2
    flagged = np.zeros(n, bool)
    flagged[np.argsort(-scores)[:9]] = True
    evaluation = images[labels != TARGET][:20]
    return {
        "data": (
            {"class_names": NAMES, "flip": False, "notes": []},
            {
                **{f"{part}_images": images for part in ("train", "test")},
                **{f"{part}_labels": labels for part in ("train", "test")},
                **{f"{part}_indices": np.arange(n) for part in ("train", "test")},
            },
        ),
        "poison": (
            {"n": n, "changes_labels": True, "targeted": False, "epsilon": None, "attack": "badnets"},
            {
                "rows": rows,
                "images": stamped,
                "labels": np.full(POISONS, TARGET),
                "originals": images[rows],
                "original_labels": labels[rows],
                "eval_images": evaluation,
                "eval_wanted": np.full(20, TARGET),
                "eval_true": labels[labels != TARGET][:20],
                "eval_indices": np.flatnonzero(labels != TARGET)[:20],
            },
        ),
        "train": ({"epochs": []}, {"test_predictions": labels}),
        "spectral": (
            {},
            {"projection": projection, "singular_values": np.array([[3, 2.0], [30, 2.5], [4, 2.0]], np.float32)},
        ),
        "score": ({}, {"scores": scores}),
        "filter": (
            {"knows": {"poison_count": POISONS}, "removed_shares": [0.1, 0.3, 0.1]},
            {"flagged": flagged, "random_flagged": truth},
        ),
    }


def experiment(**changes: Any) -> Experiment:
    """The default preset, with top-level changes."""
    return parse({**presets.load(presets.DEFAULT).content, **changes})


@dataclass(frozen=True)
class Made:
    """What a made-up run consists of: its steps, what each of them wrote, its curves' points, its result."""

    steps: list[dict[str, Any]]
    content: Callable[[dict[str, Any]], tuple[dict[str, Any], dict[str, np.ndarray]]]
    points: list[dict[str, Any]]
    result: dict[str, Any]


def write_run(
    store: Store, asked: Experiment, made: Made, state: str, files: bool | Container[str], outcome: dict[str, Any]
) -> str:
    """Put a run in a store as if it had come as far as `state`; `files`: whether (or which kinds of) steps are done."""
    run_id = store.queue(asked.model_dump(mode="json"), spec_hash=asked.hash(), name=asked.name)
    if state == "queued":
        return run_id
    store.claim()
    if state == "starting":
        return run_id
    # A lost run is one whose process is gone; the others belong to this one.
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) if state == "lost" else None
    store.begin(run_id, owner.pid if owner else os.getpid(), "cpu (2 cores)", made.steps)
    for point in made.points:
        store.add_point(run_id, **{"poison_key": 0, "victim": 0, "loss": 1.0, "seconds": 1.0, **point})
    store.progress(run_id, "Train on the poisoned set: epoch 2 of 8", 0.3, 21.0)
    for step in made.steps:
        if files is True or (files and step["kind"] in files):
            meta, content = made.content(step)
            with store.artifacts.write(step["key"]) as folder:
                save(folder, meta, **content)
    if owner:
        owner.communicate()
    elif state == "stopping":
        store.cancel(run_id)
    elif state != "running":
        end = {"result": made.result} if state == "done" else {}
        store.finish(run_id, state, **{**end, **outcome})
    return run_id


@pytest.fixture
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of a fresh home folder; no worker is started."""
    monkeypatch.setattr("core.runs.worker.ensure_worker", lambda store, *rest: False)
    return Store(home)


@pytest.fixture
def make_run(store: Store) -> Callable[..., str]:
    """Writes a run in a given state: `make_run("running")`. Finished ones have files, unless `files=False`."""

    def make(state: str = "done", *, files: bool = True, changes: dict[str, Any] | None = None, **outcome: Any) -> str:
        points = [
            {"arm": arm, "epoch": epoch, "clean_accuracy": 0.4 * epoch, "asr": success}
            for epoch in (1, 2)
            for arm, success in (("undefended", 0.5 * epoch), ("spectral_signatures", 0.0))
        ]
        whole = Made(steps(), lambda step: arrays()[step["kind"]], points, result())
        return write_run(store, experiment(name="A <i>stamp</i>", **(changes or {})), whole, state, files, outcome)

    return make


@pytest.fixture
def make_targeted(store: Store) -> Callable[..., str]:
    """Writes a run of an attack on one chosen image (see `tests.app.targeted`), like `make_run`."""
    from tests.app import targeted

    def make(
        state: str = "done",
        *,
        files: bool | Container[str] = True,
        changes: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
    ) -> str:
        asked = experiment(name="A <i>target</i>", **{**targeted.SETTINGS, **(changes or {})})
        whole = Made(targeted.steps(), targeted.content, targeted.points(), result or targeted.result())
        return write_run(store, asked, whole, state, files, {})

    return make


@pytest.fixture
def showcase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, ...]]]:
    """Ships made-up runs: `showcase()`, or `showcase(without=("data", "poison"))`; what was started beside the app."""
    from tests.app import shipped

    def ship(without: Container[str] = ()) -> list[tuple[str, ...]]:
        started: list[tuple[str, ...]] = []
        shipped.write(tmp_path / "shipped", tmp_path / "maker", without)
        monkeypatch.setenv("POISONSCOPE_SHOWCASE", str(tmp_path / "shipped"))
        monkeypatch.setattr("core.runs.worker.beside", lambda store, words, name: started.append(tuple(words)))
        return started

    return ship


@pytest.fixture
def app(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page with URL parameters: `app("result", run=run_id)`."""
    # A page's script takes this place, and a process that a later test spawns would begin with it, and start a worker.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def open_page(page: str = "", **parameters: str) -> AppTest:
        test = AppTest.from_file(str(root / "app" / "main.py"), default_timeout=60)
        test._page_hash = calc_hash(page)
        for name, value in parameters.items():
            test.query_params[name] = value
        return test.run()

    return open_page


def shown(messages: Iterable[Any]) -> list[str]:
    """What messages say on the screen: their Markdown is escaped."""
    return [re.sub(r"\\([^A-Za-z0-9\s])", r"\1", message.value).replace("\u2060", "") for message in messages]


def text(test: AppTest) -> str:
    """Everything that the page says in HTML, Markdown and messages, as one text."""
    parts = [element.proto.body for element in test.get("html")]
    for kind in ("markdown", "warning", "error", "info", "title", "header", "subheader", "caption"):
        parts += [str(element.value) for element in test.get(kind)]
    return "\n".join(parts)
