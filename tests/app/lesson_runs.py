"""Made-up shipped runs for lessons: one attack without a trigger met by EPIC, and the same met by practice."""

import io
from typing import Any

import numpy as np

from core.runs.archive import export_run, import_run
from core.runs.store import Store
from tests.app import gradients, inside, targeted
from tests.app.conftest import Made, arm, detection, experiment, write_run
from tests.app.targeted import POISONS

POINT = {
    "arm": "undefended",
    "poison_key": 0,
    "victim": 0,
    "epoch": 1,
    "loss": 1.0,
    "clean_accuracy": 0.8,
    "asr": 0.4,
    "seconds": 1.0,
}
"""Of a curve."""
EPIC, ROBUST = "showcase-clean-label", "showcase-robust"


def clean_label(store: Store) -> None:
    """The attacker wins both trials, EPIC leaves none, its twin one; distances fall most in features."""
    steps = [
        *gradients.steps(),
        gradients.reference("distances", "Distances", arm="undefended", poison_key=0, victim=0),
    ]

    def content(step: dict[str, Any]) -> targeted.Content:
        return targeted.content(step) if step["kind"] == "distances" else gradients.content(step)

    found = gradients.result()
    arms = {"undefended": 0.9, "epic": 0.1, "epic_random": 0.5}
    found["arms"] = {name: _arm(success) for name, success in arms.items()}
    found["arms"]["epic"]["detection"] = detection(4, POISONS, 21, 85)
    _ship(store, EPIC, gradients.SETTINGS, Made(steps, content, gradients.points(), found))


def robust(store: Store) -> None:
    """Five in ten without the defense, one in ten with it, for twelve times the passes."""
    found = inside.result()
    found["arms"] = {"undefended": _arm(0.5), inside.ARM: _arm(0.1) | {"passes": 8640, "seconds": 35.0}}

    def content(step: dict[str, Any]) -> targeted.Content:
        return inside.content(step, "gradient_matching", True)

    _ship(store, ROBUST, inside.settings(), Made(inside.steps(), content, [], found))


def _arm(success: float) -> dict[str, Any]:
    rate = {"mean": success, "low": 0.05, "high": 0.95, "n": 10, "seeds": 1, "interval": "wilson"}
    return arm(960, None) | {"asr": rate, "target_probability": rate}


def _ship(store: Store, run_id: str, settings: dict[str, Any], made: Made) -> None:
    """Write a run, and take it in again under the id that shipped runs have."""
    local = write_run(store, experiment(name=run_id, **settings), made, "done", True, {})
    archive = io.BytesIO()
    export_run(store, local, archive)
    import_run(store, archive, "showcase", run_id=run_id)
    store.delete(local)
    assert np.all([store.artifacts.has(step["key"]) for step in store.run(run_id).steps])
