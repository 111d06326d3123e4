"""One row and the rows nearest to it, as the model without defense sees them."""

import html

import numpy as np
import streamlit as st

from app import cache, routes
from app.components import one_row, say
from app.components.choosable import choosable
from app.components.chosen_images import tiles
from app.components.images import Tile, wall
from core.analysis.neighbours import nearest
from core.home import home
from core.runs.view import RunView

NEIGHBOURS = 8


def panel(seen: RunView, every: cache.AllRows, truth: bool, size: int) -> None:
    """The box for the row, the row, and its neighbours; a click on one of these goes on to it."""
    st.subheader(f"Nearest {NEIGHBOURS} in feature space", anchor=False)
    left, right = st.columns([2, 7], gap="medium")
    with left:
        row = one_row.box(len(every.labels))
    if row is None:
        with right:
            say.small("Click a point or an image, or type a row’s number, to see which rows the model finds alike.")
        return
    poison = every.poison if truth else None
    with left:
        st.html(wall(_tiles(seen, every, np.array([row]), poison), round(1.5 * size)))
        st.page_link(
            routes.page("images"),
            label="All about this row",
            icon=":material/grid_view:",
            query_params={"run": seen.run.id, "row": str(row)},
        )
    with right:
        _around(seen, every, row, poison, size)


def _around(seen: RunView, every: cache.AllRows, row: int, poison: np.ndarray | None, size: int) -> None:
    found = neighbours(seen, row)
    if found is None:
        say.small("The features are not stored here: they stay on the machine that computed the run.")
        return
    rows, distances = found
    made = _tiles(seen, every, rows, poison, [f"{distance:.2f}" for distance in distances])
    choosable(made, size, key="neighbours", chosen=None, choose=one_row.take)
    same = int((every.labels[rows] == every.labels[row]).sum())
    name = html.escape((seen.class_names or [])[every.labels[row]])
    say.small_html(
        f"<b>{same} of {len(rows)}</b> carry the same label, “{name}”. The numbers are distances between features that "
        "are scaled to length 1: 0 is the same direction, 2 the opposite one."
    )


def neighbours(seen: RunView, row: int) -> tuple[np.ndarray, np.ndarray] | None:
    """(rows, distances) of the nearest rows; None where the features are not stored."""
    keys = cache.step_keys(seen, "features")
    return _neighbours(str(home()), keys, row, seen) if keys[0] else None


@st.cache_resource(max_entries=256, show_spinner=False)
def _neighbours(
    folder: str, keys: tuple[str | None, ...], row: int, _seen: RunView
) -> tuple[np.ndarray, np.ndarray] | None:
    features = _seen.array("features", "features")
    return None if features is None else nearest(features, row, NEIGHBOURS)


def _tiles(
    seen: RunView, every: cache.AllRows, rows: np.ndarray, poison: np.ndarray | None, more: list[str] | None = None
) -> list[Tile]:
    marked = None if poison is None else poison[rows]
    return tiles(seen, rows, every.labels[rows], poison=marked, removed=None, choosable=True, more=more)
