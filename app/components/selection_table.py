"""A table of rows whose chosen lines change the selection: what a chart holds, for a keyboard and a screen reader."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from app.components import selection
from app.components.selection import Selection


def table(chosen: Selection, name: str, columns: Mapping[str, Sequence[Any]], *, height: int, alt: str) -> np.ndarray:
    """Draw it.

    Args:
        chosen: what its lines change.
        name: of the table among all that change the same selection.
        columns: a value a line each; `row` holds the rows' ids.
        height: pixels.
        alt: what it is, in words.

    Returns:
        (m,) int64: the rows whose lines are chosen.
    """
    event = st.dataframe(
        columns,
        key=chosen.key(name),
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=height,
        alt=alt,
    )
    picked = [int(columns["row"][place]) for place in event["selection"]["rows"]]
    if chosen.command(name, picked):
        selection.again()
    return np.array(picked, dtype=np.int64)
