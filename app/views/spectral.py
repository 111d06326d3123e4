"""Spectral: every class of a poisoned training set on its top singular vectors; choose rows, and remove them."""

from typing import Any

import numpy as np
import streamlit as st

from app import cache, queueing
from app.components import (
    chosen_bar,
    chosen_images,
    cut,
    defend,
    drawing,
    lens_controls,
    lens_map,
    pair,
    row_neighbours,
    say,
    selection,
    spectral_panel,
    which_run,
)
from app.components.look import Look
from app.components.selection import Selection
from app.components.selection_table import table
from core.errors import PoisonscopeError
from core.figures import spectral
from core.runs.store import Run
from core.runs.view import RunView
from core.spec import parse

LOOK = 5.0
"""Seconds between two looks at a run on its way."""
EXPLAINED = """
Every training image goes through the model once; what comes out before the last layer is a point in many dimensions.
Move the points $x_i$ of one class so that their mean $\\bar x$ is the origin, and look along the directions in which
they spread most: the top right singular vectors $v_1, v_2, v_3$ of the matrix whose rows are $x_i - \\bar x$.
A row's suspicion score is its squared coordinate on the first:

$$s_i = \\langle x_i - \\bar x,\\; v_1 \\rangle^2, \\qquad
v_1 = \\arg\\max_{\\lVert v \\rVert = 1} \\sum_i \\langle x_i - \\bar x,\\; v \\rangle^2$$

Poisons of a class share something that its clean rows lack, so their mean lies elsewhere. With a share
$\\varepsilon$ of poisons and a shift $\\Delta$ between both means, the covariance gains
$\\varepsilon (1 - \\varepsilon)\\, \\Delta \\Delta^\\top$. Where that is large against the spread of the clean rows,
$v_1$ points along $\\Delta$, and poisons stick out.

**It fails** where poisons are so few, or so like clean rows, that the shift drowns in the spread; where they are so
many that they are the spread; and where several triggers shift the class to several sides.
"""


def page() -> None:
    """The page."""
    run = which_run.asked("Spectral", "spectral")
    if run is None:
        return
    which_run.heading(run, f"Who stands apart in {run.name}?")
    st.fragment(_browse, run_every=LOOK if run.live else None)(run.id)
    with st.expander("What is this, and when does it fail?"):
        st.markdown(EXPLAINED)


def _browse(run_id: str) -> None:
    """Everything but heading and explanation; it reruns alone."""
    run = cache.store().run(run_id)
    seen = pair.pick(run)
    every = cache.all_rows(seen)
    if every is None or seen.projection is None:
        _nothing(run, seen, images=every is not None)
        return
    chosen = selection.of(seen)
    look = lens_controls.controls(seen, list(every.scores))
    rows = cache.class_rows(seen, look.label, look.defense)
    if not len(rows.rows):
        say.empty("No row carries this label", "Choose another class.")
        return
    _lens(look, rows, every, chosen)
    truth = every.poison if look.truth else None
    chosen_images.chosen(seen, chosen.rows, every.labels, truth, look.tile)
    chosen_images.suspects(look, every, chosen)
    row_neighbours.panel(seen, every, look.truth, look.tile)
    _table(look, rows, chosen)


def _lens(look: Look, rows: cache.ClassRows, every: cache.AllRows, chosen: Selection) -> None:
    left, right = st.columns([6, 4], gap="medium")
    with right:
        selected = st.container(key="selected")  # filled when the map has told what was drawn on it
        kept = spectral_panel.scores(look, rows)
        removed = spectral_panel.removed(rows, kept)
        if removed is not None:
            st.button(
                f"Select the {int(removed.sum()):,} rows that this cut removes",
                on_click=chosen.add,
                args=(rows.rows[removed],),
                key="select-removed",
                icon=":material/playlist_add_check:",
                disabled=not removed.any(),
                width="stretch",
            )
        spectral_panel.values(look)
    with left:
        lens_map.chart(look, rows, removed, chosen)
        defend.panel(look.seen, every.labels, every.poison, chosen)
    with selected:
        truth = every.poison if look.truth else None
        chosen_bar.bar(chosen, every.labels == look.label, truth, "in other classes")
        here = chosen.rows[every.labels[chosen.rows] == look.label]
        chosen_images.beside(look.seen, here, every.labels, truth, look.tile)


# ---- nothing to see


def _nothing(run: Run, seen: RunView, images: bool) -> None:
    if drawing.awaited(seen):
        drawing.wait(seen)
    elif run.live:
        say.empty("The run has not come that far", "Singular directions are found after the first training.")
    elif run.spec.get("attack") is None:
        say.empty("Nothing was poisoned", "This run has no attack, so there is no poisoned training set to look at.")
    elif images:
        _uncomputed(run)
    else:
        say.empty("Nothing to look at", "The images of this run are not stored here; resume the run to compute them.")


def _uncomputed(run: Run) -> None:
    """The images are there, their projection is not: it can be computed in a moment."""
    say.empty("This run stored no projection", "Its spectral analysis was switched off, or its files are gone.")
    try:
        wanted = parse({**run.spec, "name": run.name, "analysis": {"spectral": True}})
    except PoisonscopeError as error:
        say.small(f"This version cannot repeat the run: {error}")
        return
    if st.button("Compute it", type="primary", key="compute-projection", icon=":material/bubble_chart:"):
        queueing.start(wanted, f"projection-{run.id}")


# ---- the same as a table


def _table(look: Look, rows: cache.ClassRows, chosen: Selection) -> None:
    """The same rows as a table, which a keyboard reaches; choosing lines there selects them."""
    with st.expander("The same rows as a table"):
        columns: dict[str, Any] = {"row": rows.rows}
        if rows.scores is not None:
            columns["suspicion score"] = rows.scores
        if rows.flagged is not None:
            columns["removed by the filter"] = rows.flagged
        if rows.coordinates is not None:
            columns |= {f"v{i + 1}": rows.coordinates[:, i] for i in range(rows.coordinates.shape[1])}
        if look.truth:
            columns["poison"] = rows.poison
        order = np.arange(len(rows.rows)) if rows.scores is None else np.argsort(-rows.scores)
        columns = {name: column[order] for name, column in columns.items()}
        alt = f"{len(rows.rows)} rows with scores and coordinates, the most suspicious first."
        table(chosen, f"table-{look.place}", columns, height=260, alt=alt)
        if rows.scores is not None:
            st.plotly_chart(
                spectral.score_histogram(
                    rows.scores,
                    poison=rows.poison if look.truth else None,
                    cut=cut.own_cut(rows.scores, rows.flagged),
                    big=look.big,
                ),
                key=f"histogram-{look.place}",
                config={"displaylogo": False, "toImageButtonOptions": {"scale": 3}},
                alt="Histogram of the suspicion scores, to be saved as a picture.",
            )
