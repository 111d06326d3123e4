"""Which arms stand beside each other, in what they differ, and which of them no other one beats."""

import os
from typing import Any

import pytest

from core.errors import SpecError
from core.runs import comparison
from core.runs.comparison import Point, compare, front
from core.runs.store import Store
from tests.comparing import ARMS, EPIC, Add, arm, rate


def labels(points: tuple[Point, ...]) -> list[tuple[str, str]]:
    return [(point.role, point.label) for point in points]


def test_every_arm_of_a_run_is_a_point_the_twins_last(add_run: Add) -> None:
    found = compare(add_run(), [])
    assert labels(found.points) == [
        ("control", "Clean baseline"),
        ("undefended", "No defense"),
        ("defense", "EPIC"),
        ("twin", "At random, as many as EPIC"),
    ]
    assert [point.cost for point in found.points] == [None, 1.0, 1.5, 1.0]
    assert [point.seconds for point in found.points] == [20, 200, 300, 200]
    assert found.points[2].success == rate(0.3) and found.points[2].accuracy == rate(0.93, 0.01)


def test_strengths_are_the_settings_in_which_points_of_a_method_differ(add_run: Add) -> None:
    run = add_run()
    strong = add_run({"undefended": arm(0.8, 0.95), "epic": arm(0.1, 0.9)}, defenses=[{**EPIC, "share": 0.3}])
    weak = add_run({"undefended": arm(0.8, 0.95), "epic": arm(0.5, 0.94)}, defenses=[{**EPIC, "share": 0.1}])
    found = compare(run, [strong, weak])
    assert [point.label for point in found.defended] == ["EPIC · q 0.1", "EPIC · q 0.2", "EPIC · q 0.3"]
    assert [point.run for point in found.defended] == [weak.id, run.id, strong.id]
    assert [other.id for other in found.standing] == [run.id, strong.id, weak.id]


def test_a_method_alone_is_told_by_what_is_not_its_default(add_run: Add) -> None:
    found = compare(add_run(defenses=[{**EPIC, "every": 3, "metric": "cosine"}]), [])
    assert found.defended[0].label == "EPIC · every 3, metric cosine"


def test_the_same_arm_of_equal_experiments_stands_once(add_run: Add) -> None:
    run = add_run()
    both = {**ARMS, "spectral_signatures": arm(0.75, 0.94)}
    other = add_run(both, defenses=[EPIC, "spectral_signatures"], name="other", device="cpu")
    found = compare(run, [other, run])
    assert [(point.run, point.name) for point in found.defended] == [
        (run.id, "EPIC"),
        (other.id, "Spectral signatures"),
    ]


def test_settings_that_only_add_controls_make_no_other_point(add_run: Add) -> None:
    run, other = add_run(), add_run(defenses=[{**EPIC, "controls": ["loss"]}])
    assert [point.label for point in compare(run, [other]).defended] == ["EPIC"]


def test_a_filter_pays_for_the_training_that_it_reads(add_run: Add) -> None:
    reads = {"kind": "filter", "key": "f", "defense": "spectral_signatures"}
    arms = {
        "undefended": arm(0.8, 0.95),
        "spectral_signatures": arm(0.5, 0.9, 90),
        "spectral_signatures_random": arm(0.8, 0.9, 90),
    }
    found = compare(add_run(arms, steps=(reads,), defenses=["spectral_signatures"]), [])
    assert {point.role: point.cost for point in found.points} == pytest.approx(
        {"control": None, "undefended": 1.0, "defense": 1.9, "twin": 0.9}
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"data_key": "another folder"}, "other images"),
        ({"data": {"name": "signs", "train": 500}}, "other images"),
        ({"model": "mlp"}, "another network"),
        ({"training": {"epochs": 3}}, "another training"),
        ({"scenario": "fine_tune"}, "another scenario"),
        ({"attack": {"name": "feature_collision"}}, "another attack"),
        ({"attack": {"epsilon": 8}}, "the attack is set differently"),
        ({"keys": 3}, "another number of keys"),
        ({"victims": 2}, "another number of victims"),
        ({"seed": 1}, "another seed"),
    ],
)
def test_what_differs_in_anything_but_defenses_is_left_out_and_says_why(
    add_run: Add, changes: dict[str, Any], why: str
) -> None:
    run = add_run()
    other = add_run(**changes)
    found = compare(run, [other])
    assert [(left.id, reason) for left, reason in found.left] == [(other.id, why)]
    assert [each.id for each in found.standing] == [run.id]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("queued", "still on its way"),
        ("running", "still on its way"),
        ("failed", "failed"),
        ("lost", "its worker vanished"),
        ("cancelled", "stopped before its end"),
    ],
)
def test_runs_without_a_result_are_left_out(add_run: Add, state: str, why: str) -> None:
    run = add_run()
    other = add_run(state=state)
    assert [reason for _, reason in compare(run, [other]).left] == [why]


