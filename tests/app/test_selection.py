"""A selection is a memory of commands: only changes count, the last one wins, another place starts empty."""

from typing import Any

import pytest
import streamlit as st

from app.components.selection import LINKED, PAST, Selection


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {})


def rows() -> list[int]:
    return Selection("run-3").rows.tolist()


def lasso(*ids: Any) -> dict[str, Any]:
    return {"selection": {"points": [{"customdata": row} for row in ids]}}


def test_the_last_change_wins_and_a_repeated_event_does_not_count() -> None:
    chosen = Selection("run-3")
    chosen.key("chart"), chosen.key("table")
    chosen.command("chart", [5, 4])
    assert rows() == [4, 5]
    before = chosen.key("chart"), chosen.key("table")
    chosen.command("table", [7])
    assert rows() == [7]
    assert chosen.key("chart") != before[0], "the chart starts anew, because it still shows what it said"
    assert chosen.key("table") == before[1], "the table shows what it said"
    assert not chosen.command("table", [7])
    assert rows() == [7]


def test_an_emptied_chart_empties_the_selection() -> None:
    chosen = Selection("run-3")
    chosen.from_chart("chart", {"selection": {"points": [{"customdata": [9]}, {"customdata": 8}, {"x": 1}]}})
    assert rows() == [8, 9]
    chosen.from_chart("chart", lasso())
    assert rows() == []


def test_what_is_no_row_is_no_choice() -> None:
    Selection("run-3").from_chart("chart", lasso(3, -1))  # -1 stands for the target, which is a test image
    assert rows() == [3]


def test_another_place_starts_empty_and_clearing_renews_the_charts() -> None:
    Selection("run-3").command("chart", [1])
    other = Selection("run-4")
    assert other.rows.tolist() == []
    other.command("chart", [2])
    key = other.key("chart")
    other.clear()
    assert other.rows.tolist() == [] and other.key("chart") != key


def test_gestures_add_and_take_away() -> None:
    chosen = Selection("run-3")
    assert not chosen.from_chart("chart", lasso(1, 2, 3)), "the chart shows its lasso, and that is the choice"
    st.session_state["gesture"] = "Add"
    key = chosen.key("chart")
    assert chosen.from_chart("chart", lasso(3, 8)), "the chart shows the lasso only, and has to be drawn again"
    assert rows() == [1, 2, 3, 8] and chosen.key("chart") != key
    st.session_state["gesture"] = "Take away"
    assert chosen.from_chart("chart", lasso(2, 8))
    assert rows() == [1, 3]
    assert not chosen.from_chart("chart", lasso(5))  # nothing of it was chosen
    assert rows() == [1, 3]


def test_undo_goes_back_step_by_step_and_no_further_than_it_remembers() -> None:
    chosen = Selection("run-3")
    assert not chosen.undoable
    chosen.take([1])
    chosen.add([4, 2])
    chosen.leave([1])
    chosen.clear()
    for expected in ([2, 4], [1, 2, 4], [1], []):
        chosen.undo()
        assert rows() == expected
    assert not chosen.undoable
    chosen.undo()
    assert rows() == []
    for row in range(PAST + 5):
        chosen.take([row])
    for _ in range(PAST + 5):
        chosen.undo()
    assert rows() == [4]


def test_a_choice_that_changes_nothing_is_not_undone() -> None:
    chosen = Selection("run-3")
    chosen.take([1, 2])
    chosen.add([2])
    chosen.undo()
    assert rows() == []


def test_a_figure_keeps_what_it_marks_until_it_is_another_one() -> None:
    chosen = Selection("run-3")
    chosen.take([6])
    assert chosen.marked("chart", "blue").tolist() == [6]
    chosen.from_chart("chart", lasso(1, 2))
    assert rows() == [1, 2]
    assert chosen.marked("chart", "blue").tolist() == [6], "the browser shows the lasso; the figure is not sent again"
    assert chosen.marked("chart", "red").tolist() == [1, 2]
    chosen.from_chart("chart", lasso())  # the new figure has no lasso
    assert rows() == [1, 2]


def test_a_short_choice_stands_in_the_link_and_a_long_one_does_not() -> None:
    chosen = Selection("run-3")
    chosen.take([7, 3, 4, 5])
    assert st.query_params == {"sel": "3-5.7"}
    chosen.take(range(0, 2 * LINKED, 2))
    assert st.query_params == {}
    chosen.undo()
    assert st.query_params == {"sel": "3-5.7"}
    chosen.clear()
    assert st.query_params == {}


@pytest.mark.parametrize(
    ("link", "found"),
    [("3-5.7", [3, 4, 5, 7]), ("3-5,7", [3, 4, 5, 7]), ("nonsense", []), ("3,90", []), ("1," * LINKED, []), ("", [])],
)
def test_a_link_brings_a_choice_if_it_is_one(link: str, found: list[int]) -> None:
    st.query_params["sel"] = link
    assert Selection("run-3", 90).rows.tolist() == found
    Selection("run-3", 90).clear()
    st.query_params["sel"] = "8"  # the session knows better by now
    assert Selection("run-3", 90).rows.tolist() == []


def test_whether_the_truth_was_seen_is_remembered_until_nothing_is_chosen() -> None:
    st.session_state["truth"] = False
    chosen = Selection("run-3")
    chosen.take([1])
    assert not chosen.revealed
    st.session_state["truth"] = True
    assert chosen.revealed
    chosen.add([2])
    st.session_state["truth"] = False
    chosen.add([3])
    assert chosen.revealed, "some of these rows were chosen by somebody who saw the truth"
    chosen.clear()
    chosen.take([4])
    assert not chosen.revealed


def test_a_point_alone_is_looked_at_closely() -> None:
    Selection("run-3").from_chart("chart", lasso(4, 5))
    assert "row" not in st.session_state
    Selection("run-3").from_chart("chart", lasso(7))
    assert st.session_state["row"] == 7
