"""Which runs stand on one curve: equal but for one setting, whatever they are called and wherever they ran."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.axes import ADVERSARIAL_PART, AXES, BUDGET, EPIC_SHARE, EPSILON, Axis
from core.errors import SpecError
from core.runs import sweep
from core.runs.record import Run
from core.runs.store import Store
from core.spec import parse

ATTACK = {"name": "gradient_matching", "epsilon": 16, "poison_fraction": 0.01}
Add = Callable[..., Run]


@pytest.fixture
def store(home: Path) -> Any:
    opened = Store()
    yield opened
    opened.close()


def rate(mean: float) -> dict[str, Any]:
    return {"mean": mean, "low": mean / 2, "high": (1 + mean) / 2, "n": 20, "seeds": 2, "interval": "wilson"}


@pytest.fixture
def add(store: Store) -> Add:
    """Adds a run: `add("done", {"epsilon": 8}, keys=3)` changes the attack and the experiment."""

    def make(state: str = "done", attack: dict[str, Any] | None = None, *, data_key: str = "d", **changes: Any) -> Run:
        asked = parse({"attack": {**ATTACK, **(attack or {})}, **changes})
        run_id = store.queue(asked.model_dump(mode="json"), spec_hash=asked.hash(), name=asked.name)
        if state != "queued":
            assert store.claim() == run_id
            store.begin(run_id, os.getpid(), "cpu", [{"kind": "data", "key": data_key}])
        if state not in ("queued", "running"):
            arms = {
                "undefended": {"asr": rate(0.8), "clean_accuracy": rate(0.6)},
                "epic": {"asr": rate(0.2)},
                "deaf": {"asr": None, "clean_accuracy": rate(0.5)},
            }
            result = {"arms": arms, "control": {"asr": rate(0.0)}}
            store.finish(run_id, state, result=result if state == "done" else None)
        return store.run(run_id)

    return make


def values(store: Store, run: Run, axis: Axis = EPSILON) -> list[float]:
    return [point.value for point in sweep.sweep(store, run, axis).points]


def at(store: Store, run: Run, epsilon: int) -> tuple[str, list[str]]:
    """The run that stands for a value, and its arms."""
    point = sweep.sweep(store, run, EPSILON).at(epsilon)
    assert point is not None
    return point.run.id, list(point.rates)


def test_runs_that_differ_in_the_setting_only_stand_on_one_curve_in_its_order(store: Store, add: Add) -> None:
    run, eight, other = add(), add(attack={"epsilon": 8}), add(attack={"epsilon": 32}, name="other", device="cpu")
    found = sweep.sweep(store, run, EPSILON)
    assert [(point.value, point.run.id) for point in found.points] == [(8, eight.id), (16, run.id), (32, other.id)]
    assert (found.own, found.beside, found.live) == (16, 0, False)


def test_rates_are_those_of_every_arm_that_has_one_the_control_first(store: Store, add: Add) -> None:
    (point,) = sweep.sweep(store, add(), EPSILON).points
    assert list(point.rates) == ["control", "undefended", "epic"]
    assert point.rates["undefended"] == rate(0.8)
    assert point.accuracies == {"undefended": rate(0.6)}


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"model": "mlp"},
        {"training": {"epochs": 3}},
        {"data": {"name": "signs", "train": 500}},
        {"attack": {**ATTACK, "epsilon": 8, "poison_fraction": 0.02}},
        {"attack": {**ATTACK, "epsilon": 8, "steps": 3}},
        {"attack": "badnets"},
        {"attack": None},
    ],
)
def test_what_differs_in_anything_else_stays_away(store: Store, add: Add, changes: dict[str, Any]) -> None:
    run = add()
    asked = parse({"attack": {**ATTACK, "epsilon": 8}, **changes})
    store.queue(asked.model_dump(mode="json"), spec_hash=asked.hash(), name="other")
    found = sweep.sweep(store, run, EPSILON)
    assert ([point.value for point in found.points], found.beside) == ([16], 0)


@pytest.mark.parametrize("changes", [{"keys": 3}, {"victims": 2}, {"defenses": ["spectral_signatures"]}])
def test_other_keys_victims_or_defenses_are_counted_but_not_pooled(
    store: Store, add: Add, changes: dict[str, Any]
) -> None:
    run = add()
    add(attack={"epsilon": 8}, **changes)
    found = sweep.sweep(store, run, EPSILON)
    assert ([point.value for point in found.points], found.beside) == ([16], 1)


def test_what_is_measured_besides_does_not_count(store: Store, add: Add) -> None:
    run = add()
    add(attack={"epsilon": 8}, analysis={"spectral": False})
    assert values(store, run) == [8, 16]


def test_pretraining_counts_where_something_is_pretrained(store: Store, add: Add) -> None:
    run = add()
    add(attack={"epsilon": 8}, pretraining={"part": 0.2})
    assert values(store, run) == [8, 16]
    tuned = add(scenario="fine_tune")
    add(attack={"epsilon": 8}, scenario="fine_tune", pretraining={"part": 0.2})
    assert values(store, tuned) == [16]


def test_an_older_spec_without_todays_settings_is_read_with_their_defaults(store: Store, add: Add) -> None:
    run = add()
    spec = parse({"attack": {**ATTACK, "epsilon": 8}}).model_dump(mode="json")
    for name in ("pretraining", "scenario", "analysis"):
        del spec[name]
    del spec["attack"]["steps"]
    store.queue(spec, spec_hash="of another day", name="old")
    assert values(store, run) == [8, 16]


def test_the_same_settings_on_changed_images_stay_away(store: Store, add: Add) -> None:
    run = add()
    add(attack={"epsilon": 8}, data_key="another folder")
    assert values(store, run) == [16]


def test_a_spec_that_this_version_cannot_read_is_passed_over(store: Store, add: Add) -> None:
    run = add()
    store.queue({**run.spec, "model": {"name": "of the future"}}, spec_hash="x", name="odd")
    assert values(store, run) == [16]


def test_one_value_is_one_point_a_finished_run_before_one_on_its_way_before_a_failed_one(
    store: Store, add: Add
) -> None:
    run = add()
    add("failed", {"epsilon": 8})
    newest_failed = add("cancelled", {"epsilon": 8})
    assert at(store, run, 8) == (newest_failed.id, [])
    done = add(attack={"epsilon": 8})
    assert at(store, run, 8) == (done.id, ["control", "undefended", "epic"])
    add("queued", {"epsilon": 8})
    assert at(store, run, 8)[0] == done.id


def test_the_run_itself_is_its_own_point_although_a_newer_one_is_the_same(store: Store, add: Add) -> None:
    run = add()
    add(name="again")
    (point,) = sweep.sweep(store, run, EPSILON).points
    assert point.run.id == run.id


def test_a_curve_with_a_run_on_its_way_is_live(store: Store, add: Add) -> None:
    run = add()
    add("queued", {"epsilon": 8})
    assert sweep.sweep(store, run, EPSILON).live
    assert sweep.sweep(store, run, BUDGET).live is False


def test_budgets_are_an_axis_of_their_own(store: Store, add: Add) -> None:
    run = add()
    add(attack={"poison_fraction": 0.005})
    add(attack={"poison_fraction": 0.1 + 0.2})  # 0.30000000000000004 is 30 %
    add(attack={"epsilon": 4})
    assert values(store, run, BUDGET) == [0.005, 0.01, 0.3]
    assert values(store, run) == [4, 16]


def test_axes_are_the_settings_that_an_attack_has(store: Store, add: Add) -> None:
    assert sweep.axes(add()) == (EPSILON, BUDGET)
    badnets = parse({"attack": "badnets"})
    run_id = store.start(badnets.model_dump(mode="json"), spec_hash="b", name="stamp")
    assert sweep.axes(store.run(run_id)) == ()  # nothing was measured yet
    store.finish(run_id, "done", result={"arms": {"undefended": {"asr": rate(1.0)}}, "control": {}})
    assert sweep.axes(store.run(run_id)) == (BUDGET,)


def test_proposed_are_epsilons_and_multiples_of_the_budget_that_nobody_tried(store: Store, add: Add) -> None:
    run = add()
    add("failed", {"epsilon": 8})
    add("queued", {"epsilon": 4})
    by_epsilon = sweep.sweep(store, run, EPSILON)
    assert sweep.proposed(run.spec, by_epsilon) == [32]
    by_budget = sweep.sweep(store, run, BUDGET)
    assert sweep.proposed(run.spec, by_budget) == [0.005, 0.02, 0.04]


def test_nothing_illegal_is_proposed(store: Store, add: Add) -> None:
    run = add(attack={"poison_fraction": 0.25})
    assert sweep.proposed(run.spec, sweep.sweep(store, run, BUDGET)) == [0.125, 0.5]


def test_an_experiment_at_another_value_differs_in_that_alone(add: Add) -> None:
    run = add()
    moved = sweep.at(run.spec, EPSILON, 8).model_dump(mode="json")
    assert moved["attack"].pop("epsilon") == 8
    expected = parse(run.spec).model_dump(mode="json")
    del expected["attack"]["epsilon"]
    assert moved == expected
    with pytest.raises(SpecError, match="epsilon"):
        sweep.at(run.spec, EPSILON, 0)


# ---- a defense's setting


def epic(share: float, **settings: Any) -> dict[str, Any]:
    return {"name": "epic", "share": share, **settings}


def shares(store: Store, run: Run) -> tuple[list[float], int]:
    found = sweep.sweep(store, run, EPIC_SHARE)
    return [point.value for point in found.points], found.beside


def test_runs_that_differ_in_the_share_of_epic_only_stand_on_one_curve(store: Store, add: Add) -> None:
    spectral = "spectral_signatures"
    run = add(defenses=[spectral, epic(0.2)])
    other = add(defenses=[spectral, epic(0.1)], name="other")
    found = sweep.sweep(store, run, EPIC_SHARE)
    assert [(point.value, point.run.id) for point in found.points] == [(0.1, other.id), (0.2, run.id)]
    assert (found.own, found.beside) == (0.2, 0)


def test_a_share_that_is_not_written_down_is_its_default(store: Store, add: Add) -> None:
    run = add(defenses=[epic(0.3)])
    spec = parse({"attack": ATTACK, "defenses": ["epic"]}).model_dump(mode="json")
    del spec["defenses"][0]["share"]
    store.queue(spec, spec_hash="of another day", name="old")
    assert shares(store, run) == ([0.2, 0.3], 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": 3},
        {"victims": 2},
        {"defenses": [epic(0.1, every=3)]},
        {"defenses": [epic(0.1, controls=["loss"])]},
        {"defenses": [epic(0.1), "spectral_signatures"]},
    ],
)
def test_other_settings_of_epic_or_other_defenses_are_counted_but_not_on_its_curve(
    store: Store, add: Add, changes: dict[str, Any]
) -> None:
    run = add(defenses=[epic(0.2)])
    add(**{"defenses": [epic(0.1)], **changes})
    assert shares(store, run) == ([0.2], 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"attack": {"epsilon": 8}},
        {"training": {"epochs": 3}},
        {"defenses": []},
        {"defenses": ["spectral_signatures"]},
    ],
)
def test_what_differs_beyond_defenses_or_has_no_share_stays_away(
    store: Store, add: Add, changes: dict[str, Any]
) -> None:
    run = add(defenses=[epic(0.2)])
    add(**{"defenses": [epic(0.1)], **changes})
    assert shares(store, run) == ([0.2], 0)


def test_a_run_with_another_share_is_beside_the_curve_over_epsilon(store: Store, add: Add) -> None:
    run = add(defenses=[epic(0.2)])
    add(attack={"epsilon": 8}, defenses=[epic(0.1)])
    found = sweep.sweep(store, run, EPSILON)
    assert ([point.value for point in found.points], found.beside) == ([16], 1)


def test_the_share_is_an_axis_only_where_epic_defends(add: Add) -> None:
    assert sweep.axes(add(defenses=[epic(0.2)])) == (EPSILON, BUDGET, EPIC_SHARE)
    assert sweep.axes(add(defenses=["spectral_signatures"])) == (EPSILON, BUDGET)
    assert sweep.axes(add(defenses=["adversarial_poisoning"])) == (EPSILON, BUDGET, ADVERSARIAL_PART)


def test_without_epic_there_is_no_curve_over_its_share(store: Store, add: Add) -> None:
    with pytest.raises(SpecError, match="epic-share"):
        sweep.sweep(store, add(), EPIC_SHARE)


def test_proposed_are_the_three_shares_that_nobody_tried(store: Store, add: Add) -> None:
    run = add(defenses=[epic(0.2)])
    assert sweep.proposed(run.spec, sweep.sweep(store, run, EPIC_SHARE)) == [0.1, 0.3]
    add("failed", defenses=[epic(0.3)])
    assert sweep.proposed(run.spec, sweep.sweep(store, run, EPIC_SHARE)) == [0.1]


def test_another_share_changes_that_defense_alone(add: Add) -> None:
    run = add(defenses=["spectral_signatures", epic(0.2, every=3)])
    moved = sweep.at(run.spec, EPIC_SHARE, 0.3).model_dump(mode="json")
    assert [defense.get("share") for defense in moved["defenses"]] == [None, 0.3]
    moved["defenses"][1]["share"] = 0.2
    assert moved == run.spec
    with pytest.raises(SpecError, match="share"):
        sweep.at(run.spec, EPIC_SHARE, 1)


# ---- how values are written


@pytest.mark.parametrize(
    ("axis", "value", "typed", "words", "named"),
    [
        (EPSILON, 8, "8", "8/255", "epsilon 8/255"),
        (BUDGET, 0.015, "1.5", "1.5 %", "budget 1.5 %"),
        (EPIC_SHARE, 0.1, "0.1", "0.1", "q 0.1"),
    ],
)
def test_a_value_is_read_as_it_is_written(axis: Axis, value: float, typed: str, words: str, named: str) -> None:
    assert (axis.typed(value), axis.words(value), axis.named(value)) == (typed, words, named)
    assert axis.parse(typed) == value and type(axis.parse(typed)) is type(value)
    assert re.fullmatch(axis.pattern, named) and not re.fullmatch(axis.pattern, "q of mine")
    with pytest.raises(ValueError):
        axis.parse("eight")


def test_axes_have_names_and_labels_of_their_own() -> None:
    assert [axis.name for axis in AXES] == ["epsilon", "poison_fraction", "epic-share", "adversarial_poisoning-part"]
    assert [axis.label for axis in AXES] == ["Epsilon", "Poison budget", "EPIC q", "Adversarial poisoning’s p"]
