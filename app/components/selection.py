"""The rows that a person chose, kept by the page: a chart forgets its own selection whenever it is drawn anew.

What a chart or a table reports is a command and not the state: only a change of it counts, and the last one wins.
"""

from typing import Any

import streamlit as st


class Selection:
    """Chosen row ids of one place (a run, a class); another place starts empty."""

    def __init__(self, place: str) -> None:
        kept = st.session_state.get("chosen")
        if kept is None or kept["place"] != place:
            kept = _empty(place, 0)
            st.session_state["chosen"] = kept
        self._kept: dict[str, Any] = kept

    @property
    def rows(self) -> list[int]:
        """The ids."""
        return list(self._kept["rows"])

    @property
    def turn(self) -> int:
        """Part of every chart's key: after `clear` it is another one, so that no chart still shows its old lasso."""
        return int(self._kept["turn"])

    def command(self, source: str, rows: list[int]) -> bool:
        """Take what a chart or table says now; whether that changed the selection."""
        if rows == self._kept["seen"].get(source, []):
            return False
        changed = rows != self._kept["rows"]
        self._kept["seen"][source] = rows
        self._kept["rows"] = rows
        return bool(changed)

    def from_chart(self, source: str, event: Any) -> None:
        """Take a Plotly chart's event; its points carry row ids as `customdata`.

        Args:
            source: another text for every figure: a new one starts with nothing selected, which is nobody's wish.
            event: of the chart.
        """
        if self._kept.get("figure") != source:
            self._kept["figure"] = source
            self._kept["seen"].pop(source, None)
        points = event["selection"]["points"] if event and event.get("selection") else []
        ids = [point["customdata"] for point in points if point.get("customdata") is not None]
        self.command(source, [int(i[0] if isinstance(i, (list, tuple)) else i) for i in ids])


def clear(place: str) -> None:
    """Choose nothing."""
    st.session_state["chosen"] = _empty(place, st.session_state.get("chosen", {"turn": 0})["turn"] + 1)


def _empty(place: str, turn: int) -> dict[str, Any]:
    return {"place": place, "rows": [], "turn": turn, "seen": {}}
