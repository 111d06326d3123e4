"""Expected seconds: a guess at first, then what was measured here."""

import json
from pathlib import Path
from typing import Any

import pytest

from core import estimate, spec
from core.spec import Experiment


@pytest.fixture(autouse=True)
def two_cores(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.estimate.devices.cores", lambda: 2)


def experiment(**settings: Any) -> Experiment:
    small = {"data": {"name": "signs", "train": 400, "test": 100}, "model": "mlp", "training": {"epochs": 5}}
    return spec.parse({**small, **settings})


def test_a_guess_by_network_and_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert estimate.costs(experiment()).train == 400 * 5 / 20_000
    assert estimate.costs(experiment(model="resnet18")).train == 400 * 5 / 60
    monkeypatch.setattr("core.estimate.devices.cores", lambda: 8)
    assert estimate.costs(experiment()).train == 400 * 5 / 80_000
    monkeypatch.setattr("core.estimate.devices.cores", lambda: 1)
    assert estimate.costs(experiment()).train == 400 * 5 / 20_000


def test_what_was_measured_replaces_the_guess_and_is_averaged() -> None:
    estimate.remember(experiment(), 100.0)
    assert estimate.costs(experiment()).train == 20.0  # 400 images, five epochs, a hundred a second
    estimate.remember(experiment(), 300.0)
    assert estimate.costs(experiment()).train == 10.0  # two hundred a second


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
    estimate.remember(experiment(), 100.0)
    assert (estimate.costs(experiment(**settings)).train == 20.0) == same


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"KEY": 0}', '{"KEY": "fast"}', '{"KEY": -3}', '{"KEY": null}']
)
def test_a_damaged_memory_is_no_memory(text: str, home: Path) -> None:
    estimate.remember(experiment(), 100.0)
    (key,) = json.loads((home / "speeds.json").read_text())
    (home / "speeds.json").write_text(text.replace("KEY", key))
    assert estimate.costs(experiment()).train == 0.1
    estimate.remember(experiment(), 100.0)
    assert estimate.costs(experiment()).train == 20.0


def test_nothing_is_left_beside_the_memory(home: Path) -> None:
    estimate.remember(experiment(), 100.0)
    assert [path.name for path in home.iterdir()] == ["speeds.json"]


@pytest.mark.parametrize(
    "settings, expected",
    [
        # a control; an undefended model with its poison, features and directions
        ({}, 4 + 0.3 + 2 * 20 + 2 * 0.3),
        # and two more models, a score and a decision
        ({"defenses": ["spectral_signatures"]}, 4 + 0.3 + 4 * 20 + 4 * 0.3),
        # two controls; four pairs of poison and victim, of three models each
        ({"defenses": ["spectral_signatures"], "keys": 2, "victims": 2}, 4 + 2 * 0.3 + 14 * 20 + 16 * 0.3),
        ({"attack": None, "victims": 3}, 4 + 3 * 20),
    ],
)
def test_the_whole_run_is_the_sum_of_its_steps(settings: dict[str, Any], expected: float) -> None:
    estimate.remember(experiment(), 100.0)
    assert estimate.seconds(experiment(**settings)) == pytest.approx(expected)


def test_rows_are_what_the_settings_tell() -> None:
    assert estimate.rows(experiment()) == 400
    assert estimate.rows(experiment(data={"name": "torchvision_set", "train_per_class": 30})) == 300
    assert estimate.rows(experiment(data="digits")) == estimate.GUESSED_ROWS
