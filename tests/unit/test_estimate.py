"""Expected seconds: a guess at first, then what was measured here."""

import json
from pathlib import Path
from typing import Any

import pytest

from core import device, estimate, spec
from core.spec import Experiment


@pytest.fixture(autouse=True)
def two_cores(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device.cores", lambda: 2)


def experiment(**settings: Any) -> Experiment:
    small = {"data": {"name": "signs", "train": 400, "test": 100}, "model": "mlp", "training": {"epochs": 5}}
    return spec.parse({**small, **settings})


def test_a_guess_by_network() -> None:
    assert estimate.costs(experiment()).train == 400 * 5 / 15_000
    assert estimate.costs(experiment(model="resnet18")).train == pytest.approx(400 * 5 / 30)


def test_what_was_measured_replaces_the_guess_and_is_averaged() -> None:
    estimate.remember(experiment(), 4.0)
    assert estimate.costs(experiment()).train == 20.0  # five epochs of four seconds
    estimate.remember(experiment(), 2.0)
    assert estimate.costs(experiment()).train == 15.0  # of three


@pytest.mark.parametrize(
    "settings, same",
    [
        ({"training": {"epochs": 5, "learning_rate": 0.2}}, True),
        ({"attack": "tran_trigger", "defenses": ["spectral_signatures"], "seed": 4, "victims": 3}, True),
        ({"training": {"epochs": 5, "batch_size": 32}}, False),
        ({"training": {"epochs": 5, "precision": "float32"}}, False),
        ({"model": {"name": "mlp", "width": 16}}, False),
        ({"data": {"name": "signs", "train": 400, "test": 50}}, False),
        ({"device": "cpu"}, False),
    ],
)
def test_a_speed_is_remembered_for_what_it_depends_on(settings: dict[str, Any], same: bool) -> None:
    estimate.remember(experiment(), 4.0)
    assert (estimate.costs(experiment(**settings)).train == 20.0) == same


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"KEY": 0}', '{"KEY": "fast"}', '{"KEY": -3}', '{"KEY": null}']
)
def test_a_damaged_memory_is_no_memory(text: str, home: Path) -> None:
    estimate.remember(experiment(), 4.0)
    (key,) = json.loads((home / "seconds_per_epoch.json").read_text())
    (home / "seconds_per_epoch.json").write_text(text.replace("KEY", key))
    assert estimate.costs(experiment()).train == 400 * 5 / 15_000
    estimate.remember(experiment(), 4.0)
    assert estimate.costs(experiment()).train == 20.0


def test_nothing_is_left_beside_the_memory(home: Path) -> None:
    estimate.remember(experiment(), 4.0)
    assert [path.name for path in home.iterdir()] == ["seconds_per_epoch.json"]


@pytest.mark.parametrize(
    "settings, expected",
    [
        # a control beside an undefended model with its poison, features and directions: one round on two cores
        ({}, 4 + 0.3 + 20 + 2 * 0.3),
        # and two more models, a score and a decision
        ({"defenses": ["spectral_signatures"]}, 4 + 0.3 + 2 * 20 + 4 * 0.3),
        # two controls; four pairs of poison and victim, of three models each: seven rounds of two
        ({"defenses": ["spectral_signatures"], "keys": 2, "victims": 2}, 4 + 2 * 0.3 + 7 * 20 + 16 * 0.3),
        ({"attack": None, "victims": 3}, 4 + 2 * 20),
    ],
)
def test_the_whole_run_is_the_sum_of_its_steps(settings: dict[str, Any], expected: float) -> None:
    estimate.remember(experiment(), 4.0)
    assert estimate.seconds(experiment(**settings)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "data, rows", [({"name": "torchvision_set", "train_per_class": 30}, 300), ("digits", estimate.GUESSED_ROWS)]
)
def test_rows_are_what_the_settings_tell(data: Any, rows: int) -> None:
    assert estimate.costs(experiment(data=data)).train == pytest.approx(rows * 5 / 15_000)


@pytest.mark.parametrize("cores, threads, lanes", [(1, 1, 1), (2, 1, 2), (4, 1, 4), (8, 2, 4), (16, 4, 4)])
def test_a_training_takes_as_many_cores_whatever_the_plan(
    cores: int, threads: int, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.device.cores", lambda: cores)
    assert (device.threads(), device.lanes(10, "cpu"), device.lanes(1, "cpu"), device.lanes(10, "cuda")) == (
        threads,
        lanes,
        1,
        1,
    )
