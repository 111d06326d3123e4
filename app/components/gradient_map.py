"""The map of the gradient space: points that walk from epoch to epoch, thumbnails, and a wall of the chosen ones."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import cache
from app.components import chosen_bar, chosen_images, defend, gradient_data, hover, lens_controls, say, selection
from app.components.chosen_images import tiles
from app.components.gradient_data import Places
from app.components.gradient_look import CONFIG, GradientLook
from app.components.images import wall
from app.components.look import TOOLS
from app.components.selection_table import table
from core.figures import gradients, palette
from core.figures.gradients import Group
from core.home import home

METHODS = ("UMAP", "PCA")
SMOOTH = {"plotGlPixelRatio": 1}
"""Plotly paints four times as many pixels as there are, which a browser without a graphics card does slowly."""
BY = {"class": "Class", "truth": "Truth", "size": "Cluster size", "drop": "When it was dropped", "target": "Distance"}


def panel(look: GradientLook) -> None:
    """Controls, map, and what was chosen on it."""
    method, by, tool = _controls(look)
    found = gradient_data.places(look.seen, method, truth=look.truth)
    if found is None:  # asked for by a link, perhaps, and not made yet
        found = gradient_data.places(look.seen, "PCA", truth=look.truth)
        assert found is not None  # there is a gradient space, and PCA needs no more
        say.small(_no_map(look))
    _map(look, found, by, tool)
    _chosen(look, found)
    _table(look, found)


def _no_map(look: GradientLook) -> str:
    if (look.seen.poison_key, look.seen.victim) != (0, 0):
        return "The UMAP is made for key 1 and victim 1 only; principal components stand in."
    if look.run.live:
        return "The UMAP is the last thing that a run computes; until it is there, principal components stand in."
    return "This run has no UMAP; principal components stand in. Resume or repeat the run to compute it."


def _controls(look: GradientLook) -> tuple[str, str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.segmented_control(
            "Map", METHODS, default="UMAP", key="map", bind="query-params", required=True, width="content"
        )
        offered = [by for by in BY if _offered(look, by)]
        if st.session_state.get("colour") not in offered:
            st.session_state.pop("colour", None)
        first = offered.index("truth") if "truth" in offered else 0
        by = st.selectbox(
            "Colour by", offered, first, format_func=BY.__getitem__, key="colour", bind="query-params", width=150
        )
        tool = lens_controls.tool()
    return str(method), str(by), tool


def _offered(look: GradientLook, by: str) -> bool:
    if by in ("truth", "target"):
        return look.truth
    if by == "size":
        return look.space.sizes is not None
    return by != "drop" or look.arm is not None


def _groups(look: GradientLook, rows: np.ndarray, by: str) -> tuple[list[Group], str]:
    """Who looks how, and a sentence about it."""
    space, at = look.space, look.at
    if by == "truth":
        if not space.telling(look.threshold)[at]:
            words = f"Which poisons are effective cannot be told after epoch {look.epoch}."
            return gradients.by_truth(space.poison[rows], None), words
        words = f"Effective: within {look.threshold:g} of the target’s gradient after epoch {look.epoch}."
        return gradients.by_truth(space.poison[rows], space.effective(look.threshold)[at, rows]), words
    if by == "size" and space.sizes is not None:
        words = f"Rows in the cluster of each row’s medoid after epoch {look.epoch}; 1 stands alone."
        return gradients.by_size(space.sizes[at, rows]), words
    if by == "drop" and look.arm is not None:
        dropped = gradient_data.dropping(look.seen)[look.arm][rows]
        return gradients.by_drop(dropped), f"When {palette.arm_title(look.arm)} dropped each row, in its own training."
    if by == "target":
        words = f"Distance of each row’s gradient to the target’s after epoch {look.epoch}; two are at most 2 apart."
        return gradients.by_distance(space.distances[at, rows]), words
    return gradients.by_class(space.labels[rows], look.seen.class_names or []), "Classes as labelled."


def _map(look: GradientLook, found: Places, by: str, tool: str) -> None:
    groups, words = _groups(look, found.rows, by)
    _, h, w = look.seen.image_shape or (0, 0, 0)
    pictured = hover.fits(len(found.rows), look.seen.image_shape)
    chosen, name = selection.of(look.seen), f"map-{look.place}-{found.method}-{tool}"
    drawn = f"{by} {look.epoch} {look.threshold} {look.arm} {look.truth} {look.big}"
    marked = chosen.marked(name, drawn)
    steps, place = cache.present(look.run), (found.method, by, tool, pictured, marked.tobytes())
    figure = _figure(str(home()), steps, look.choices, place, look, found, groups, marked)
    key = chosen.key(name)
    event = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("points", "lasso", "box"),
        config=CONFIG | SMOOTH | {"scrollZoom": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
        alt=_spoken(look, found),
    )
    how = "principal components of all epochs together"
    if found.method == "UMAP":
        settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.parameters.items())
        how = f"UMAP, each epoch’s map started from the one before ({settings})"
    say.small(
        f"{len(found.rows):,} of {len(look.space.labels):,} rows shown, each by its gradient (softmax − one-hot label) "
        f"in the model without defense. {how[0].upper()}{how[1:]}; axes have no unit. Near points pull the network the "
        f"same way. {words} Play moves the points, their colours stay."
    )
    if pictured:
        sheet = gradient_data.sheet(look.seen, found.rows, found.method, look.truth)
        ids = found.rows.tolist() + [gradients.TARGET] * look.truth
        hover.thumbnails(key, ids, sheet, cache.SHEET_COLUMNS, (h, w), key=f"hover-{look.place}")
    if chosen.from_chart(name, event):
        selection.again()


@st.cache_resource(max_entries=8, show_spinner=False)
def _figure(
    folder: str,
    steps: tuple[str, ...],
    choices: tuple[Any, ...],
    place: tuple[str, str, str, bool, bytes],
    _look: GradientLook,
    _found: Places,
    _groups: list[Group],
    _marked: np.ndarray,
) -> go.Figure:
    """The map, drawn once for everybody who chooses the same; nobody may change it afterwards."""
    _, _, tool, pictured, _ = place
    made = gradients.animated_map(
        _found.positions,
        _found.rows,
        _look.space.epochs,
        _groups,
        start=_look.at,
        target=_look.truth,
        selected=_marked,
        dragmode=TOOLS[tool],
        labels=not pictured,
        big=_look.big,
    )
    return go.Figure(made.to_dict())  # with arrays as they travel, or else they are packed anew for every visitor


def _spoken(look: GradientLook, found: Places) -> str:
    truth = f" {int(look.space.poison[found.rows].sum())} of them are poisons; a star is the target." * look.truth
    return (
        f"{found.method} of the gradients of {len(found.rows)} of {len(look.space.labels)} rows over "
        f"{len(look.space.epochs)} epochs.{truth} The table below holds the same rows."
    )


def _chosen(look: GradientLook, found: Places) -> None:
    """What was chosen, here or on another page, and what would happen without it."""
    chosen, space = selection.of(look.seen), look.space
    truth = space.poison if look.truth else None
    with st.container(key="map-wall"):
        here = np.isin(np.arange(len(space.labels)), found.rows)
        chosen_bar.bar(chosen, here, truth, "that the map does not show")
        chosen_images.chosen(look.seen, chosen.rows, space.labels, truth, 96 if look.big else 64)
    defend.panel(look.seen, space.labels, space.poison, chosen)


def images_of(look: GradientLook, rows: np.ndarray) -> str:
    """A wall of some rows; poisons are marked where that may be seen, and what the defense dropped is ringed."""
    dropped = gradient_data.dropping(look.seen)[look.arm][rows] >= 0 if look.arm is not None else None
    poison = look.space.poison[rows] if look.truth else None
    made = tiles(look.seen, rows, look.space.labels[rows], poison=poison, removed=dropped)
    return wall(made, 96 if look.big else 64)


def _table(look: GradientLook, found: Places) -> None:
    """The same rows as a table, which a keyboard reaches; choosing lines there selects them."""
    with st.expander("The same rows as a table"):
        rows, space, at = found.rows, look.space, look.at
        columns = {
            "row": rows.tolist(),
            "class": [look.name(label) for label in space.labels[rows].tolist()],
            "across": found.positions[at, :-1, 0].tolist(),
            "up": found.positions[at, :-1, 1].tolist(),
        }
        if space.sizes is not None:
            columns["cluster size"] = space.sizes[at, rows].tolist()
        if look.arm is not None:
            dropped = gradient_data.dropping(look.seen)[look.arm][rows].tolist()
            columns["dropped after epoch"] = [None if when < 0 else when for when in dropped]
        if look.truth:
            columns |= {
                "distance to the target": space.distances[at, rows].tolist(),
                "poison": space.poison[rows].tolist(),
            }
        alt = f"{len(rows)} rows with their places after epoch {look.epoch}."
        table(selection.of(look.seen), f"rows-{look.place}-{found.method}", columns, height=260, alt=alt)
