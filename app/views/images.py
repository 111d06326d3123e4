"""Images: the training set as the victim saw it, row by row."""

import numpy as np
import streamlit as st

from app import cache
from app.components import frame, one_row, pair, row_detail, row_filter, row_selection, say, selection, which_run
from app.components.choosable import choosable
from app.components.chosen_images import tiles
from app.components.selection import Selection
from core.runs.store import Run
from core.runs.view import RunView

PAGE = 48
LOOK = 5.0
"""Seconds between two looks at a run on its way."""
LISTED = 1000
"""Rows of the table: more than that is nothing to walk through with a keyboard."""


def page() -> None:
    """The page."""
    run = which_run.asked("Images", "images")
    if run is None:
        return
    which_run.heading(run, f"Images of {run.name}")
    st.fragment(_browse, run_every=LOOK if run.live else None)(run.id)


def _browse(run_id: str) -> None:
    """Filter bar, wall and detail; it reruns alone."""
    run = cache.store().run(run_id)
    seen = pair.pick(run)
    every = cache.all_rows(seen)
    if every is None:
        _nothing(run)
        return
    chosen = selection.of(seen)
    shown = row_selection.only(row_filter.bar(every, seen.class_names or [], frame.truth()), chosen)
    left, right = st.columns([7, 5], gap="large")
    with right, st.container(key="row-detail"):
        row = one_row.box(len(every.labels))
        if row is None:
            say.empty("No image chosen", "Click one, or type the number of its row.")
        else:
            row_selection.toggle(row, chosen)
            row_detail.draw(seen, every, row, frame.truth())
    with left:
        row_selection.bar(shown, every, chosen)
        _wall(seen, every, shown, row, chosen)
    _table(seen, every, shown)


def _nothing(run: Run) -> None:
    if run.live:
        say.empty("Not yet", "The images appear here when they are loaded and the poisons are made.")
    else:
        say.empty("The images are not stored here", "Resume or repeat the run to compute them again.")


def _wall(
    seen: RunView, every: cache.AllRows, shown: row_filter.Shown, looked_at: int | None, chosen: Selection
) -> None:
    if not len(shown.rows):
        say.empty("No row passes these filters", "Widen one of them.")
        return
    poisons = f", {int(every.poison[shown.rows].sum()):,} of them poison" if frame.truth() else ""
    st.markdown(f"**{len(shown.rows):,} of {len(every.labels):,} rows**{poisons}")
    pages = -(-len(shown.rows) // PAGE)
    # other filters, other pages: each set of them starts at its first
    number = st.pagination(pages, key=f"page {shown.asked}") if pages > 1 else 1
    rows = shown.rows[(number - 1) * PAGE : number * PAGE]
    flagged = every.flagged.get(shown.defense or "")
    made = tiles(
        seen,
        rows,
        every.labels[rows],
        poison=every.poison[rows] if frame.truth() else None,
        removed=None if flagged is None else flagged[rows],
        selected=np.isin(rows, chosen.rows),
        choosable=True,
    )
    choosable(made, 84 if frame.big() else 60, key="all-images", chosen=looked_at, choose=one_row.take)
    marks = "Outlined: poison. " * frame.truth() + "Green ring: removed by the filter. " * (flagged is not None)
    marks += "✓: selected. " * bool(len(chosen.rows))
    say.small(f"{marks}Click an image, or press Enter on it, to see it large; the arrow keys walk.")


def _table(seen: RunView, every: cache.AllRows, shown: row_filter.Shown) -> None:
    """The same rows as a table, which a keyboard reaches; choosing a line there chooses the row."""
    if not len(shown.rows):
        return
    with st.expander("The same rows as a table"):
        rows, names = shown.rows[:LISTED], seen.class_names or []
        columns = {"row": rows.tolist(), "label": [names[label] for label in every.labels[rows]]}
        for defense, scores in every.scores.items():
            columns[f"score: {defense.replace('_', ' ')}"] = scores[rows].tolist()
        for defense, flagged in every.flagged.items():
            columns[f"removed: {defense.replace('_', ' ')}"] = flagged[rows].tolist()
        if frame.truth():
            columns["poison"] = every.poison[rows].tolist()

        def choose() -> None:
            picked = st.session_state["rows-table"]["selection"]["rows"]
            if picked:
                one_row.take(int(rows[picked[0]]))

        st.dataframe(
            columns,
            key="rows-table",
            on_select=choose,
            selection_mode="single-row",
            hide_index=True,
            height=320,
            alt=f"{len(shown.rows)} rows with labels and scores.",
        )
        if len(shown.rows) > LISTED:
            say.small(f"The first {LISTED:,} of {len(shown.rows):,} rows.")
