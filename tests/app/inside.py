"""A made-up run of gradient matching against adversarial poisoning, with a record of two batches known by hand.

Each batch shows three of four poisons and both targets. In epoch 4 the poisons are rows 20, 4 and 33, the targets 7 and
50; rows 4 and 7 are the attacker's. Row 4 suffers most: its class falls from 90 % to 20 %.
"""

from typing import Any

import numpy as np

from tests.app import conftest, targeted
from tests.app.conftest import ROWS

EPOCHS = (1, 4)
BATCHES = ((2, 5, 8, 11, 14), (20, 4, 33, 7, 50))
"""Rows of both batches, three poisons and two targets; the class of row r is r % 3, the attacker's are 1, 4, ... 13."""
FAKE = 2
SHOWN = 3
ARM = "adversarial_poisoning"


def settings(**defense: Any) -> dict[str, Any]:
    return {
        **targeted.SETTINGS,
        "keys": 1,
        "victims": 1,
        "defenses": [{"name": ARM, "part": 0.6, "steps": 2, **defense}],
    }


def steps() -> list[dict[str, Any]]:
    place = {"poison_key": 0, "victim": 0}
    return [
        reference("data", "Prepare the images"),
        reference("poison", "Craft the poisons", poison_key=0),
        reference("train", "Train on the poisoned set", arm="undefended", **place),
        reference("train", "Train with Adversarial poisoning", arm=ARM, defense=ARM, **place),
    ]


def reference(kind: str, label: str, **more: Any) -> dict[str, Any]:
    return conftest.reference(kind, label, salt="inside", **more)


def result() -> dict[str, Any]:
    found = targeted.result()
    arms = {"undefended": found["arms"]["undefended"], ARM: conftest.arm(940, None)}
    return {**found, "arms": arms, "pairs": found["pairs"][:1]}


def content(step: dict[str, Any], proxy: str, recorded: bool) -> targeted.Content:
    """Metadata and arrays of a step."""
    meta, arrays = targeted.content(step)
    if step["arm"] == ARM and recorded:
        return meta | {"practice": {"batch": 6, "all": 4, "shown": SHOWN, "targets": 2}}, arrays | practice(proxy)
    return meta, arrays


def practice(proxy: str) -> dict[str, np.ndarray]:
    """The record."""
    rows = np.array(BATCHES)
    labels = rows % 3
    before = np.random.default_rng(2).integers(40, 216, (2, 5, 3, 8, 8), dtype=np.uint8)
    after = before.copy()
    after[:, :SHOWN] += 9
    chances = np.full((2, 5, 2, 3), 0.05)
    for batch in range(2):
        for place in range(5):
            chances[batch, place, :, labels[batch, place]] = 0.9
    chances[1, 1, 1] = (0.7, 0.2, 0.1)  # row 4, of class 1
    measured = proxy not in ("trigger", "noise")
    course = np.array([[0.1, 0.05, 0.3, 0.4], [0.12, 0.02, 0.5, 0.66]]) if measured else np.empty((2, 0))
    losses = np.array([[[1.5, 1.9], [1.4, 1.4], [2.0, 2.0]], [[0.1, 0.8], [0.2, 0.2], [3.0, 3.0]]])
    fake = np.full((2, 5), FAKE)
    if proxy == "trigger":
        fake = (labels + [0, 0, 0, 1, 1]) % 3
        losses[:, 1:, 1] += 0.5
    elif proxy in ("feature_matching", "noise"):
        fake[:], losses[:, 2] = -1, np.nan
    assert rows.max() < ROWS
    return {
        "practice_epochs": np.array(EPOCHS),
        "practice_rows": rows,
        "practice_labels": labels,
        "practice_fake": fake,
        "practice_before": before,
        "practice_after": after,
        "practice_course": course.astype(np.float32),
        "practice_losses": losses.astype(np.float32),
        "practice_probabilities": chances.astype(np.float16),
    }
