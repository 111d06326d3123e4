"""Which key (a draw of the poisons) and which victim a page looks at: two boxes that stand in the link."""

from typing import Any

import streamlit as st

from app import cache
from core.runs.store import Run
from core.runs.trials import keys, victims
from core.runs.view import RunView

WIDTH = 190


def pick(run: Run) -> RunView:
    """Two boxes in a line of their own, where there is a choice; the run, seen through what they hold."""
    if len(keys(run)) < 2 and len(victims(run)) < 2:
        return cache.view(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return boxes(run)


def boxes(run: Run) -> RunView:
    """Two boxes where the caller wants them, each only where there is a choice."""
    return cache.view(run, _box("Key", keys(run), "key"), _box("Victim", victims(run), "victim"))


def choose(run: Run, points: list[dict[str, Any]]) -> None:
    """Take over the trial that somebody clicked; for a callback, because the boxes are not drawn yet then.

    Args:
        run: whose trials.
        points: of a chart's selection; `customdata` of the first is [key, victim].
    """
    if points and points[0].get("customdata") is not None:
        place, victim = (int(number) for number in points[0]["customdata"])
        for name, number, numbers in (("key", place, keys(run)), ("victim", victim, victims(run))):
            if number in numbers:
                st.session_state[name] = number


def _box(label: str, numbers: list[int], key: str) -> int:
    if len(numbers) < 2:
        return 0
    if st.session_state.get(key) not in numbers:  # of another run, perhaps
        st.session_state.pop(key, None)
    return int(
        st.selectbox(
            label, numbers, format_func=lambda number: str(number + 1), key=key, bind="query-params", width=WIDTH
        )
    )
