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
    chosen_bar.bar(chosen, here, poison, "that the filters hide", gestures=False)
    with st.container(horizontal=True, gap="small"):
        many = f"{len(shown.rows):,} row{'s' * (len(shown.rows) != 1)}"
        st.button(
            f"Select {many}",
            on_click=chosen.add,
            args=(shown.rows,),
            key="select-shown",
            icon=":material/playlist_add_check:",
            disabled=not len(np.setdiff1d(shown.rows, chosen.rows)),
        )
        st.button(
            f"Take {many} out",
            on_click=chosen.leave,
            args=(shown.rows,),
            key="leave-shown",
            icon=":material/playlist_remove:",
            disabled=not len(np.intersect1d(shown.rows, chosen.rows)),
        )


def toggle(row: int, chosen: Selection) -> None:
    """Select the row that is looked at, or take it out."""
    if row in chosen.rows:
        st.button(
            "Take out of the selection", on_click=chosen.leave, args=([row],), key="leave-row", icon=":material/remove:"
        )
    else:
        st.button("Add to the selection", on_click=chosen.add, args=([row],), key="add-row", icon=":material/add:")
