"""Success per poison and places, worked out by hand on made-up results."""

from typing import Any

import pytest

from core.metrics import Rate, difference
from core.runs.alike import normal
from core.runs.leaderboard import Entry, board, places
from core.runs.store import Store
from tests.comparing import EPIC, Add, arm

FOUND = {"tpr": 0.5, "fpr": 0.0, "precision": 0.5, "auroc": 0.9, "removed": 10}


def told(success: float, poisons: int, defended: float | None = None) -> dict[str, Any]:
    """Arms of a run whose filter caught five and left the rest."""
    caught = {**arm(0.1 if defended is None else defended, 0.9), "detection": {**FOUND, "poisons_left": poisons - 5}}
    return {"undefended": arm(success, 0.95), "spectral_signatures": caught}


SPECTRAL = ["spectral_signatures"]


def rank(store: Store, base: Any) -> list[tuple[str, int, int]]:
    return [(place.entry.run.id, place.best, place.worst) for place in board(store, normal(base.spec), store.runs())]


def test_success_above_the_baseline_is_shared_out_among_the_poisons(run_store: Store, add_run: Add) -> None:
    run = add_run(told(0.8, 20), defenses=SPECTRAL)
    (place,) = board(run_store, normal(run.spec), run_store.runs())
    entry = place.entry
    assert entry.poisons == 20
    # 80 of 100 above a baseline of 0: four points a poison; intervals are 5 points to each side, the baseline's to one.
    assert entry.gain == pytest.approx(4.0)
    _, low, high = difference(Rate(0.8, 0.75, 0.85, 20), Rate(0.0, 0.0, 0.05, 20))
    assert (entry.low, entry.high) == (pytest.approx(5 * low), pytest.approx(5 * high))
    assert entry.low == pytest.approx(5 * (0.8 - (0.05**2 + 0.05**2) ** 0.5))
    assert [(met.defense, met.success["mean"]) for met in entry.met] == [("Spectral signatures", 0.1)]


def test_fewer_poisons_win_with_less_success(run_store: Store, add_run: Add) -> None:
    many = add_run(told(0.9, 90), defenses=SPECTRAL, attack={"epsilon": 16})  # one point a poison
    few = add_run(told(0.3, 10), defenses=SPECTRAL, attack={"epsilon": 8})  # three
    assert rank(run_store, many) == [(few.id, 1, 1), (many.id, 2, 2)]


def test_places_that_intervals_do_not_tell_apart_are_a_range(run_store: Store, add_run: Add) -> None:
    first = add_run(told(0.62, 20), defenses=SPECTRAL, attack={"epsilon": 16})
    second = add_run(told(0.60, 20), defenses=SPECTRAL, attack={"epsilon": 8})
    last = add_run(told(0.1, 20), defenses=SPECTRAL, attack={"epsilon": 4})
    assert rank(run_store, first) == [(first.id, 1, 2), (second.id, 1, 2), (last.id, 3, 3)]


def test_equal_settings_on_other_images_are_other_entries(run_store: Store, add_run: Add) -> None:
    run = add_run(told(0.8, 20), defenses=SPECTRAL)
    other = add_run(told(0.2, 20), defenses=[EPIC], data_key="e")  # the folder was changed in between
    assert sorted(each[0] for each in rank(run_store, run)) == sorted([run.id, other.id])


def test_one_attack_with_several_defenses_is_one_entry(run_store: Store, add_run: Add) -> None:
    add_run(told(0.8, 20), defenses=SPECTRAL)
    newest = add_run(None, defenses=[EPIC])
    (place,) = board(run_store, normal(newest.spec), run_store.runs())
    assert place.entry.run.id == newest.id
    assert [met.defense for met in place.entry.met] == ["EPIC", "Spectral signatures"]
    assert place.entry.poisons == 20, "the run with EPIC does not say how many, the other one does"


def test_other_set_ups_other_kinds_and_unfinished_runs_are_not_ranked(run_store: Store, add_run: Add) -> None:
    run = add_run(told(0.8, 20), defenses=SPECTRAL)
    add_run(told(0.9, 20), defenses=SPECTRAL, training={"epochs": 3})
    add_run(told(0.9, 20), defenses=SPECTRAL, attack={"name": "badnets"})
    add_run(told(0.9, 20), "failed", defenses=SPECTRAL, attack={"epsilon": 4})
    add_run(None, defenses=[], attack={"epsilon": 2})  # nobody knows how many poisons it had
    add_run(told(0.9, 20), defenses=SPECTRAL, attack=None)
    assert rank(run_store, run) == [(run.id, 1, 1)]


def test_nobody_has_no_places() -> None:
    assert places([]) == []


def test_more_trials_of_the_same_attack_are_an_entry_of_their_own(run_store: Store, add_run: Add) -> None:
    few = add_run(told(0.8, 20), defenses=SPECTRAL)
    more = add_run(told(0.7, 20), defenses=SPECTRAL, keys=5)
    assert {each[0] for each in rank(run_store, few)} == {few.id, more.id}
    assert all(isinstance(place.entry, Entry) for place in board(run_store, normal(few.spec), run_store.runs()))
