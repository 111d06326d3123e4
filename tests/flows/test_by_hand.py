"""A choice by hand after a finished run: only the retraining is new, and it is measured as every filter is."""

import json

import numpy as np
import pytest

from core import by_hand, execution
from core.errors import PoisonscopeError
from tests.flows.blobs import Counting, Watcher, artifacts, experiment, find, run, two_cores

__all__ = ["artifacts", "two_cores"]  # fixtures


def test_only_the_retraining_is_new(artifacts: Counting) -> None:
    watcher = Watcher()
    run(artifacts, watcher, keys=2)
    poisons = artifacts.array(next(s["key"] for s in watcher.steps if s["kind"] == "poison"), "rows").tolist()
    clean = next(row for row in range(80) if row not in poisons)
    asked = by_hand.experiment(
        experiment(keys=2).model_dump(mode="json", exclude={"data"}) | {"data": experiment().data},
        np.array([*poisons[:6], clean]),
        revealed=True,
    )
    artifacts.begun, again = [], Watcher()
    result = execution.execute(asked, artifacts, again)
    begun = {step["label"] for step in again.steps if step["key"] in artifacts.begun}
    assert begun == {
        "Score every row: Hand-picked rows",
        "Flag rows: Hand-picked rows",
        "Retrain after Hand-picked rows",
        "Retrain after random removal (control)",
    }
    assert list(result["arms"]) == [
        "undefended", "spectral_signatures", "spectral_signatures_random", "hand_picked", "hand_picked_random",
    ]  # fmt: skip
    found = result["arms"]["hand_picked"]["detection"]
    assert found["removed"] == 7 and found["precision"] == pytest.approx(6 / 7)
    assert found["poisons_left"] == len(poisons) - 6 and found["tpr"] == pytest.approx(6 / len(poisons))
    assert artifacts.meta(find(again, "train", "hand_picked"))["rows"] == 80 - 7
    assert artifacts.meta(find(again, "train", "hand_picked_random"))["rows"] == 80 - 7
    assert artifacts.meta(find(again, "filter", "hand_picked"))["knows"] == {"poison_rows": "on screen"}
    assert "saw_truth" in {flag["code"] for flag in result["flags"]}
    json.dumps(result)


def test_a_row_that_is_not_there_ends_the_run_with_one_sentence(artifacts: Counting) -> None:
    run(artifacts, defenses=[])
    with pytest.raises(PoisonscopeError, match="lists row 80, but this training set has rows 0 to 79"):
        run(artifacts, defenses=[{"name": "hand_picked", "rows": "3,80"}])
