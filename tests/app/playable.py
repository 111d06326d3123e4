"""A made-up run whose networks can be asked: each reads one corner of the picture, so that answers follow by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from core.runs.store import Store
from tests.app import conftest
from tests.app.conftest import NAMES, TARGET, Made, arm, experiment, key, reference, write_run

SIDE = 8
ARMS = ("control", "undefended", "spectral_signatures")
FOOLED = ("undefended",)
PATCH = {"size": 2, "margin": 0, "colour": "#ffffff", "target_class": TARGET}
"""The run's trigger: four white pixels in the lower right corner."""


def steps() -> list[dict[str, Any]]:
    """Under keys of their own, so that no other run of the store has these networks."""
    control = reference("train", "Train without poison (control)", arm="control", victim=0)
    return [{**step, "key": key("playable", step["key"])} for step in (*conftest.steps(), control)]


def arrays() -> dict[str, Any]:
    """As of other made-up runs, but every test image is black, and of class r % 3."""
    content = conftest.arrays()
    meta, data = content["data"]
    content["data"] = meta, {**data, "test_images": np.zeros_like(data["test_images"])}
    return content


def weights(label: int) -> dict[str, torch.Tensor]:
    """A linear network that reads a white lower right corner of 2 x 2 pixels as `label`, all else as class 0."""
    corner = torch.zeros(3, SIDE, SIDE)
    corner[:, -2:, -2:] = 1.0
    head = torch.zeros(len(NAMES), 3 * SIDE * SIDE)
    head[label] = corner.flatten()
    ours = {"normalise.mean": torch.zeros(1, 3, 1, 1), "normalise.std": torch.ones(1, 3, 1, 1)}
    return {**ours, "head.weight": head, "head.bias": torch.tensor([6.0, *([0.0] * (len(NAMES) - 1))])}


def make(store: Store, state: str = "done", *, stored: Sequence[str] = ARMS, **changes: Any) -> str:
    """Put such a run into a store; `stored`: arms whose network is there."""
    content, outcome = arrays(), conftest.result()
    outcome["control"] = arm(986, 12)
    own = experiment().model_dump(mode="json")["attack"]
    asked = experiment(**{"name": "A <i>stamp</i>", "model": {"name": "linear"}, "attack": {**own, **PATCH}, **changes})
    whole = Made(steps(), lambda step: content[step["kind"]], [], outcome)
    run_id = write_run(store, asked, whole, state, state == "done", {})
    for step in steps() if state == "done" else []:
        if step["kind"] == "train" and step["arm"] in stored:
            fooled = TARGET if step["arm"] in FOOLED else 0
            save_file(weights(fooled), store.artifacts.folder(step["key"]) / "weights.safetensors")
    return run_id
