"""The rows of one class on its singular vectors: points to hover, click and draw around."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import cache
from app.components import hover, say
from app.components.look import AXES, TOOLS, Look
from app.components.selection import Selection, again
from core.charts import lens
from core.figures import groups, spectral
from core.figures.groups import Group

HEIGHT, SMALL = 590, 430
"""Pixels of the map on its own page, where with its legend it fits below the controls on a small screen; elsewhere."""
CONFIG = {
    "displaylogo": False,
    "scrollZoom": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
    "toImageButtonOptions": {"scale": 3},
}


def chart(look: Look, rows: cache.ClassRows, removed: np.ndarray | None, chosen: Selection) -> None:
    """The map whose points can be chosen; draws the page again where the choice is not what the map shows."""
    name = f"scatter-{look.place}-{list(AXES).index(look.axes)}-{look.tool}"
    figure, shown = _figure(look, rows, removed, chosen.marked(name, _drawn(look, removed)))
    key = chosen.key(name)
    event = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("points", "lasso", "box"),
        config=CONFIG,
        alt=_spoken(look, rows, removed),
    )
    say.small(
        f"Showing {shown:,} of {len(rows.rows):,} training images that are labelled as this class. Point at one to see "
        "it, click to keep it; in the legend a click hides a group, a double click shows it alone."
    )
    _thumbnails(look, rows, key)
    if chosen.from_chart(name, event):
        again()


def picture(look: Look, rows: cache.ClassRows, removed: np.ndarray | None) -> None:
    """The map to look at only, with thumbnails."""
    figure, shown = _figure(look, rows, removed, None)
    key = f"scatter-{look.place}"
    st.plotly_chart(figure.update_layout(height=SMALL), key=key, config=CONFIG, alt=_spoken(look, rows, removed))
    say.small(f"Showing {shown:,} of {len(rows.rows):,} training images that are labelled as this class.")
    _thumbnails(look, rows, key)


def _figure(
    look: Look, rows: cache.ClassRows, removed: np.ndarray | None, selected: np.ndarray | None
) -> tuple[go.Figure, int]:
    """The figure, and how many rows it shows."""
    assert rows.coordinates is not None
    shown = lens.sampled(len(rows.rows), rows.flagged)
    ringed = removed is not None and look.colour != "removed"
    figure = spectral.projection(
        rows.coordinates[shown],
        rows.rows[shown],
        axes=AXES[look.axes],
        removed=removed[shown] if removed is not None and ringed else None,
        coloured=[replace(group, points=group.points[shown]) for group in _groups(look, rows, removed)],
        selected=selected,
        dragmode=TOOLS[look.tool],
        labels=not hover.fits(len(rows.rows), look.seen.image_shape),
        big=look.big,
    )
    if not look.big:
        figure.update_layout(height=HEIGHT)
    return figure, len(shown)


def _groups(look: Look, rows: cache.ClassRows, removed: np.ndarray | None) -> list[Group]:
    """Who looks how; nothing of it depends on the truth while that is hidden."""
    if look.colour == "truth" and look.truth:
        return groups.by_poison(rows.poison, rows.cover)
    if look.colour == "score" and rows.scores is not None:
        return groups.by_score(rows.scores)
    if look.colour == "removed" and removed is not None:
        return groups.by_removal(removed)
    return groups.alike(len(rows.rows), "Rows")


def _drawn(look: Look, removed: np.ndarray | None) -> str:
    """What of the figure can change while its key stays; Streamlit forgets the selection then."""
    return f"{look.colour} {look.truth} {look.big} {0 if removed is None else removed.sum()}"


def _spoken(look: Look, rows: cache.ClassRows, removed: np.ndarray | None) -> str:
    count = 0 if removed is None else int(removed.sum())
    truth = f" {int(rows.poison.sum())} of them are poisons." if look.truth else ""
    return f"{len(rows.rows)} rows of one class on singular vectors {look.axes}; {count} are removed.{truth}"


def _thumbnails(look: Look, rows: cache.ClassRows, chart_key: str) -> None:
    if not hover.fits(len(rows.rows), look.seen.image_shape):
        say.small("This class has too many images for thumbnails under the pointer; a click shows one.")
        return
    sheet = cache.sheet(look.seen, look.label, rows.rows)
    _, h, w = look.seen.image_shape or (0, 0, 0)
    hover.thumbnails(chart_key, rows.rows.tolist(), sheet, cache.SHEET_COLUMNS, (h, w), key=f"hover-{look.place}")
