"""Every page, and every step of a lesson, begins at its top.

Streamlit leaves the page where it was scrolled to, and a browser keeps what it shows in sight while more is drawn above
it: whoever followed a link far down a page met the end of the next one.
"""

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component(
    "poisonscope_top", js=(Path(__file__).parent / "top.js").read_text(encoding="utf-8"), isolate_styles=False
)


def of(place: str) -> None:
    """Go to the top of the page where its place is another than when this was last called.

    Args:
        place: what a person takes for another page.
    """
    with st.sidebar:  # an empty element would leave a gap on the page
        _mount(key="top", data=place)
