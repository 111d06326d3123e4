"""Three answers, and what each of them stands on."""

import json

import pytest

from core.check import KINDS, as_json, check, place
from core.errors import StoreError
from tests.inspected import CALM, NAMES, asked, found, seen

APART = {"groups": 0.6, "direction": 0.9}
FEATURES = {"data": {"name": "feature_file", "path": "f.npz"}, "model": "linear"}


def test_a_calm_set_is_nothing_unusual() -> None:
    answer = check(seen(found()))
    assert answer is not None and answer.outcome == "nothing"
    assert answer.text == "Nothing unusual found in what was looked at."
    assert (
        "Of 60 rows that stand out most, networks that never saw them read 5 as something else; of 60 drawn"
        in (answer.reasons[0])
    )
    assert answer.rows == 250 and answer.names == NAMES


def test_suspects_that_are_read_as_something_else_are_signs() -> None:
    answer = check(seen(found(outlier=APART, misread={3: 11})))
    assert answer is not None and answer.outcome == "signs"
    assert answer.text == "Signs found: rows of “dog” do not look like what they are labelled."
    assert answer.reasons[0].startswith(
        "Of 12 rows of “dog” that stand out most, a network that never saw them reads 11 as something else, most often "
        "“eel”; of 12 rows of the class drawn at random, 0 (p below 0.0001"
    )
    assert any(reason.startswith("Two groups in a class: “dog” has 0.60") for reason in answer.reasons)
    assert [each.sign for each in answer.reread] == [False, False, False, True, False]


@pytest.mark.parametrize("wrong", [2, 5])
def test_some_odd_rows_that_are_misread_are_no_sign(wrong: int) -> None:
    answer = check(seen(found(misread={3: wrong})))
    assert answer is not None and answer.outcome == "nothing" and not any(each.sign for each in answer.reread)


def test_hard_rows_in_every_class_are_no_sign_in_any() -> None:
    answer = check(seen(found(misread=dict.fromkeys(range(5), 10))))
    assert answer is not None and answer.outcome == "nothing", "compared with the other classes' suspects"


def test_a_class_that_stands_apart_and_reads_well_cannot_be_told() -> None:
    answer = check(seen(found(outlier=APART)))
    assert answer is not None and answer.outcome == "unclear"
    assert answer.text == "Can’t tell: “dog” stands apart, but its odd rows are read as they are labelled."
    assert "poisons that keep the right label" in answer.reasons[-1]


def test_neighbors_that_disagree_alone_are_no_reason_to_doubt() -> None:
    answer = check(seen(found(outlier={"outvoted": 0.9})))
    assert answer is not None and answer.outcome == "nothing"


def test_features_alone_have_only_their_shape() -> None:
    both = check(seen(found(outlier=APART), asked(**FEATURES)))
    assert both is not None and both.outcome == "signs"
    assert both.text == "Signs found: “dog” falls in two groups, as no other class does."
    assert both.unknown[0].startswith("There are no images")
    one = check(seen(found(outlier={"groups": 0.6}), asked(**FEATURES)))
    assert one is not None and one.outcome == "unclear"


@pytest.mark.parametrize(
    "meta, accuracy, words",
    [
        (found(), 0.5, "the network reads only 50.0 % of the held-back rows"),
        (found(rows=12), 0.9, "“ant” has 12 rows, and below 20 there is too little to see."),
        (found(classes=3), 0.9, "with 3 classes there are too few others to compare one with."),
    ],
)
def test_what_cannot_be_seen_is_not_called_clean(meta: dict[str, object], accuracy: float, words: str) -> None:
    answer = check(seen(meta, accuracy=accuracy))
    assert answer is not None and answer.outcome == "unclear" and answer.text == f"Can’t tell: {answer.text[12:]}"
    assert words in answer.text


def test_signs_are_told_although_the_network_learned_little() -> None:
    answer = check(seen(found(misread={3: 12}), accuracy=0.4))
    assert answer is not None and answer.outcome == "signs"


def test_a_place_says_among_how_many_controls_and_how_far() -> None:
    answer = check(seen(found(outlier=APART)))
    assert answer is not None
    groups = next(look for look in answer.looks if look.name == "groups")
    # controls: five classes without suspects and the four others
    assert (groups.below, groups.controls, groups.p) == (9, 9, 1 / 10) and groups.far
    assert place(groups, NAMES).startswith("“dog” stands out most, with 0.60: larger than 9 of 9 controls")
    calm = next(look for look in answer.looks if look.name == "alone")
    assert calm.label == CALM.index(max(CALM)) and not calm.far and "nothing unusual" in place(calm, NAMES)


def test_a_value_that_can_mean_nothing_is_never_far() -> None:
    answer = check(seen(found(outlier={"groups": KINDS["groups"].least - 0.001})))
    assert answer is not None and answer.outcome == "nothing"


def test_what_it_cannot_mean_is_said_with_every_answer() -> None:
    for meta in (found(), found(misread={3: 12}), found(rows=5)):
        answer = check(seen(meta))
        assert answer is not None
        said = " ".join(answer.unknown)
        for words in (
            "clean-label",
            "adaptive",
            "Honest mistakes",
            "every class is poisoned",
            "With 9 controls no p value",
        ):
            assert words in said


def test_classes_that_are_too_small_have_no_place() -> None:
    meta = found()
    for told in meta["looks"].values():
        told.update(dict.fromkeys(told, [None] * 5))
    answer = check(seen(meta))
    assert answer is not None and all(look.label is None for look in answer.looks)
    assert place(answer.looks[0], NAMES) == "No class has enough rows."


def test_runs_without_the_question_say_why() -> None:
    assert check(seen(None)) is None
    with pytest.raises(StoreError, match="poisons its data itself"):
        check(seen(found(), asked(attack="badnets")))
    with pytest.raises(StoreError, match="has no screening among its defenses"):
        check(seen(found(), asked(defenses=[])))


def test_the_answer_for_a_program_is_plain_json() -> None:
    answer = check(seen(found(outlier=APART, misread={3: 11})))
    assert answer is not None
    told = json.loads(json.dumps(as_json(answer)))
    assert told["outcome"] == "signs" and told["reread"][3]["sign"] is True
    assert told["looks"][0]["class"] == "dog" and told["looks"][0]["as_it_came"][3] == 0.6
