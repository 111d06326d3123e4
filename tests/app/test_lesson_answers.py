"""Answers of the lessons that are words, or choices of a run, hold in the runs that are really shipped."""

import json
import zipfile
from typing import Any

import pytest

from app.lessons import facts
from core import lessons
from core.figures import palette
from tests.app.test_learn import place_of


@pytest.fixture(scope="module")
def real() -> dict[str, dict[str, Any]]:
    """The results of the runs that are really shipped, by id."""
    found = {}
    for path in sorted((lessons.FOLDER.parent / "showcase").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            found[path.stem] = json.loads(archive.read("run.json"))["result"]
    return found


def test_answers_that_are_words_hold_in_the_runs_that_ship(real: dict[str, dict[str, Any]]) -> None:
    badnets = real["showcase-badnets"]
    arms, control = badnets["arms"], badnets["control"]

    def clean(result: dict[str, Any]) -> float:
        return float(result["arms"]["undefended"]["clean_accuracy"]["mean"])

    assert abs(clean(badnets) - control["clean_accuracy"]["mean"]) < 0.02, "About as well"
    rates = [clean(result) for name, result in real.items() if name.startswith("showcase-rates-")]
    assert len(rates) == 6 and max(rates) - min(rates) < 0.02, "It hardly moves"
    assert arms["spectral_signatures"]["asr"]["mean"] < 0.1, "The filter's breaks the attack"
    assert arms["spectral_signatures_random"]["asr"]["mean"] > 0.5, "and the one at random does not"


def test_answers_that_are_choices_of_the_run_can_be_chosen(real: dict[str, dict[str, Any]]) -> None:
    rates = sorted((int(name.rpartition("-")[2]), result) for name, result in real.items() if "-rates-" in name)
    assert tuple(str(count) for count, _ in rates) == place_of(2, 2).step.guess.choices
    wins = [result["arms"]["undefended"]["asr"]["mean"] >= facts.ENOUGH for _, result in rates]
    assert wins == sorted(wins) and True in wins and False in wins, "there is one point at which it tips"
    epic = real["showcase-clean-label"]
    assert sum(pair["counted"] for pair in epic["pairs"]) <= place_of(4, 4).step.guess.high
    twins = {palette.arm_title(arm) for arm in epic["arms"] if arm.endswith(tuple(palette.TWINS))}
    assert twins == set(place_of(6, 5).step.guess.choices)
