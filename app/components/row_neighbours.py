"""One row and the rows nearest to it, as the model without defense sees them."""

import html
from dataclasses import dataclass

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
    say.section("Nearest neighbours")
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
    found = neighbours(seen, every, row)
    if found is None:
        say.small("Neither the features nor the projection of this run are stored here.")
        return
    made = _tiles(seen, every, found.rows, poison, [f"{distance:.2f}" for distance in found.distances])
    choosable(made, size, key="neighbours", chosen=None, choose=one_row.take)
    same = int((every.labels[found.rows] == every.labels[row]).sum())
    name = html.escape((seen.class_names or [])[every.labels[row]])
    if found.whole:
        how = "distances between features that are scaled to length 1: 0 is the same direction, 2 the opposite one"
        say.small_html(f"<b>{same} of {len(found.rows)}</b> carry the same label, “{name}”. The numbers are {how}.")
    else:
        say.small_html(
            f"The features of this run are not stored here: these are the nearest among those labelled “{name}”, on "
            "the three singular vectors of that class."
        )


@dataclass(frozen=True)
class Neighbours:
    """Rows and their distances, the nearest first; `whole` where the features told, and not their projection."""

    rows: np.ndarray
    distances: np.ndarray
    whole: bool


def neighbours(seen: RunView, every: cache.AllRows, row: int) -> Neighbours | None:
    """The nearest rows in feature space or, where the features are not stored, on the singular vectors of the class."""
    keys = cache.step_keys(seen, "features", "spectral")
    return _neighbours(str(home()), keys, row, seen, every) if any(keys) else None


@st.cache_resource(max_entries=256, show_spinner=False)
def _neighbours(
    folder: str, keys: tuple[str | None, ...], row: int, _seen: RunView, _every: cache.AllRows
) -> Neighbours | None:
    features, projection = _seen.array("features", "features"), _seen.projection
    if features is not None:
        return Neighbours(*nearest(features, row, NEIGHBOURS), True)
    if projection is None:
        return None
    alike = np.flatnonzero(_every.labels == _every.labels[row])
    places, distances = nearest(projection[alike], int(np.searchsorted(alike, row)), NEIGHBOURS, by_angle=False)
    return Neighbours(alike[places], distances, False)


def _tiles(
    seen: RunView, every: cache.AllRows, rows: np.ndarray, poison: np.ndarray | None, more: list[str] | None = None
) -> list[Tile]:
    marked = None if poison is None else poison[rows]
    return tiles(seen, rows, every.labels[rows], poison=marked, removed=None, choosable=True, more=more)
