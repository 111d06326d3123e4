"""The rows that a person chose, kept by the session: all pages about one training set show and change the same choice.

What a chart or a table reports is a command and not the state: only a change of it counts, and the last one wins. Each
starts anew, under another key, whenever the choice changes without it, so that nothing shows an old lasso.
"""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.components import frame, one_row
from core import row_list
from core.runs.view import RunView

Gesture = Literal["Replace", "Add", "Take away"]
GESTURES: tuple[Gesture, ...] = ("Replace", "Add", "Take away")
"""What the next lasso, box, click or line of a table does to the choice; widget `gesture` holds it."""
PAST = 12
"""Choices that can be brought back."""
DOT = "."
"""Stands for a comma in the link, where a comma would be written as three letters."""
LINKED = 400
"""Letters of a choice that stands in the link; a longer one stays in the session."""


def of(seen: RunView) -> "Selection":
    """The choice among the rows of a run's training set, which other runs and victims may share."""
    key = seen.poison_key
    poisons = (step["key"] for step in seen.run.steps if step["kind"] == "poison" and step["poison_key"] == key)
    return Selection(f"{next(poisons, seen.run.id)}-{key}", seen.n)


def again() -> None:
    """Draw the part of the page that is being drawn once more, or all of it where that is what is being drawn."""
    context = get_script_run_ctx(suppress_warning=True)
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


class Selection:
    """Chosen row ids of one place (a training set); another place starts empty."""

    def __init__(self, place: str, n: int | None = None) -> None:
        kept = st.session_state.get("chosen")
        if kept is None or kept["place"] != place:
            # The link is heard once: whoever opens one brings no choice of an earlier page.
            linked = _linked(n) if kept is None else _none()
            kept = {"place": place, "rows": linked, "past": [], "others": {}, "seen": {}, "figure": None}
            kept |= {"marked": linked, "revealed": False}
            st.session_state["chosen"] = kept
        self._kept: dict[str, Any] = kept
        _write_link(kept["rows"])

    @property
    def rows(self) -> np.ndarray:
        """(m,) int64, ascending."""
        return np.array(self._kept["rows"], dtype=np.int64)

    @property
    def revealed(self) -> bool:
        """Whether the truth was on screen at any moment since nothing was chosen, or is now."""
        return bool(self._kept["revealed"]) or frame.truth()

    @property
    def undoable(self) -> bool:
        """Whether there is an earlier choice."""
        return bool(self._kept["past"])

    # ---- charts and tables

    def key(self, name: str) -> str:
        """The key of a chart or table that reports here; another one whenever the choice changes without it."""
        return f"{name}-{self._kept['others'].setdefault(name, 0)}"

    def marked(self, name: str, drawn: str) -> np.ndarray:
        """The rows that a figure draws as chosen.

        They stay the same until the figure is another one: what a person draws on a chart the browser shows by itself,
        and a figure that did not change is not sent again.

        Args:
            name: of the chart, as for `key`.
            drawn: a text that differs between any two figures of it.
        """
        figure = f"{self.key(name)} {drawn}"
        if self._kept["figure"] != figure:
            self._kept |= {"figure": figure, "marked": self._kept["rows"]}
            self._kept["seen"].pop(self.key(name), None)  # it starts with nothing chosen, which is nobody's wish
        return np.array(self._kept["marked"], dtype=np.int64)

    def from_chart(self, name: str, event: Any) -> bool:
        """Take a Plotly chart's event, whose points carry row ids as `customdata`; one alone is looked at closely.

        Returns:
            Whether the chart shows something else than what is chosen now.
        """
        points = event["selection"]["points"] if event and event.get("selection") else []
        ids = [point["customdata"] for point in points if point.get("customdata") is not None]
        rows = [int(i[0] if isinstance(i, (list, tuple)) else i) for i in ids]
        changed = self.command(name, rows)
        if changed and len(rows) == 1:
            one_row.take(rows[0])
        return changed and _gesture() != GESTURES[0]

    def command(self, name: str, rows: Iterable[int]) -> bool:
        """Take what a chart or table says now; whether the choice is another one."""
        told = np.unique(np.fromiter(rows, dtype=np.int32))
        after, key = told[told >= 0], self.key(name)
        if np.array_equal(after, self._kept["seen"].get(key, _none())):
            return False
        self._kept["seen"][key] = after
        gesture = _gesture()
        if gesture == "Add":
            after = np.union1d(self.rows, after)
        elif gesture == "Take away":
            after = np.setdiff1d(self.rows, after)
        return self._become(after, by=name if gesture == GESTURES[0] else None)

    # ---- buttons

    def take(self, rows: Iterable[int] | np.ndarray) -> None:
        """Choose these rows instead."""
        self._become(np.unique(np.fromiter(rows, dtype=np.int64)), by=None)

    def add(self, rows: Iterable[int] | np.ndarray) -> None:
        """Choose these rows too."""
        self._become(np.union1d(self.rows, np.fromiter(rows, dtype=np.int64)), by=None)

    def leave(self, rows: Iterable[int] | np.ndarray) -> None:
        """Choose these rows no longer."""
        self._become(np.setdiff1d(self.rows, np.fromiter(rows, dtype=np.int64)), by=None)

    def clear(self) -> None:
        """Choose nothing."""
        self._become(_none(), by=None)

    def undo(self) -> None:
        """Bring the choice before the last change back."""
        if self._kept["past"]:
            past = self._kept["past"].pop()
            self._become(past, by=None)
            self._kept["past"].pop()  # an undone choice is not one to come back to

    def _become(self, rows: np.ndarray, by: str | None) -> bool:
        """Another choice; charts and tables but the one that it comes from start anew. Whether it is another one."""
        before = self._kept["rows"]
        if np.array_equal(before, rows):
            return False
        self._kept["revealed"] = frame.truth() or (self._kept["revealed"] and len(before) > 0)
        self._kept["past"] = [*self._kept["past"], before][-PAST:]
        self._kept["rows"] = rows.astype(np.int32)  # sessions are many, and a choice may be large
        for name in self._kept["others"]:
            if name != by:
                self._kept["others"][name] += 1
        _write_link(self._kept["rows"])
        return True


def _gesture() -> str:
    return str(st.session_state.get("gesture") or GESTURES[0])


def _none() -> np.ndarray:
    return np.empty(0, np.int32)


def _linked(n: int | None) -> np.ndarray:
    """The choice that the link brings; an empty one where it brings none of this training set."""
    text = st.query_params.get("sel", "")
    try:
        rows = row_list.read(text.replace(DOT, ",") if len(text) <= LINKED else "")
    except ValueError:
        return _none()
    return rows.astype(np.int32) if len(rows) and (n is None or rows[-1] < n) else _none()


def _write_link(rows: np.ndarray) -> None:
    text = row_list.written(rows).replace(",", DOT) if len(rows) <= LINKED else ""  # each row takes a letter at least
    told = st.query_params.get("sel")
    if text and len(text) <= LINKED:
        if told != text:
            st.query_params["sel"] = text
    elif told is not None:
        del st.query_params["sel"]
