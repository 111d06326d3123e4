"""Expected seconds: a guess at first, then what was measured here."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core import device, estimate, remembered, spec
from core.spec import Experiment
from core.steps import plan


@pytest.fixture(autouse=True)
def two_cores(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device.cores", lambda: 2)


def experiment(**settings: Any) -> Experiment:
    small = {"data": {"name": "signs", "train": 400, "test": 100}, "model": "mlp", "training": {"epochs": 5}}
    return spec.parse({**small, **settings})


SPEED = 15_000
"""Guessed images of a perceptron in a second."""


def guess(rows: float, epochs: int = 5, speed: float = SPEED) -> Any:
    """Seconds of a training with its measuring: a thousand images after every epoch, and 4,000 at the end."""
    return pytest.approx((epochs * rows + (epochs * 1000 + 4000) / 3) / speed)


def test_a_guess_by_network_and_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert estimate.costs(experiment()).train == guess(400)
    assert estimate.costs(experiment(model="resnet18")).train == guess(400, speed=30)
    assert estimate.costs(experiment(model="resnet18"), "cuda").train == guess(400, speed=30 * estimate.GPU)
    assert estimate.costs(experiment(), "cuda").train == guess(400, speed=estimate.GPU_MOST)
    monkeypatch.setattr("core.device.cores", lambda: 8)  # two of them for one training
    assert estimate.costs(experiment()).train == guess(400, speed=2 * SPEED)


def test_what_was_measured_replaces_the_guess_and_is_averaged() -> None:
    remembered.keep_epoch(experiment(), 4.0)
    assert estimate.costs(experiment()).train == 20.0  # five epochs of four seconds
    remembered.keep_epoch(experiment(), 2.0)
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
    remembered.keep_epoch(experiment(), 4.0)
    assert (estimate.costs(experiment(**settings)).train == 20.0) == same


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"KEY": 0}', '{"KEY": "fast"}', '{"KEY": -3}', '{"KEY": null}']
)
def test_a_damaged_memory_is_no_memory(text: str, home: Path) -> None:
    remembered.keep_epoch(experiment(), 4.0)
    (key,) = json.loads((home / "seconds_per_epoch.json").read_text())
    (home / "seconds_per_epoch.json").write_text(text.replace("KEY", key))
    assert estimate.costs(experiment()).train == guess(400)
    remembered.keep_epoch(experiment(), 4.0)
    assert estimate.costs(experiment()).train == 20.0


def test_many_threads_keep_what_they_found(home: Path) -> None:
    def keep(number: int) -> None:
        remembered.keep_rows(experiment(**{"data": {"name": "signs", "train": 1000 + number}}).data, 1000 + number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(80)))
    assert len(json.loads((home / remembered.ROWS).read_text())) == 80
    assert {path.name for path in home.iterdir()} == {remembered.ROWS, "remembered.lock"}


FEW = {"name": "folder", "path": "/nowhere", "classes": ["ant", "bee", "cow"], "train_per_class": 50}


@pytest.mark.parametrize(
    "data, rows",
    [({"name": "torchvision_set", "train_per_class": 30}, 300), ("digits", 1297), (FEW, 150)],
)
def test_rows_are_what_the_settings_tell(data: Any, rows: int) -> None:
    assert estimate.costs(experiment(data=data)).train == guess(rows)


@pytest.mark.parametrize(
    "settings, rows",
    [
        ({"collection": "cifar100"}, 50_000),
        ({"collection": "gtsrb", "train_per_class": 10}, 430),
        ({"collection": "svhn", "train_per_class": 9000}, 73_257),
    ],
)
def test_collections_are_known_before_they_are_downloaded(settings: dict[str, Any], rows: int) -> None:
    assert estimate.rows(experiment(data={"name": "torchvision_set", **settings}).data) == rows


def test_rows_are_those_that_were_counted_once_the_data_were_read() -> None:
    brought = {"name": "folder", "path": "/nowhere"}
    assert estimate.rows(experiment(data=brought).data) == estimate.GUESSED_ROWS
    remembered.keep_rows(experiment(data=brought).data, 1300)
    assert estimate.rows(experiment(data=brought).data) == 1300
    assert estimate.costs(experiment(data=brought)).train == guess(1300)
    assert estimate.rows(experiment(data={**brought, "size": 16}).data) != 1300
    remembered.keep_rows(experiment(data=brought).data, 1400)
    assert estimate.rows(experiment(data=brought).data) == 1400  # a count is no speed: the newest holds


def test_a_data_set_is_read_row_by_row() -> None:
    assert estimate.costs(experiment()).data == pytest.approx(0.5 + 400 * 0.0005)
    remembered.keep_look(experiment(), "data", 9.0)
    assert estimate.costs(experiment(attack=None)).data == 9.0


# ---- pretraining, surrogates, crafting

TARGETED = {"name": "gradient_matching", "poison_fraction": 0.05, "steps": 100, "restarts": 2}


def test_victims_train_on_what_pretraining_leaves_them() -> None:
    part = experiment(scenario="fine_tune", pretraining={"part": 0.25, "training": {"epochs": 3}})
    cost = estimate.costs(part)
    assert cost.train == guess(300)
    assert cost.pretrain == guess(100, 3)
    other = {"data": {"name": "signs", "train": 900, "seed": 9}, "training": {"epochs": 3}}
    cost = estimate.costs(experiment(scenario="fine_tune", pretraining=other))
    assert (cost.train, cost.pretrain) == (guess(400), guess(900, 3))


def test_frozen_features_cost_forward_passes_only() -> None:
    half = {"pretraining": {"part": 0.5}}
    assert estimate.costs(experiment(scenario="fine_tune", **half)).train == guess(200)
    assert estimate.costs(experiment(scenario="transfer", **half)).train == guess(200 / 3)


def test_from_scratch_nothing_is_pretrained_and_no_part_is_set_aside() -> None:
    cost = estimate.costs(experiment(pretraining={"part": 0.9}))
    assert (cost.pretrain, cost.surrogate, cost.train) == (0, 0, guess(400))


def test_a_speed_belongs_to_its_scenario() -> None:
    transfer = experiment(scenario="transfer")
    remembered.keep_epoch(experiment(), 4.0)
    remembered.keep_epoch(transfer, 1.0)
    remembered.keep_pretraining_epoch(transfer, 2.0)
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
    remembered.keep_crafting(experiment(attack=TARGETED), 30.0)
    assert estimate.costs(experiment(attack={**TARGETED, "epsilon": 4, "target_class": 2})).poison == pytest.approx(30)
    assert estimate.costs(experiment(attack={**TARGETED, "poison_fraction": 0.1})).poison == pytest.approx(60)
    assert estimate.costs(experiment(attack={**TARGETED, "steps": 50})).poison != pytest.approx(30)
    remembered.keep_crafting(experiment(attack=TARGETED), 10.0)
    assert estimate.costs(experiment(attack=TARGETED)).poison == pytest.approx(20)


def test_a_surrogate_of_another_kind_has_its_own_speed() -> None:
    cost = estimate.costs(experiment(attack={**TARGETED, "knowledge": "black_box", "surrogate_model": "linear"}))
    assert cost.surrogate == guess(400, speed=25_000)
    assert cost.train == guess(400)


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
        {"defenses": [{"name": "epic", "controls": ["random", "loss"]}, "mixup", "deep_knn"], "victims": 2},
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
    assert cost.poison == pytest.approx(3 * (2.5 + 5) / 5 * cost.train + 3 * 3 * 10 * 20 / SPEED)
    remembered.keep_crafting(experiment(attack=meta), 3.0)
    assert estimate.costs(experiment(attack=meta)).poison == pytest.approx(3.0)
    assert estimate.costs(experiment(attack=meta, training={"epochs": 50})).poison > 4.5


# ---- defenses that take part


DEAR = {"name": "maxup", "copies": 3}


def test_a_defended_training_is_guessed_from_its_passes() -> None:
    cost = estimate.costs(experiment(defenses=[DEAR, "deep_knn"]))
    assert cost.defended == {"maxup": guess(3 * 400)}  # a filter takes no part
    # friendly noise is found once, in 10 steps and a forward pass, spread over five epochs
    once = {"name": "friendly_noise", "steps": 10}
    assert estimate.costs(experiment(defenses=[once])).defended == {
        "friendly_noise": guess(400 * (1 + (10 + 1 / 3) / 5))
    }


def test_a_measured_training_tells_of_a_defended_one_until_that_is_measured_too() -> None:
    asked = experiment(defenses=[DEAR])
    remembered.keep_epoch(asked, 2.0)
    assert estimate.costs(asked).defended["maxup"] == pytest.approx(5 * 2 * 3)
    remembered.keep_epoch(asked, 7.0, defense=asked.defenses[0])
    assert (estimate.costs(asked).defended["maxup"], estimate.costs(asked).train) == (35.0, 10.0)
    other = experiment(defenses=[{**DEAR, "copies": 2}])
    assert estimate.costs(other).defended["maxup"] == pytest.approx(5 * 2 * 2)


@pytest.mark.parametrize("defended, inside, before", [("no", True, False), ("also", True, True), ("only", False, True)])
def test_pretraining_costs_what_its_defense_does(defended: str, inside: bool, before: bool) -> None:
    apart = {"part": 0.5, "training": {"epochs": 3}, "defended": defended}
    cost = estimate.costs(experiment(scenario="fine_tune", pretraining=apart, defenses=[DEAR]))
    assert cost.defended == ({"maxup": guess(3 * 200)} if inside else {})
    assert cost.defended_pretraining == ({"maxup": guess(3 * 200, 3)} if before else {})


def test_surrogates_of_who_knows_the_defense_cost_as_much() -> None:
    attack = {**TARGETED, "adaptive": "surrogate"}
    assert estimate.costs(experiment(attack=attack, defenses=[DEAR])).surrogate == guess(3 * 400)


def test_crafting_through_the_step_of_a_defense_takes_its_passes_too() -> None:
    # ten steps on three of four images, and the fourth's gradient of one layer: 1 + 7.5 + 0.25 / 3 passes, one of them
    # among the three of crafting
    robust = {"name": "adversarial_poisoning", "proxy": "last_layer", "part": 0.75, "steps": 10}
    asked = experiment(attack={**TARGETED, "adaptive": "step"}, defenses=[robust])
    assert estimate.costs(asked).poison == pytest.approx((3 + 7.5 + 0.25 / 3) * 20 * 200 / SPEED)


# ---- looks


def test_a_look_is_guessed_from_its_forward_passes_and_then_remembered() -> None:
    assert estimate.costs(experiment()).look("features") == pytest.approx(400 / 3 / SPEED)
    assert estimate.costs(experiment()).look("score", "deep_knn") == estimate.LOOK
    asked = experiment(defenses=["deep_knn", "spectral_signatures"])
    remembered.keep_look(asked, "features", 1.5)
    remembered.keep_look(asked, "score", 2.5, asked.defenses[0])
    cost = estimate.costs(asked)
    assert (cost.look("features"), cost.look("score", "deep_knn")) == (1.5, 2.5)
    assert cost.look("score", "spectral_signatures") == estimate.LOOK


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
