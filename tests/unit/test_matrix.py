"""Attacks against defenses: what is a row, what a column, and what is left out."""

from typing import Any

import pytest

from core.runs.matrix import Matrix, matrix
from tests.comparing import ARMS, EPIC, Add, arm

PATCH: dict[str, Any] = {"name": "badnets", "epsilon": 0}
POISONING = {"name": "adversarial_poisoning", "part": 0.5}


def told(found: Matrix) -> dict[tuple[str, str], float]:
    return {
        (found.rows[row], found.columns[column]): cell.success["mean"] for (row, column), cell in found.cells.items()
    }


def defended(success: float, accuracy: float = 0.93, name: str = "epic") -> dict[str, Any]:
    return {"undefended": arm(0.8, 0.95), name: arm(success, accuracy, 300)}


def test_one_run_is_one_row(add_run: Add) -> None:
    found = matrix(add_run(), [])
    assert (found.rows, found.columns) == (("Gradient matching",), ("No defense", "EPIC"))
    plain, epic = found.cells[0, 0], found.cells[0, 1]
    assert (plain.success["mean"], plain.drop, plain.cost) == (0.8, None, 1.0)
    assert (epic.success["mean"], epic.drop, epic.cost) == (0.3, pytest.approx(0.02), 1.5)
    # the intervals of both accuracies are 0.01 to each side
    assert (epic.low, epic.high) == pytest.approx((0.02 - 0.0141421, 0.02 + 0.0141421), abs=1e-6)


def test_another_attack_is_another_row_and_what_was_not_run_is_no_cell(add_run: Add) -> None:
    run = add_run()
    other = add_run(
        defended(0.0, name="cutout"), attack={"name": "feature_collision", "steps": 120}, defenses=["cutout"]
    )
    found = matrix(run, [other])
    assert found.rows == ("Gradient matching", "Feature collision")
    assert found.columns == ("No defense", "EPIC", "Cutout")
    assert set(found.cells) == {(0, 0), (0, 1), (1, 0), (1, 2)}


def test_rows_of_one_attack_are_told_apart_by_settings_and_trials(add_run: Add) -> None:
    run = add_run()
    others = [add_run(attack={"epsilon": 8}), add_run(keys=3), add_run(seed=4)]
    assert matrix(run, others).rows == (
        "Gradient matching · epsilon 16/255 · 1 key, seed 0",
        "Gradient matching · epsilon 8/255",
        "Gradient matching · epsilon 16/255 · 3 keys, seed 0",
        "Gradient matching · epsilon 16/255 · 1 key, seed 4",
    )


def test_without_the_truth_attacks_are_not_told_by_their_settings(add_run: Add) -> None:
    found = matrix(add_run(), [add_run(attack={"epsilon": 8, "adaptive": "surrogate"})], truth=False)
    assert found.rows == ("Gradient matching · oblivious", "Gradient matching · its surrogates know the defense")


def test_every_level_of_knowing_is_a_row_and_meets_the_defense_that_it_expects(add_run: Add) -> None:
    both = [EPIC, POISONING]
    oblivious = add_run({**defended(0.3), "adversarial_poisoning": arm(0.0, 0.94, 900)}, defenses=both)
    knowing = add_run(
        {**defended(0.5), "adversarial_poisoning": arm(0.1, 0.94, 900)}, attack={"adaptive": "step"}, defenses=both
    )
    other = add_run(
        {"undefended": arm(0.7, 0.95), "adversarial_poisoning": arm(0.2, 0.94, 900)},
        attack={"adaptive": "step"},
        defenses=[POISONING],
    )
    found = matrix(oblivious, [knowing, other])
    step = "Gradient matching · crafts through the defense’s step · expects"
    assert told(found) == {
        ("Gradient matching · oblivious", "No defense"): 0.8,
        ("Gradient matching · oblivious", "EPIC"): 0.3,
        ("Gradient matching · oblivious", "Adversarial poisoning · p 0.5"): 0.0,
        (f"{step} EPIC", "No defense"): 0.8,
        (f"{step} EPIC", "EPIC"): 0.5,  # the first of two defenses is the one that is known
        (f"{step} Adversarial poisoning · p 0.5", "No defense"): 0.7,  # other poisons, so a rate of their own
        (f"{step} Adversarial poisoning · p 0.5", "Adversarial poisoning · p 0.5"): 0.2,
    }
    assert found.cells[1, 1].expects == "EPIC" and found.cells[0, 1].expects == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": "mlp"}, "another network"),
        ({"data_key": "e"}, "other images"),
        ({"state": "running"}, "still on its way"),
    ],
)
def test_other_images_networks_and_trainings_are_left_out(add_run: Add, changes: dict[str, Any], why: str) -> None:
    run = add_run()
    other = add_run(**changes)
    assert [(left.id, reason) for left, reason in matrix(run, [other]).left] == [(other.id, why)]


def test_a_run_that_is_not_done_has_no_row(add_run: Add) -> None:
    found = matrix(add_run(state="failed"), [])
    assert (found.rows, found.cells) == ((), {})


def test_arms_without_a_rate_have_no_cell(add_run: Add) -> None:
    found = matrix(add_run({**ARMS, "epic": arm(None, 0.9)}), [])
    assert found.columns == ("No defense",)


def test_attacks_that_met_no_defense_are_rows_on_request(add_run: Add) -> None:
    run = add_run({"undefended": arm(0.8, 0.95)}, defenses=[])
    bare = add_run({"undefended": arm(0.8, 0.95)}, defenses=[], seed=1)
    other = add_run(seed=2)
    assert len(matrix(run, [bare, other]).rows) == 3
    found = matrix(run, [bare, other], bare=False)
    assert found.rows == ("Gradient matching · seed 0", "Gradient matching · seed 2")
    assert [(left.id, why) for left, why in found.left] == [(bare.id, "its attack has met no defense")]
