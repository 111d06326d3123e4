"""Draws what the zips of shipped runs leave out: images that follow from a seed, and stamps on them. No training."""

import hashlib
from typing import Any

from core import showcase
from core.errors import PoisonscopeError
from core.runs.artifacts import Artifacts
from core.runs.record import Run
from core.runs.store import Store
from core.spec import parse
from core.steps import Step
from core.watch import Nobody, Watch
from core.work import Work


def draw(store: Store) -> list[str]:
    """Draw the images of all shipped runs that lack them.

    Returns:
        One sentence for every run whose images cannot be drawn, or differ from those that it was measured on. Rounding
        differs between processors, so a pixel may be one level off.
    """
    return [told for run in showcase.undrawn(store) for told in _draw(store, run)]


def _draw(store: Store, run: Run) -> list[str]:
    try:
        experiment = parse(run.spec)
        steps = drawn_steps(run)
        watch = Watch(Nobody(), {step.key: 1.0 for step in steps})
        work = Work(experiment, store.artifacts, watch, "cpu")
        for step in steps:
            if not store.artifacts.has(step.key):
                work.run(step)
    except PoisonscopeError as error:
        return [f"{run.id}: its images cannot be drawn: {error}"]
    made = recorded_digests(store, run)
    other = [step.kind for step in steps if made.get(step.key, "") not in ("", fingerprint(store.artifacts, step.key))]
    return [f"{run.id}: its {kind} step differs from the one that was measured." for kind in other]


def drawn_steps(run: Run) -> list[Step]:
    """The run's data and poison steps, under the keys that the run knows them by."""
    data = next(step for step in run.steps if step["kind"] == "data")
    first = Step("data", data["key"], data["label"], (), 1.0)
    poisons = [step for step in run.steps if step["kind"] == "poison"]
    return [
        first,
        *(Step("poison", step["key"], step["label"], (first,), 1.0, poison_key=step["poison_key"]) for step in poisons),
    ]


def recorded_digests(store: Store, run: Run) -> dict[str, Any]:
    """Fingerprints that were taken where the run was measured, by key; empty where none were."""
    shipped = next((step["key"] for step in run.steps if step["kind"] == "shipped"), None)
    if shipped is None or not store.artifacts.has(shipped):
        return {}
    return dict(store.artifacts.meta(shipped).get("drawn", {}))


def fingerprint(artifacts: Artifacts, key: str) -> str:
    """Forty hexadecimal digits that follow from a step's arrays."""
    content = hashlib.sha256()
    for path in sorted(artifacts.folder(key).glob("*.npy")):
        content.update(path.name.encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:40]
