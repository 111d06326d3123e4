"""Expected seconds: a guess at first, then what was measured here."""

import json
from pathlib import Path
from typing import Any

import pytest

from core import device, estimate, spec
from core.spec import Experiment
from core.steps import plan


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
        ({"defenses": ["spectral_signatures"], "keys": 2, "victims": 2}, 4 + 0.3 + 7 * 20 + 16 * 0.3),
        ({"attack": None, "victims": 3}, 4 + 2 * 20),
    ],
)
def test_the_whole_run_is_the_sum_of_its_steps(settings: dict[str, Any], expected: float) -> None:
    estimate.remember(experiment(), 4.0)
    assert estimate.seconds(experiment(**settings)) == pytest.approx(expected)


FEW = {"name": "folder", "path": "/nowhere", "classes": ["ant", "bee", "cow"], "train_per_class": 50}


@pytest.mark.parametrize(
    "data, rows",
    [({"name": "torchvision_set", "train_per_class": 30}, 300), ("digits", estimate.GUESSED_ROWS), (FEW, 150)],
)
def test_rows_are_what_the_settings_tell(data: Any, rows: int) -> None:
    assert estimate.costs(experiment(data=data)).train == pytest.approx(rows * 5 / 15_000)


def test_rows_are_those_that_were_counted_once_the_data_were_read() -> None:
    estimate.remember_rows(experiment(data="digits"), 1297)
    assert estimate.costs(experiment(data="digits")).train == pytest.approx(1297 * 5 / 15_000)
    assert estimate.rows(experiment(data="digits").data) == 1297
    assert estimate.rows(experiment(data={"name": "digits", "size": 16}).data) != 1297
    estimate.remember_rows(experiment(data="digits"), 1300)
    assert estimate.rows(experiment(data="digits").data) == 1300  # a count is no speed: the newest holds


# ---- pretraining, surrogates, crafting

TARGETED = {"name": "gradient_matching", "poison_fraction": 0.05, "steps": 100, "restarts": 2}
SPEED = 15_000  # guessed images of a perceptron in a second


def test_victims_train_on_what_pretraining_leaves_them() -> None:
    part = experiment(scenario="fine_tune", pretraining={"part": 0.25, "training": {"epochs": 3}})
    cost = estimate.costs(part)
    assert cost.train == pytest.approx(300 * 5 / SPEED)
    assert cost.pretrain == pytest.approx(100 * 3 / SPEED)
    other = {"data": {"name": "signs", "train": 900, "seed": 9}, "training": {"epochs": 3}}
    cost = estimate.costs(experiment(scenario="fine_tune", pretraining=other))
    assert (cost.train, cost.pretrain) == (pytest.approx(400 * 5 / SPEED), pytest.approx(900 * 3 / SPEED))


def test_frozen_features_cost_forward_passes_only() -> None:
    whole, head = (estimate.costs(experiment(scenario=name)).train for name in ("fine_tune", "transfer"))
    assert head == pytest.approx(whole / 3)


def test_from_scratch_nothing_is_pretrained_and_no_part_is_set_aside() -> None:
    cost = estimate.costs(experiment(pretraining={"part": 0.9}))
    assert (cost.pretrain, cost.surrogate, cost.train) == (0, 0, pytest.approx(400 * 5 / SPEED))


def test_a_speed_belongs_to_its_scenario() -> None:
    transfer = experiment(scenario="transfer")
    estimate.remember(experiment(), 4.0)
    estimate.remember(transfer, 1.0)
    estimate.remember_pretrain(transfer, 2.0)
    assert (estimate.costs(experiment()).train, estimate.costs(transfer).train) == (20.0, 5.0)
    assert estimate.costs(transfer).pretrain == 2.0 * transfer.pretraining.training.epochs
    assert estimate.costs(experiment(scenario="transfer", pretraining={"part": 0.3})).train != 5.0


def test_crafting_is_guessed_from_its_passes() -> None:
    # 20 poisons, 200 steps, three passes each
    assert estimate.costs(experiment(attack=TARGETED)).poison == pytest.approx(3 * 20 * 200 / SPEED)
    twice = estimate.costs(experiment(attack={**TARGETED, "surrogates": 2}))
    assert twice.poison == pytest.approx(2 * 3 * 20 * 200 / SPEED)
    assert twice.surrogate == twice.train


