"""Data as they came: nothing is changed, what is known is reported, and what is not known is not made up."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import spec
from core.attacks.as_given import AsGiven
from core.attacks.base import Tools, apply, evaluation
from core.datasets.base import ImageSet
from core.errors import AttackError, PoisonscopeError, SpecError
from core.given import detected, is_given, truth_unknown, unknown


def test_nothing_is_changed_and_nobody_is_a_poison(tiny: ImageSet) -> None:
    poisoned = apply(AsGiven(), tiny, Tools(0))
    assert np.array_equal(poisoned.data.images, tiny.images) and np.array_equal(poisoned.data.labels, tiny.labels)
    assert len(poisoned.rows) == len(poisoned.originals) == 0
    shown = evaluation(AsGiven(), tiny, Tools(0))
    assert len(shown.images) == len(shown.wanted) == 0


def test_listed_poisons_are_found_by_their_position_in_the_source(make_images: Callable[..., ImageSet]) -> None:
    whole = make_images()
    part = whole.rows(np.arange(10, 30))  # positions 10 to 29 stand in rows 0 to 19
    poisoned = apply(AsGiven(truth="listed", poisons="3,12-13,29"), part, Tools(0))
    assert poisoned.rows.tolist() == [2, 3, 19], "position 3 is not in this part"
    assert np.array_equal(poisoned.originals, part.images[[2, 3, 19]])


def test_a_list_that_fits_nowhere_is_refused(tiny: ImageSet) -> None:
    with pytest.raises(AttackError, match=r"None of the 2 listed poisons .* the first is 900, .* from 0 to 79\."):
        apply(AsGiven(truth="listed", poisons="900-901"), tiny, Tools(0))


def test_settings_that_contradict_each_other_are_refused() -> None:
    for attack, scenario, words in (
        ({"poisons": "3"}, "from_scratch", "attack.truth is unknown; set it to listed"),
        ({"weights": "w.safetensors"}, "transfer", "set scenario to from_scratch"),
    ):
        with pytest.raises(SpecError, match=words):
            spec.parse({"attack": {"name": "as_given", **attack}, "scenario": scenario})


def test_weights_count_by_their_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"abc")
    other.write_bytes(b"abc")
    assert AsGiven(weights=str(one)).fingerprint() == AsGiven(weights=str(other)).fingerprint() != ""
    other.write_bytes(b"abd")
    assert AsGiven(weights=str(one)).fingerprint() != AsGiven(weights=str(other)).fingerprint()
    with pytest.raises(PoisonscopeError, match="There is no file of weights"):
        AsGiven(weights=str(tmp_path / "gone")).fingerprint()


def test_there_is_one_key() -> None:
    from core.steps import plan

    with pytest.raises(SpecError, match=r"keys is 2, but data that come as they are have 1; lower keys\."):
        plan(spec.parse({"attack": "as_given", "keys": 2}))


def test_no_control_is_trained_and_the_controls_of_the_check_come_last() -> None:
    from core.steps import plan

    steps = plan(spec.parse({"attack": "as_given", "defenses": ["screening"]}))
    trained = [step.arm for step in steps if step.kind == "train"]
    assert trained == ["undefended", "screening", "screening_random"] and steps[-1].kind == "inspection"
    assert "inspection" not in [step.kind for step in plan(spec.parse({"attack": "as_given"}))]


def test_what_is_known_is_read_from_the_experiment() -> None:
    unknown_truth, listed, other = (
        spec.parse({"attack": attack}) for attack in ("as_given", {"name": "as_given", "truth": "listed"}, "badnets")
    )
    assert [truth_unknown(each.attack) for each in (unknown_truth, listed, other)] == [True, False, False]
    stored = [each.model_dump(mode="json") for each in (unknown_truth, listed, other)]
    assert [unknown(each) for each in stored] == [True, False, False]
    assert [is_given(each) for each in stored] == [True, True, False]
    assert not unknown({"attack": None}) and unknown({"attack": {"name": "as_given"}})


def test_detection_tells_no_more_than_how_many_were_removed_where_nobody_knows() -> None:
    flagged, truth = np.array([True, True, False]), np.zeros(3, dtype=bool)
    assert detected(flagged, truth, known=False) == {"removed": 2}
    assert detected(flagged, truth, known=True)["precision"] == 0.0
