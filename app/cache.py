"""What the app keeps between reruns: the store, the worker it started, and read-only pictures of finished runs."""

import gc
import importlib
import importlib.util
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from filelock import Timeout

from app.components.images import sprite
from core import device as devices
from core import showcase as shipped
from core.errors import PoisonscopeError, StoreError
from core.home import home
from core.runs.store import Run, Store
from core.runs.view import RunView

WARMED = ("plotly.graph_objects", "PIL.Image", "core.presets", "core.estimate")


SHEET_COLUMNS = 32
WORKER_LOOK = 5.0
"""Seconds between two looks for a living worker."""


@dataclass
class Machine:
    """What is known about this machine; filled in by a thread while the first page is already on screen."""

    name: str | None = None
    problem: str | None = None
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def device(self) -> str | None:
        """What trainings run on, in words; the precision may become another one when the first run tries it out."""
        return None if self.name is None else devices.described_with_arithmetic(self.name)


def store() -> Store:
    """The store of the home folder in force."""
    return _store(str(home()))


@st.cache_resource(max_entries=4, show_spinner=False)
def _store(folder: str) -> Store:
    return Store(Path(folder))


def worker() -> None:
    """Start a worker where none is alive; at most one look every few seconds, whoever asks."""
    from core.runs.worker import ensure_worker

    looked = _last_look(str(home()))
    if time.monotonic() - looked[0] > WORKER_LOOK:
        looked[0] = time.monotonic()
        ensure_worker(store())


def showcase() -> list[str]:
    """Bring the shipped runs into the store, once; sentences about those that could not be had."""
    return _showcase(str(home()), str(shipped.folder()))


@st.cache_resource(max_entries=4, show_spinner=False)
def _showcase(folder: str, source: str) -> list[str]:
    from core.runs.worker import beside

    try:
        problems = shipped.load(store())
    except (PoisonscopeError, Timeout, OSError) as error:
        return [str(error)]
    if shipped.undrawn(store()):
        beside(store(), ("showcase",), "showcase")
    return problems


@st.cache_resource(max_entries=4, show_spinner=False)
def _last_look(folder: str) -> list[float]:
    """When a worker was last looked for: one number that all sessions share and change."""
    return [-WORKER_LOOK]


@st.cache_resource(show_spinner=False)
def machine() -> Machine:
    """This machine's description; importing PyTorch takes seconds, so a thread does it."""
    found = Machine()
    threading.Thread(target=_look, args=(found,), daemon=True, name="warm-up").start()
    return found


def _look(found: Machine) -> None:
    try:
        if importlib.util.find_spec("core.checks"):
            found.problem = importlib.import_module("core.checks").torch_problem()
        if found.problem is None:
            for name in WARMED:
                importlib.import_module(name)
            found.name = devices.pick("auto")
        # Streamlit collects garbage after every script and every fragment. Among what was imported there is none, and
        # looking at it each time would take a quarter of a second.
        gc.collect()
        gc.freeze()
    except Exception as error:  # a thread has nobody to raise to; the sidebar shows what happened
        found.problem = f"This machine could not be examined: {error}"
    finally:
        found.ready.set()


def device(name: str) -> str:
    """The device that a name means on this machine; the processor where it has none, or while that is looked for."""
    known = machine()
    if not known.ready.is_set() or known.problem:
        return "cpu"
    try:
        return devices.pick(name)
    except PoisonscopeError:
        return "cpu"


def view(run: Run, poison_key: int = 0, victim: int = 0) -> RunView:
    """The stored arrays of a run, seen through one draw of the poisons and one victim."""
    return RunView(store(), run, poison_key, victim)


@dataclass(frozen=True)
class ClassRows:
    """One class of a run's poisoned training set, ready to be drawn; arrays are read-only.

    Attributes:
        rows: (m,) int64, row ids.
        poison, cover: (m,) bool, the truth: poisons, and rows that were changed to hide them.
        coordinates: (m, 3) float32 on the class's top singular vectors, or None.
        scores, flagged: (m,), or None where the defense has none.
    """

    rows: np.ndarray
    poison: np.ndarray
    cover: np.ndarray
    coordinates: np.ndarray | None
    scores: np.ndarray | None
    flagged: np.ndarray | None


def class_rows(seen: RunView, label: int, defense: str | None) -> ClassRows:
    """The rows that carry `label` after poisoning.

    Raises:
        StoreError: the run's files are not there.
    """
    keys = step_keys(seen, "data", "poison", "spectral") + (
        step_keys(seen, "filter", defense=defense) if defense else ()
    )
    return _class_rows(str(home()), seen.run.id, keys, label, defense, seen)