def test_what_crafting_took_is_remembered_for_any_epsilon_and_by_budget() -> None:
    estimate.remember_poison(experiment(attack=TARGETED), 30.0)
    assert estimate.costs(experiment(attack={**TARGETED, "epsilon": 4, "target_class": 2})).poison == pytest.approx(30)
    assert estimate.costs(experiment(attack={**TARGETED, "poison_fraction": 0.1})).poison == pytest.approx(60)
    assert estimate.costs(experiment(attack={**TARGETED, "steps": 50})).poison != pytest.approx(30)
    estimate.remember_poison(experiment(attack=TARGETED), 10.0)
    assert estimate.costs(experiment(attack=TARGETED)).poison == pytest.approx(20)


def test_a_surrogate_of_another_kind_has_its_own_speed() -> None:
    cost = estimate.costs(experiment(attack={**TARGETED, "knowledge": "black_box", "surrogate_model": "linear"}))
    assert cost.surrogate == pytest.approx(400 * 5 / 25_000)
    assert cost.train == pytest.approx(400 * 5 / SPEED)


@pytest.mark.parametrize(
    "settings, expected",
    [
        # a surrogate; then crafting beside the control, which is shorter; then the victim
        ({}, 4 + 20 + 30 + 20 + 0.6),
        # two surrogates side by side; two keys beside each other, then the control as third; then two victims
        ({"attack": {**TARGETED, "surrogates": 2}, "keys": 2}, 4 + 20 + 50 + 20 + 1.2),
    ],
)
def test_a_targeted_run_waits_for_its_surrogates_and_poisons(settings: dict[str, Any], expected: float) -> None:
    asked = experiment(**{"attack": TARGETED, **settings})
    estimate.remember(asked, 4.0)
    estimate.remember_poison(asked, 30.0)
    assert estimate.seconds(asked) == pytest.approx(expected)


@pytest.mark.parametrize("knowledge, pretrained", [("white_box", 1), ("grey_box", 2)])
def test_who_shares_the_victims_weights_pretrains_nothing(knowledge: str, pretrained: int) -> None:
    asked = experiment(scenario="transfer", attack={**TARGETED, "knowledge": knowledge}, device="cpu")
    estimate.remember(asked, 0.2)
    estimate.remember_pretrain(asked, 3.0)
    estimate.remember_poison(asked, 30.0)
    each = 3.0 * asked.pretraining.training.epochs
    # on one lane everything adds up: two data sets, networks, a surrogate, crafting, control and victim
    assert estimate.seconds(asked, "cuda") == pytest.approx(8 + pretrained * each + 1 + 30 + 2 + 0.6)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"attack": None, "victims": 3},
        {"defenses": ["spectral_signatures"], "keys": 2, "victims": 2},
        {"attack": {**TARGETED, "surrogates": 3}},
        {"attack": {**TARGETED, "surrogates": 3}, "scenario": "fine_tune", "keys": 2},
        {"attack": {**TARGETED, "knowledge": "white_box"}, "scenario": "transfer"},
        {"attack": None, "scenario": "transfer"},
    ],
)
def test_models_are_counted_as_they_are_planned(settings: dict[str, Any]) -> None:
    asked = experiment(**settings)
    planned = [step for step in plan(asked) if step.kind in ("pretrain", "surrogate", "train")]
    assert estimate.trainings(asked) == len(planned)


def test_an_attack_that_trains_networks_while_it_crafts_is_told_apart() -> None:
    # three networks: half of five epochs to begin with, then ten steps of half an epoch, and 60 poisons a step
    meta = {"name": "metapoison", "poison_fraction": 0.05, "steps": 10, "advance": 0.5}
    cost = estimate.costs(experiment(attack=meta))
    assert cost.surrogate == 0
    assert cost.poison == pytest.approx(3 * (2.5 + 5) * 400 / SPEED + 3 * 3 * 10 * 20 / SPEED)


# ---- steps that wait for each other


@pytest.mark.parametrize("lanes, expected", [(1, 15.0), (2, 10.0), (3, 10.0)])
def test_a_makespan_respects_who_waits_for_whom(lanes: int, expected: float) -> None:
    # b waits for a, and a for nothing that is still to be done; c and d fill the other lane
    works = {"a": (5.0, ["done"]), "c": (3.0, []), "d": (2.0, []), "b": (5.0, ["a"])}
    assert estimate.makespan(works, lanes) == expected


def test_nothing_to_do_takes_no_time() -> None:
    assert estimate.makespan({}, 2) == 0


@pytest.mark.parametrize("cores, threads, lanes", [(1, 1, 1), (2, 1, 2), (4, 1, 4), (8, 2, 4), (16, 4, 4)])
def test_a_training_takes_as_many_cores_whatever_the_plan(
    cores: int, threads: int, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.device.cores", lambda: cores)
    assert (device.threads(), device.lanes(10, "cpu"), device.lanes(1, "cpu"), device.lanes(10, "mps")) == (
        threads,
        lanes,
        1,
        1,
    )
