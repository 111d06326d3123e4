"""What is chosen, in numbers, and how to change it: what the next gesture does, Undo, Clear."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from app.components.selection import GESTURES, Selection

MEANS = "What the next click, lasso or box does to the selection: take its place, add to it, or take away from it."


def bar(
    chosen: Selection,
    here: np.ndarray,
    poison: np.ndarray | None,
    elsewhere: str,
    *,
    gestures: bool = True,
    more: Callable[[], None] = lambda: None,
) -> None:
    """Counts, and below them the controls.

    Args:
        chosen: the selection.
        here: (n,) bool, the rows that the page shows; others can be chosen too.
        poison: (n,) bool, the truth; None hides it.
        elsewhere: what to call the chosen rows that the page does not show, such as `in other classes`.
        gestures: whether there is a map to draw on.
        more: draws further controls beside the others.
    """
    rows = chosen.rows
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(said(rows, here, poison, elsewhere))
        st.button("Undo", on_click=chosen.undo, key="undo-selection", type="tertiary", disabled=not chosen.undoable)
        st.button("Clear", on_click=chosen.clear, key="clear-selection", type="tertiary", disabled=not len(rows))
        more()
    if gestures:
        st.segmented_control(
            "The next gesture", GESTURES, default=GESTURES[0], key="gesture", required=True, help=MEANS
        )


def said(rows: np.ndarray, here: np.ndarray, poison: np.ndarray | None, elsewhere: str) -> str:
    """How many of the rows in sight are chosen, how many of these are poison, and how many others are chosen."""
    if not len(rows):
        return f"**Nothing selected** of {int(here.sum()):,} rows"
    seen = rows[here[rows]]
    told = f"**{len(seen):,} of {int(here.sum()):,} selected"
    told += "**" if poison is None else f"; {int(poison[seen].sum()):,} poison**"
    return told + (f"  \nand {len(rows) - len(seen):,} {elsewhere}" if len(seen) < len(rows) else "")
