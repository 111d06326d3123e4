"""A wall of images that can be chosen by pointer or keyboard: Enter takes a tile, arrows walk from one to the next.

The wall is HTML as everywhere; this component draws nothing and only listens. Like the thumbnails it relies on a keyed
element's class `st-key-<key>`, which a browser test guards.
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components.images import Tile, wall

_listen = st.components.v2.component(
    "poisonscope_choosable",
    js=(Path(__file__).parent / "choosable.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def choosable(tiles: list[Tile], size: int, *, key: str, chosen: int | None, choose: Callable[[int], None]) -> None:
    """Draw a wall whose tiles carry a `row`.

    Args:
        tiles: what it shows.
        size: width of a tile in pixels.
        key: of the wall; letters, digits and dashes only.
        chosen: the row to frame.
        choose: called with the row that somebody took, before the page is drawn again.
    """

    def take() -> None:
        row = st.session_state[f"{key}-taken"].get("row")
        if row is not None:
            choose(int(row))

    with st.container(key=key):
        st.html(wall(tiles, size))
    # A style, not another wall: what did not change is not sent again.
    if chosen is not None:
        st.html(f'<style>.st-key-{key} figure[data-row="{int(chosen)}"] {{ background: var(--ps-chosen); }}</style>')
    _listen(key=f"{key}-taken", data={"wall": key}, on_row_change=take)
