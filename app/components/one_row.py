"""The one row that a page looks at closely: it stands in the link, and other pages about the run look at it too."""

import streamlit as st


def take(row: int) -> None:
    """Look at this row; for a callback, or before the box is drawn."""
    if row >= 0:  # below that lies what is no training image, such as the target
        st.session_state["row"] = row


def box(n: int) -> int | None:
    """The number of the row, which can be typed; None where none is chosen.

    Args:
        n: rows of the training set.
    """
    row = st.session_state.get("row")
    if row is not None and not 0 <= row < n:  # another run's
        st.session_state.pop("row")
    row = st.number_input("Row", 0, n - 1, value=None, key="row", bind="query-params", placeholder="none chosen")
    return None if row is None else int(row)
