"""The duel: every state, the slider, the sentence, and strengths that are queued."""

from collections.abc import Callable
from typing import Any

import pytest

from core.runs.store import Store
from tests.app.conftest import Open, arm, experiment, result, text

MakeRun = Callable[..., str]


@pytest.fixture
def at(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A finished run at a budget: `at(0.02, attack=900, defended=10)`, hits of 1,000."""

    def made(budget: float, attack: int, defended: int) -> str:
        outcome = result()
        outcome["arms"]["undefended"] = arm(985, attack)
        outcome["arms"]["spectral_signatures"] = arm(983, defended)
        monkeypatch.setattr("tests.app.conftest.result", lambda: outcome)
        own = experiment().model_dump(mode="json")["attack"]
        return make_run(changes={"attack": {**own, "poison_fraction": budget}})

    return made


def queued(store: Store) -> list[dict[str, Any]]:
    return [run.spec for run in store.runs() if run.state == "queued"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({}, "No run chosen"), ({"run": "r-nothere"}, "There is no such run"), ({"run": "../x"}, "There is no such run")],
)
def test_without_a_run_the_page_says_where_to_find_one(app: Open, parameters: dict[str, str], said: str) -> None:
    page = app("duel", **parameters)
    assert not page.exception and said in text(page)


@pytest.mark.parametrize(
    ("state", "said"),
    [("queued", "not come that far"), ("running", "not come that far"), ("failed", "No duel"), ("lost", "No duel")],
)
def test_unfinished_runs_are_no_duel(app: Open, make_run: MakeRun, state: str, said: str) -> None:
    page = app("duel", run=make_run(state, files=False))
    assert not page.exception and said in text(page) and "<i>stamp</i>" not in text(page)


def test_a_run_without_a_defense_has_nobody_to_fight(
    app: Open, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = result()
    outcome["arms"] = {"undefended": outcome["arms"]["undefended"]}
    monkeypatch.setattr("tests.app.conftest.result", lambda: outcome)
    assert "Nobody defends" in text(app("duel", run=make_run(changes={"defenses": []})))


def test_one_strength_is_no_duel_and_missing_ones_are_queued(app: Open, make_run: MakeRun, store: Store) -> None:
    page = app("duel", run=make_run())
    assert not page.exception and "Only one strength so far" in text(page) and "models to train" in text(page)
    page.button(key="extend-now-poison_fraction").click().run()
    assert sorted(spec["attack"]["poison_fraction"] for spec in queued(store)) == [0.005, 0.02, 0.04]


def test_the_slider_shows_both_sides_at_a_strength(app: Open, at: Callable[..., str]) -> None:
    at(0.005, attack=10, defended=9)
    at(0.02, attack=990, defended=700)
    page = app("duel", run=at(0.01, attack=950, defended=20))
    assert not page.exception
    said = text(page)
    assert "Below budget 1 % the attack does not work." in said
    assert "Spectral signatures breaks at budget 2 %: the attack still wins 70.0 %" in said
    assert "The defense holds at budget 1 %." in said and "20 of 1,000" in said
    (slider,) = page.select_slider
    assert list(slider.options) == ["0.5 %", "1 %", "2 %"] and slider.value == "1 %"
    page = slider.set_value("2 %").run()
    assert "The defense breaks at budget 2 %." in text(page) and "700 of 1,000" in text(page)
    (table,) = page.dataframe
    assert table.value["Outcome"].tolist() == ["The attack does not work", "The defense holds", "The defense breaks"]


def test_a_strength_in_the_link_is_shown_and_a_wrong_one_is_not(app: Open, at: Callable[..., str]) -> None:
    at(0.02, attack=990, defended=700)
    run_id = at(0.01, attack=950, defended=20)
    assert "The defense breaks at budget 2 %." in text(app("duel", run=run_id, strength="2 %"))
    page = app("duel", run=run_id, strength="<b>9 %")
    assert not page.exception and "The defense holds at budget 1 %." in text(page)
