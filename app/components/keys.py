"""Arrow keys, Page Up and Down, Home and End for a page that goes forward and back; typing is left alone."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_listen = st.components.v2.component(
    "poisonscope_keys", js=(Path(__file__).parent / "keys.js").read_text(encoding="utf-8"), isolate_styles=False
)


def arrows(go: Callable[[int], None], *, key: str) -> None:
    """Listen on the whole page.

    Args:
        go: called with -1 or 1 for a step, with a large number of that sign for the first or the last one, before the
            page is drawn again.
        key: of the component.
    """

    def went() -> None:
        by = st.session_state[key].get("by")
        if by is not None:
            go(int(by))

    _listen(key=key, on_by_change=went)