def test_a_run_that_is_asked_about_and_not_done_has_no_points(add_run: Add) -> None:
    found = compare(add_run(state="running"), [add_run()])
    assert [reason for _, reason in found.left] == ["still on its way"]
    assert [point.role for point in found.points] == ["control", "undefended", "defense", "twin"]


def test_arms_without_a_rate_are_named_and_not_placed(add_run: Add) -> None:
    found = compare(add_run({"undefended": arm(0.8, 0.95), "epic": arm(None, 0.9)}), [])
    assert found.unplaced == ("EPIC",) and not found.defended
    measured = add_run(name="measured")
    assert compare(add_run({"undefended": arm(0.8, 0.95), "epic": arm(None, 0.9)}), [measured]).unplaced == ()


def test_a_run_whose_success_was_not_measured_says_so(add_run: Add) -> None:
    other = add_run({"undefended": arm(None, 0.9)})
    assert [why for _, why in compare(add_run(), [other]).left] == ["attack success was not measured"]


def test_attackers_that_expect_different_defenses_are_different_attackers(add_run: Add) -> None:
    knowing = {"adaptive": "surrogate"}
    run = add_run(attack=knowing)
    same = add_run(attack=knowing, defenses=[EPIC, "spectral_signatures"])
    other = add_run(attack=knowing, defenses=[{**EPIC, "share": 0.1}])
    found = compare(run, [same, other])
    assert [(left.id, why) for left, why in found.left] == [(other.id, comparison.EXPECTS)]


def test_a_spec_that_this_version_cannot_read(run_store: Store, add_run: Add) -> None:
    run = add_run()
    odd = run_store.queue({**run.spec, "model": {"name": "of the future"}}, spec_hash="x", name="odd")
    run_store.claim()
    run_store.begin(odd, os.getpid(), "cpu", [])
    run_store.finish(odd, "done", result={"arms": ARMS, "control": arm(0.0, 0.96)})
    assert [why for _, why in compare(run, [run_store.run(odd)]).left] == ["made by another version"]
    with pytest.raises(SpecError, match="of the future"):
        compare(run_store.run(odd), [run])


# ---- the front


def point(success: float, accuracy: float, name: str = "", role: Any = "defense", **more: Any) -> Point:
    defense = {"name": name.lower(), **more} if role == "defense" else None
    return Point("r-1", name, role, defense, name, "", rate(success), rate(accuracy, 0.01), 1.0, 1.0)


def test_the_front_are_the_points_that_no_other_one_beats() -> None:
    a, b, c, d = point(0.0, 0.80), point(0.1, 0.90), point(0.5, 0.95), point(0.2, 0.90)
    assert front([d, c, a, b]) == [a, b, c]  # d has the accuracy of b and lets more through


def test_of_equal_points_one_is_on_the_front() -> None:
    first, second = point(0.1, 0.9, "A"), point(0.1, 0.9, "B")
    assert front([first, second]) == [first]
    assert front([]) == []


def test_a_point_that_is_best_at_both_is_the_whole_front() -> None:
    best = point(0.0, 0.99)
    assert front([point(0.0, 0.9), best, point(0.3, 0.95)]) == [best]
