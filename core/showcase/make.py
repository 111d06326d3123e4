"""Makes the finished runs that come with Poisonscope: trains them, and packs of each what the pages need."""

import time
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from core import __version__, networks, showcase
from core.attacks.base import Attack
from core.errors import PoisonscopeError, StoreError
from core.execution import execute
from core.runs.archive import Light, export_run
from core.runs.artifacts import save
from core.runs.record import Run
from core.runs.recorder import Recorder, perform
from core.runs.store import Store
from core.runs.view import RunView
from core.showcase import Entry
from core.showcase.draw import drawn_steps, fingerprint
from core.spec import digest, parse

LARGEST, LARGEST_TOTAL = 3_500_000, 15_000_000
"""Bytes of one zip, and of all together: they are part of every clone of the repository."""
COMPUTED = ("data", "pretraining_data", "surrogate", "pretrain", "features")
"""Kinds of steps that no page shows, or that follow from a seed."""

LARGE = ("gradients.npy",)
"""Files that go with the first key's first victim alone, and not with controls of a defense."""

Tell = Callable[[str], None]


def make(store: Store, chosen: Iterable[Entry], tell: Tell, recorder: Callable[[Store, str], Recorder]) -> None:
    """Compute shipped runs and write their zips.

    Args:
        store: where they are computed; a fresh one computes everything anew.
        chosen: which ones, in the order of the list.
        tell: is told a line about each.
        recorder: makes what watches a run.

    Raises:
        PoisonscopeError: a run failed, or a zip is too large.
    """
    for entry in chosen:
        experiment = parse(entry.content())
        run_id = store.start(experiment.model_dump(mode="json"), spec_hash=experiment.hash(), name=entry.title)
        perform(recorder(store, run_id), lambda content, artifacts, events: execute(parse(content), artifacts, events))
        run = store.run(run_id)
        if run.state != "done":
            raise PoisonscopeError(f"{entry.id} was {run.state}. {run.message}".strip())
        size = pack(store, run, entry)
        tell(f"{entry.id}: {run.seconds:.0f} s, {size / 1e6:.2f} MB")
        if size > LARGEST:
            raise PoisonscopeError(f"{entry.path.name} has {size} bytes; at most {LARGEST} are shipped.")
    total = sum(entry.path.stat().st_size for entry in showcase.entries() if entry.path.is_file())
    tell(f"Together {total / 1e6:.2f} MB in {showcase.folder()}")
    if total > LARGEST_TOTAL:
        raise PoisonscopeError(f"The zips have {total} bytes together; at most {LARGEST_TOTAL} are shipped.")


def pack(store: Store, run: Run, entry: Entry) -> int:
    """Write a finished run's zip; returns its bytes."""
    shipped = _shipped(store, run, entry)
    elsewhere, attack = _shipped_earlier(entry), parse(run.spec).attack
    shown = {"undefended", *(defense["name"] for defense in run.spec["defenses"])}
    crafted = isinstance(attack, Attack) and bool(attack.needs)

    def keep(step: dict[str, Any], file: str) -> bool:
        if step["kind"] in COMPUTED or step["key"] in elsewhere or (step["kind"] == "poison" and not crafted):
            return False
        first = not step["poison_key"] and not step["victim"]
        if file == "weights.safetensors":
            return first and step["arm"] in entry.weights
        return file not in LARGE or (first and step["arm"] in shown)

    machine = run.device.removeprefix("cpu (").removesuffix(")").replace("cores", "CPU cores")
    day = time.strftime("%Y-%m-%d", time.gmtime(run.created))
    note = f"Shipped with Poisonscope {__version__}, measured on {day} on {machine}: {entry.command}"
    export_run(store, run.id, entry.path, Light(keep, note, (shipped,)))
    return entry.path.stat().st_size


def _shipped_earlier(entry: Entry) -> set[str]:
    """Keys of the steps that runs before this one in the list bring."""
    keys: set[str] = set()
    for other in showcase.entries():
        if other.id == entry.id:
            break
        if not other.path.is_file():
            raise StoreError(f"{entry.id} relies on {other.path.name}, which is not there; make that first.")
        with zipfile.ZipFile(other.path) as archive:
            keys |= {name.split("/")[1] for name in archive.namelist() if name.startswith("steps/")}
    return keys


# ---- a step of its own: what was drawn, and pictures with what every arm makes of them


def _shipped(store: Store, run: Run, entry: Entry) -> dict[str, Any]:
    """Write the step that only a shipped run has, and return its reference."""
    drawn = {step.key: fingerprint(store.artifacts, step.key) for step in drawn_steps(run)}
    truth = RunView(store, run).is_poison
    assert truth is not None
    counts = {"rows": len(truth), "poisons": int(truth.sum())}
    meta: dict[str, Any] = {"version": __version__, "command": entry.command, "drawn": drawn, **counts}
    arrays: dict[str, np.ndarray] = {}
    if entry.pictures:
        meta["arms"], arrays = _pictures(store, run)
        meta["class_names"] = RunView(store, run).class_names
    key = digest(["shipped", run.id, run.created])
    with store.artifacts.write(key) as folder:
        save(folder, meta, **arrays)
    empty = dict.fromkeys(("arm", "poison_key", "victim", "defense"))
    return {"key": key, "kind": "shipped", "label": "Pack for shipping", **empty}


def _pictures(store: Store, run: Run) -> tuple[list[str], dict[str, np.ndarray]]:
    """One test image of every class that can be attacked, without and with the trigger, and the arms' answers.

    Of each class the image is taken that shows most clearly what the rates say: the arms are surest of it. Whoever
    shows them shows the rates beside.

    Returns:
        (a arms, {"rows": (m,), "true": (m,), "wanted": (m,), "clean" and "stamped": (m, c, h, w) uint8,
        "clean_answers" and "stamped_answers": (a, m, k) float32 probabilities}).
    """
    view = RunView(store, run)
    shown, tests = view.evaluation, view.array("data", "test_images")
    assert shown is not None and tests is not None
    arms = ["control", "undefended", *(arm for arm in view.arms if arm in {d["name"] for d in run.spec["defenses"]})]
    nets = [networks.load(view, arm) for arm in arms]
    clean, stamped = np.array(tests[shown["eval_indices"]]), np.array(shown["eval_images"])
    answers = [np.stack([networks.probabilities(net, images) for net in nets]) for images in (clean, stamped)]
    every, true, wanted = np.arange(len(clean)), np.array(shown["eval_true"]), np.array(shown["eval_wanted"])
    sure = [answers[0][a, every, true] for a in range(len(arms))]
    sure += [answers[1][a, every, wanted if arm == "undefended" else true] for a, arm in enumerate(arms)]
    clearest = np.min(sure, axis=0)
    best = np.array([max(np.flatnonzero(true == label), key=lambda row: clearest[row]) for label in np.unique(true)])
    arrays = {"rows": shown["eval_indices"][best], "true": true[best], "wanted": wanted[best]}
    arrays |= {"clean": clean[best], "stamped": stamped[best]}
    return arms, {**arrays, "clean_answers": answers[0][:, best], "stamped_answers": answers[1][:, best]}
