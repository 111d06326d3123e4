"""The poisons of a run as an archive that another run, or somebody else, can take in (`core.exchange`)."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from core import exchange
from core.crafted import Facts, Poisons
from core.errors import StoreError
from core.given import is_given
from core.runs.artifacts import Artifacts
from core.runs.record import Run
from core.runs.store import Store

Step = dict[str, Any]


def export_poisons(store: Store, run_id: str, target: Path | BytesIO) -> exchange.Contents:
    """Write the poisons of every key of a run that are crafted by now.

    Args:
        store: where the run is.
        run_id: the run.
        target: a path, or bytes in memory.

    Raises:
        StoreError: there is no such run, or it has no poisons.
        OSError: the file cannot be written.
    """
    run = store.run(run_id)
    data, crafted = _steps(run, store.artifacts)
    return exchange.write(target, _facts(run, store.artifacts, data, crafted), _sets(store.artifacts, data, crafted))


def has_poisons(store: Store, run: Run) -> bool:
    """Whether there is anything to write."""
    try:
        _steps(run, store.artifacts)
    except StoreError:
        return False
    return True


def _steps(run: Run, artifacts: Artifacts) -> tuple[Step, list[Step]]:
    """The step of the images, and those of the poisons that have files, by key."""
    data = [step for step in run.steps if step["kind"] == "data" and artifacts.has(step["key"])]
    planned = [step for step in run.steps if step["kind"] == "poison"]
    crafted = [step for step in planned if artifacts.has(step["key"])]
    if is_given(run.spec):
        raise StoreError(f"The run {run.id!r} looks at data as they came, so it has no poisons of its own to write.")
    if run.spec.get("attack") is None:
        raise StoreError(f"The run {run.id!r} has no attack, so there are no poisons to write.")
    if not data or not crafted:
        raise StoreError(f"The run {run.id!r} is {run.state} and has no poisons yet; resume it to craft them.")
    return data[0], sorted(crafted, key=lambda step: step["poison_key"])


def _facts(run: Run, artifacts: Artifacts, data: Step, crafted: list[Step]) -> Facts:
    changed = any(
        (artifacts.array(step["key"], "labels") != artifacts.array(step["key"], "original_labels")).any()
        for step in crafted
    )
    return Facts(
        attack=run.spec["attack"]["name"],
        class_names=tuple(artifacts.meta(data["key"])["class_names"]),
        data=run.spec["data"],
        epsilon=artifacts.meta(crafted[0]["key"]).get("epsilon"),
        changes_labels=changed,
    )


def _sets(artifacts: Artifacts, data: Step, crafted: list[Step]) -> Iterator[Poisons]:
    """One key after the other: together they may be large."""
    indices = artifacts.array(data["key"], "train_indices")
    tested = artifacts.array(data["key"], "test_indices")
    for step in crafted:
        arrays = {
            name: np.array(artifacts.array(step["key"], stored))
            for name, stored in {
                "rows": "rows", "originals": "originals", "poisoned": "images", "labels": "labels",
                "original_labels": "original_labels", "targets": "eval_images", "wanted": "eval_wanted",
                "true": "eval_true",
            }.items()
        }  # fmt: skip
        inside = arrays["rows"] < len(indices)
        own = np.empty(len(inside), dtype=np.int64)
        own[inside] = indices[arrays["rows"][inside]]
        if not inside.all():
            own[~inside] = _sources(artifacts, data["key"], arrays["originals"][~inside])
        targets = tested[artifacts.array(step["key"], "eval_indices")]
        yield Poisons(step["poison_key"], len(indices), indices=own, target_indices=targets, **arrays)


def _sources(artifacts: Artifacts, key: str, originals: np.ndarray) -> np.ndarray:
    """Where the originals of added rows stood in the source: a run does not remember it, but they are still the same.

    Args:
        artifacts, key: the step of the images.
        originals: (p, c, h, w) uint8.
    """
    indices = artifacts.array(key, "train_indices")
    wanted = {image.tobytes() for image in originals}
    place: dict[bytes, int] = {}
    for image, index in zip(artifacts.array(key, "train_images"), indices, strict=True):
        content = image.tobytes()
        if content in wanted:
            place.setdefault(content, int(index))
    return np.array([place[image.tobytes()] for image in originals], dtype=np.int64)
