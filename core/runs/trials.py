"""The trials of an attack on one chosen image: every key (a draw of the poisons) with every victim is one."""

from typing import Any

import numpy as np

from core.runs.record import Run

Pair = dict[str, Any]
"""One trial, as `result["pairs"]` holds it; `predicted` and `probability` have the arms that are done."""


def keys(run: Run) -> list[int]:
    """Numbers of the run's keys, from 0."""
    return sorted({step["poison_key"] for step in run.steps if step["kind"] == "poison"})


def victims(run: Run) -> list[int]:
    """Numbers of the victims that are trained on each key, from 0."""
    return sorted({step["victim"] for step in run.steps if step["kind"] == "train" and step["poison_key"] is not None})


def grid(found: list[Pair], arm: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The trials of an arm as a table.

    Returns:
        succeeded (bool), probability (NaN where there is no result), counted (bool), each (keys, victims).
    """
    shape = (max(one["key"] for one in found) + 1, max(one["victim"] for one in found) + 1)
    succeeded, counted, probability = np.zeros(shape, bool), np.ones(shape, bool), np.full(shape, np.nan)
    for one in found:
        at = one["key"], one["victim"]
        counted[at] = one["counted"]
        if arm in one["predicted"]:
            succeeded[at] = one["predicted"][arm] == one["wanted"]
            probability[at] = one["probability"][arm]
    return succeeded, probability, counted
