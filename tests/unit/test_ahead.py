"""What is still to be computed, and the seconds from the first step to the last."""

from pathlib import Path
from typing import Any

import pytest

from core import remembered, spec
from core.ahead import Ahead, ahead
from core.runs.artifacts import Artifacts, save
from core.spec import Experiment
from core.steps import plan

KINDS = ("features", "spectral", "measure", "distances", "isolation", "embedding")
TARGETED = {"name": "gradient_matching", "poison_fraction": 0.05, "steps": 100, "restarts": 2}


@pytest.fixture(autouse=True)
def two_cores(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device.cores", lambda: 2)


@pytest.fixture
def artifacts(home: Path) -> Artifacts:
    return Artifacts(home / "steps")


def measured(**settings: Any) -> Experiment:
    """Images in 4 s, trainings in 20, crafting in 30, looks in half a second each."""
    small = {"data": {"name": "signs", "train": 400, "test": 100}, "model": "mlp", "training": {"epochs": 5}}
    asked = spec.parse({**small, **settings})
    remembered.keep_look(asked, "data", 4.0)
    remembered.keep_epoch(asked, 4.0)
    remembered.keep_crafting(asked, 30.0)
    for kind in KINDS:
        remembered.keep_look(asked, kind, 0.5)
    for defense in asked.defenses:
        for kind in ("score", "filter"):
            remembered.keep_look(asked, kind, 0.5, defense)
    return asked


def test_steps_wait_for_each_other_on_two_lanes(artifacts: Artifacts) -> None:
    # images 4; poisons 34; beside them the control until 24; undefended 54; features and directions 55
    assert ahead([measured()], artifacts, ["cpu"]) == Ahead(55.0, 0, 7, 2)
    # on a GPU of one lane everything adds up: 4 + 30 + 20 + 20 and three looks
    assert ahead([measured()], artifacts, ["mps"]).seconds == 4 + 30 + 20 + 20 + 1.5


def test_a_defense_adds_its_steps(artifacts: Artifacts) -> None:
    # directions and scores beside each other until 55, flags until 55.5, two models beside each other
    asked = measured(defenses=["spectral_signatures"])
    assert ahead([asked], artifacts, ["cpu"]) == Ahead(75.5, 0, 11, 4)
    # the defended one takes three times as long, beside the undefended one from 34 on
    dear = measured(defenses=[{"name": "maxup", "copies": 3}])
    assert ahead([dear], artifacts, ["cpu"]) == Ahead(34 + 60, 0, 8, 3)


def test_a_map_is_drawn_after_everything_else(artifacts: Artifacts) -> None:
    # images 4; a surrogate 24 beside the control; poisons 54; undefended 74; features, then directions, beside
    # distances and isolation 75; the map
    asked = measured(attack=TARGETED)
    assert ahead([asked], artifacts, ["cpu"]).seconds == pytest.approx(75.5)


def test_what_is_finished_takes_no_time_and_what_runs_share_counts_once(artifacts: Artifacts) -> None:
    asked = measured(attack=None, victims=3)
    assert ahead([asked], artifacts, ["cpu"]) == Ahead(4 + 2 * 20, 0, 4, 3)
    assert ahead([asked, asked], artifacts, ["cpu", "cpu"]) == Ahead(44.0, 0, 4, 3)
    for step in plan(asked)[:2]:
        with artifacts.write(step.key) as folder:
            save(folder, {})
    assert ahead([asked], artifacts, ["cpu"]) == Ahead(20.0, 2, 2, 2)
    assert ahead([asked], None, ["cpu"]) == Ahead(44.0, 0, 4, 3), "as if nothing were finished"


@pytest.mark.parametrize("trainings, words", [(1, "1 model"), (1200, "1,200 models")])
def test_models_in_words(trainings: int, words: str) -> None:
    assert Ahead(0.0, 0, 0, trainings).models == words
