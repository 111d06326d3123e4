"""The selection on the page of images: only the chosen rows, all rows in sight, one row."""

from dataclasses import replace

import numpy as np
import streamlit as st

from app import cache
from app.components import chosen_bar, frame
from app.components.row_filter import Shown
from app.components.selection import Selection


def only(shown: Shown, chosen: Selection) -> Shown:
    """What is left of the rows in sight where somebody wants the chosen ones only; the switch stands in the link."""
    if not st.toggle(
        "Only selected rows",
        key="only",
        bind="query-params",
        help="Rows are selected here, on Spectral and on Gradients: it is the same selection.",
    ):
        return shown
    return replace(shown, rows=shown.rows[np.isin(shown.rows, chosen.rows)], asked=f"{shown.asked}-only")


def bar(shown: Shown, every: cache.AllRows, chosen: Selection) -> None:
    """What is chosen of the rows that pass the filters, and how to change that."""
    here = np.zeros(len(every.labels), bool)
    here[shown.rows] = True
    poison = every.poison if frame.truth() else None

    def more() -> None:
        new, known = np.setdiff1d(shown.rows, chosen.rows), np.intersect1d(shown.rows, chosen.rows)
        add, leave = "Select all in sight", "Take all in sight out"
        st.button(add, on_click=chosen.add, args=(new,), key="select-shown", type="tertiary", disabled=not len(new))
        st.button(
            leave, on_click=chosen.leave, args=(known,), key="leave-shown", type="tertiary", disabled=not len(known)
        )

    chosen_bar.bar(chosen, here, poison, "that the filters hide", gestures=False, more=more)


def toggle(row: int, chosen: Selection) -> None:
    """Select the row that is looked at, or take it out."""
    if row in chosen.rows:
        st.button(
            "Take out of the selection", on_click=chosen.leave, args=([row],), key="leave-row", icon=":material/remove:"
        )
    else:
        st.button("Add to the selection", on_click=chosen.add, args=([row],), key="add-row", icon=":material/add:")
