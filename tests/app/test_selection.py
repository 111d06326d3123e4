"""A selection is a memory of commands: only changes count, the last one wins, another place starts empty."""

import pytest
import streamlit as st

from app.components.selection import Selection, clear


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})


def test_the_last_change_wins_and_a_repeated_event_does_not_count() -> None:
    chosen = Selection("run-3")
    assert chosen.command("chart", [4, 5])
    assert chosen.command("table", [7])
    assert not chosen.command("chart", [4, 5])  # the chart still says what it said before
    assert Selection("run-3").rows == [7]


def test_an_emptied_chart_empties_the_selection() -> None:
    chosen = Selection("run-3")
    chosen.from_chart("chart", {"selection": {"points": [{"customdata": [9]}, {"customdata": 8}, {"x": 1}]}})
    assert chosen.rows == [9, 8]
    chosen.from_chart("chart", {"selection": {"points": []}})
    assert chosen.rows == []


def test_another_place_starts_empty_and_clearing_renews_the_charts() -> None:
    Selection("run-3").command("chart", [1])
    assert Selection("run-4").rows == []
    turn = Selection("run-4").turn
    clear("run-4")
    assert Selection("run-4").turn == turn + 1