@dataclass(frozen=True)
class AllRows:
    """The whole poisoned training set of a run, as far as it is known; arrays are read-only.

    Attributes:
        labels: (n,) int64, as given.
        poison: (n,) bool, the truth.
        scores: by defense, (n,) float64.
        ranks: by defense, (n,) float64 from 0 (least suspicious) to 100 %.
        flagged, random: by defense, (n,) bool: what it removed, and what its random control removed.
    """

    labels: np.ndarray
    poison: np.ndarray
    scores: dict[str, np.ndarray]
    ranks: dict[str, np.ndarray]
    flagged: dict[str, np.ndarray]
    random: dict[str, np.ndarray]


def all_rows(seen: RunView) -> AllRows | None:
    """All rows of a run; None while (or where) its images are not stored."""
    defenses = list(dict.fromkeys(step["defense"] for step in seen.run.steps if step["kind"] == "score"))
    keys = step_keys(seen, "data", "poison") + tuple(
        key for defense in defenses for key in step_keys(seen, "score", "filter", defense=defense)
    )
    return _all_rows(str(home()), seen.run.id, keys, tuple(defenses), seen) if keys[0] else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _all_rows(
    folder: str, run_id: str, keys: tuple[str | None, ...], defenses: tuple[str, ...], _seen: RunView
) -> AllRows | None:
    labels, truth = _seen.labels, _seen.is_poison
    if labels is None or truth is None:
        return None
    every: dict[str, dict[str, np.ndarray]] = {"scores": {}, "ranks": {}, "flagged": {}, "random": {}}
    for defense in defenses:
        scores = _seen.scores(defense)
        if scores is not None:
            every["scores"][defense] = _frozen(np.array(scores))
            ranks = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
            every["ranks"][defense] = _frozen(100 * ranks / max(1, len(scores) - 1))
        for name, array in (("flagged", "flagged"), ("random", "random_flagged")):
            flags = _seen.array("filter", array, defense=defense)
            if flags is not None:
                every[name][defense] = _frozen(np.array(flags))
    return AllRows(_frozen(np.array(labels)), _frozen(truth), **every)


def step_keys(seen: RunView, *kinds: str, **where: Any) -> tuple[str | None, ...]:
    """Keys of a run's finished steps: they say what the files hold, so what is cached under them stays true."""
    found = [seen.step(kind, **where) for kind in kinds]
    return tuple(None if step is None else str(step["key"]) for step in found)


def present(run: Run) -> tuple[str, ...]:
    """Keys of all steps of a run whose files are here."""
    has = store().artifacts.has
    return tuple(step["key"] for step in run.steps if has(step["key"]))


@st.cache_resource(max_entries=64, show_spinner=False)
def _class_rows(
    folder: str, run_id: str, keys: tuple[str | None, ...], label: int, defense: str | None, _seen: RunView
) -> ClassRows:
    labels, truth = _seen.labels, _seen.is_poison
    if labels is None or truth is None:
        raise StoreError(f"The images of run {run_id!r} are not stored here; resume the run to compute them again.")
    rows = np.flatnonzero(labels == label)

    def part(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else _frozen(np.array(array[rows]))

    scores, flagged = (_seen.scores(defense), _seen.flagged(defense)) if defense else (None, None)
    covers = _seen.cover_rows
    told = _frozen(truth[rows]), _frozen(np.isin(rows, covers if covers is not None else []))
    return ClassRows(_frozen(rows), *told, part(_seen.projection), part(scores), part(flagged))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def sheet(seen: RunView, label: int, rows: np.ndarray) -> str:
    """A sheet with the images of one class's rows, for thumbnails under the pointer."""
    return _sheet(str(home()), step_keys(seen, "data", "poison"), label, seen, rows)


@st.cache_resource(max_entries=12, show_spinner=False)
def _sheet(folder: str, keys: tuple[str | None, ...], label: int, _seen: RunView, _rows: np.ndarray) -> str:
    images = _seen.images(_rows)
    assert images is not None
    return sprite(images, SHEET_COLUMNS)


@st.cache_resource(max_entries=16, show_spinner=False)
def asset(path: str) -> str:
    """Text of a file under assets/."""
    return (Path(__file__).parent.parent / "assets" / path).read_text(encoding="utf-8")
