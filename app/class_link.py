"""A link for a class hides controls: which ones may be hidden, and which are. No widgets here."""

import streamlit as st

HIDABLE = {
    "nav": "navigation",
    "lessons": "other lessons",
    "lab": "Lab",
    "run": "links to runs",
    "truth": "Reveal truth",
    "teacher": "teacher’s panel",
}
"""Names that a link may hold, in words. Everything else in it is ignored."""


def known(text: str) -> frozenset[str]:
    """The names in the value of `hide` that mean anything."""
    return frozenset(part for part in text.split(",") if part in HIDABLE)


def hidden() -> frozenset[str]:
    """What the link hides; it stays hidden in this tab while its visitor goes from page to page."""
    given = st.query_params.get("hide")
    if given is not None:
        st.session_state["hidden"] = sorted(known(given))
    return frozenset(st.session_state.get("hidden", ()))


def hides(name: str) -> bool:
    """Whether one control is hidden."""
    return name in hidden()
