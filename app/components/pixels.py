"""A small drawing of cells, by pointer or keyboard, with palette, eraser and undo: one word of core.attacks.drawing."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.attacks import drawing

PALETTE = ("ffd400", "ffffff", "000000", "d55e00", "009e73", "0072b2")
"""Colours of the pen; beside them an eraser and any other colour."""
HINT = "Draw with the pointer; a second click erases. Or: arrow keys, Space, Delete, Ctrl+Z, number keys for colours."
HTML = (
    '<div class="box"><div class="cells" role="application" tabindex="0"></div><div class="side">'
    '<div class="palette" role="group" aria-label="Pen"></div><div class="tools">'
    '<button type="button" class="undo">Undo</button><button type="button" class="clear">Clear</button></div></div>'
    '<div class="out" role="status"></div></div>'
)
HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "poisonscope_pixels",
    html=HTML,
    css=(HERE / "pixels.css").read_text(encoding="utf-8"),
    js=(HERE / "pixels.js").read_text(encoding="utf-8"),
)


def pixels(drawn: str, take: Callable[[str], None], *, key: str) -> None:
    """Let a person draw.

    Args:
        drawn: the drawing to start with.
        take: called with what was drawn, before the page is drawn again.
        key: of the component.
    """

    def heard() -> None:
        told = st.session_state[key].get("drawing")
        if not isinstance(told, dict) or not isinstance(told.get("seq"), int):
            return
        st.session_state[f"{key}:seq"] = told["seq"]
        try:
            drawing.read(str(told.get("text")))
        except ValueError:
            return  # nobody draws this; the page goes on with what it has
        take(str(told["text"]))

    seq = st.session_state.get(f"{key}:seq", 0)
    data = {"drawing": drawn, "palette": list(PALETTE), "label": "Your trigger", "hint": HINT, "seq": seq}
    _mount(key=key, data=data, on_drawing_change=heard)
