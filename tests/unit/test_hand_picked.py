"""A person's choice as a filter, and what it would remove, counted by hand."""

import numpy as np
import pytest

from core import by_hand
from core.defenses.base import View, decided, random_flags, scored
from core.defenses.hand_picked import HandPicked
from core.errors import PoisonscopeError, SpecError
from core.runs.labels import strengths
from core.spec import changed, parse

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
NAMES = ("cat", "dog", "emu")
POISON = np.isin(np.arange(10), [3, 4, 9])


def view(labels: np.ndarray = LABELS) -> View:
    def features() -> np.ndarray:
        raise AssertionError("a list of rows needs no features")

    return View(labels, NAMES, 0, features)


def test_the_listed_rows_go_and_no_others() -> None:
    defense = HandPicked(rows="8, 3-4")
    scores = scored(defense, view())
    assert scores.tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 1, 0]
    assert decided(defense, scores, view()).nonzero()[0].tolist() == [3, 4, 8]
    assert defense.knows == () and HandPicked(truth_on_screen=True).knows == ("poison_rows",)


def test_its_random_twin_removes_as_many_of_each_class() -> None:
    flagged = decided(HandPicked(rows="3,4,8"), scored(HandPicked(rows="3,4,8"), view()), view())
    random = random_flags(flagged, view())
    assert np.bincount(LABELS[random], minlength=3).tolist() == [0, 2, 1]


def test_an_empty_list_removes_nothing() -> None:
    assert not decided(HandPicked(), scored(HandPicked(), view()), view()).any()


def test_a_row_beyond_the_training_set_is_named() -> None:
    with pytest.raises(PoisonscopeError, match="lists row 10, but this training set has rows 0 to 9"):
        scored(HandPicked(rows="2,10"), view())


def test_two_spellings_of_one_choice_are_one_experiment() -> None:
    first, second = (
        parse({"defenses": [{"name": "hand_picked", "rows": rows}]}) for rows in ("7,3-5", [3, 4, 5, 7, 7])
    )
    assert first.hash() == second.hash()
    assert first.defenses[0].rows == "3-5,7"  # type: ignore[attr-defined]


def test_a_command_line_lists_rows_too() -> None:
    assigned = changed({}, ['defenses=[{"name": "hand_picked", "rows": "3,7,12-19"}]'])
    assert parse(assigned).defenses == (HandPicked(rows="3,7,12-19"),)
    again = changed(parse(assigned).model_dump(mode="json"), ["defenses=[]"])
    assert parse(again).defenses == ()


@pytest.mark.parametrize("rows", ["3,,x", "9-4", "0-20000", [-1]])
def test_a_list_that_is_none_is_refused_by_the_experiment(rows: object) -> None:
    with pytest.raises(SpecError, match="defenses.*row"):
        parse({"defenses": [{"name": "hand_picked", "rows": rows}]})


def test_what_would_go_by_hand() -> None:
    found = by_hand.removal(np.array([3, 4, 5, 0]), LABELS, NAMES, POISON)
    assert by_hand.words(found) == "4 of 10 rows would go (40.0 %): “dog” loses 3, “cat” loses 1."
    assert by_hand.cost(found) == "2 of 3 poisons caught, 1 missed; 2 of 7 clean rows lost."


def test_with_the_truth_hidden_nothing_of_it_is_counted() -> None:
    found = by_hand.removal(np.array([3, 4]), LABELS, NAMES, None)
    assert (found.caught, found.poisons) == (None, None) and by_hand.cost(found) == ""


def test_a_class_that_loses_everything_and_classes_beyond_the_fourth_are_said() -> None:
    labels = np.repeat(np.arange(7), [2, 3, 3, 3, 3, 3, 3])
    names = [f"c{label}" for label in range(7)]
    rows = np.array([0, 1, 2, 3, 5, 8, 11, 14])
    said = by_hand.words(by_hand.removal(rows, labels, names, None))
    assert said == (
        "8 of 20 rows would go (40.0 %): “c0” loses 2, “c1” loses 2, “c2” loses 1, “c3” loses 1, "
        "2 other classes lose 2. Nothing of “c0” would be left."
    )


def test_the_experiment_keeps_all_defenses_and_replaces_an_earlier_choice() -> None:
    base = parse(
        {
            "defenses": [{"name": "hand_picked", "rows": "1"}, {"name": "spectral_signatures", "multiplier": 2}],
            "keys": 4, "victims": 3, "seed": 9,
        }
    )  # fmt: skip
    asked = by_hand.experiment(base.model_dump(mode="json"), np.array([9, 2, 3]), revealed=True)
    assert [defense.name for defense in asked.defenses] == ["spectral_signatures", "hand_picked"]
    assert asked.defenses[1] == HandPicked(rows="2-3,9", truth_on_screen=True)
    assert (asked.keys, asked.victims, asked.seed) == (1, 3, 9)
    assert asked.defenses[0] == base.defenses[1]


def test_a_name_says_how_many() -> None:
    assert [by_hand.part(1), by_hand.part(1200)] == ["1 row by hand", "1,200 rows by hand"]


def test_beside_another_choice_a_list_is_told_by_its_length() -> None:
    parts = [
        defense.model_dump(mode="json") for defense in (HandPicked(rows="4-9"), HandPicked(rows="1-500,700-900,1200"))
    ]
    assert strengths("defenses", parts) == ["6 rows: 4-9", "702 rows: 1-500,700-900,1200"]
