"""The pictures of spectral signatures: a class in its top singular directions, its scores, its singular values."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures import groups, palette
from core.figures.groups import Group

GL_ABOVE = 3000
"""More points than this are drawn by WebGL; fewer stay SVG, which needs no graphics driver and exports sharply."""


def projection(
    coordinates: np.ndarray,
    rows: np.ndarray,
    *,
    axes: tuple[int, int] = (0, 1),
    poison: np.ndarray | None = None,
    removed: np.ndarray | None = None,
    coloured: Sequence[Group] | None = None,
    selected: np.ndarray | None = None,
    dragmode: str = "pan",
    labels: bool = True,
    big: bool = False,
) -> go.Figure:
    """The rows of one class on two of its top right singular vectors.

    Args:
        coordinates: (m, 3) float, centred coordinates of the class's rows.
        rows: (m,) int64, their row ids; come back as `customdata` of a selection.
        axes: which two of the three columns, from 0.
        poison: (m,) bool; None hides the truth, and then nothing in the figure depends on it.
        removed: (m,) bool, rows to ring.
        coloured: who looks how, each point in one group; by `poison` unless given.
        selected: row ids that are drawn as chosen; None or none at all: nothing is chosen.
        dragmode: Plotly's tool: pan, lasso or select.
        labels: whether the row id appears at the pointer; off where something else shows it.
        big: presentation size.
    """
    across, up = axes
    draw = go.Scattergl if len(rows) > GL_ABOVE else go.Scatter
    figure = go.Figure()
    if removed is not None and removed.any():
        # Rings go underneath and do not answer the pointer, so that a ringed point can still be clicked.
        figure.add_trace(
            draw(
                x=coordinates[removed, across],
                y=coordinates[removed, up],
                mode="markers",
                name=f"Removed ({int(removed.sum()):,})",
                marker={"symbol": "circle-open", "size": 15, "color": palette.GREEN, "line": {"width": 2}},
                hoverinfo="skip",
            )
        )
    if coloured is None:
        coloured = groups.alike(len(rows), "Rows") if poison is None else groups.by_poison(poison)
    for group in coloured:
        chosen = group.points
        figure.add_trace(
            draw(
                x=coordinates[chosen, across],
                y=coordinates[chosen, up],
                customdata=rows[chosen],
                mode="markers",
                name=f"{group.name} ({int(chosen.sum()):,})",
                marker={"symbol": group.symbol, "size": group.size, "color": group.colour, "opacity": 0.8},
                selectedpoints=groups.places(rows[chosen], selected),
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 0.3}},
                hovertemplate="row %{customdata}<extra></extra>" if labels else None,
                hoverinfo=None if labels else "none",
            )
        )
    palette.styled(figure, height=520, big=big)
    # Whoever zoomed in keeps that while rings follow the cut; groups that are hidden stay so until there are others.
    figure.update_layout(dragmode=dragmode, hovermode="closest", legend_itemsizing="constant", uirevision="map")
    figure.update_layout(legend_uirevision=" ".join(group.name for group in coloured))
    figure.update_xaxes(title=f"Along singular vector v{across + 1}")
    figure.update_yaxes(title=f"Along singular vector v{up + 1}")
    return figure


def bins(scores: np.ndarray, count: int = 48, *, power: int = 1) -> np.ndarray:
    """Edges of a histogram that hold every score; one unit wide in all where all scores are equal.

    Args:
        scores: (m,) float.
        count: number of bins.
        power: 1 for bins of equal width; 2 for bins of equal width on a square-root axis.

    Returns:
        (count + 1,) float64, ascending.
    """
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 1.0)
    if not high > low:
        high = low + 1.0
    edges = low + (high - low) * np.linspace(0, 1, count + 1) ** power
    edges[-1] = high
    return edges


def stretch(scores: np.ndarray) -> int:
    """The power for `bins`: 2 where most scores huddle at the low end, as squares do, and 1 elsewhere."""
    if not len(scores):
        return 1
    low, middle, high = np.quantile(scores, (0, 0.5, 1))
    return 2 if high - middle > 5 * (middle - low) else 1


def score_histogram(
    scores: np.ndarray, *, poison: np.ndarray | None = None, cut: float | None = None, big: bool = False
) -> go.Figure:
    """How many rows have which suspicion score, and where the cut lies.

    Args:
        scores: (m,) float, higher = more suspicious.
        poison: (m,) bool; None hides the truth.
        cut: rows at or above it would be removed.
        big: presentation size.
    """
    edges = bins(scores)
    centres = (edges[:-1] + edges[1:]) / 2
    groups = [("Rows", np.ones(len(scores), bool), palette.BLUE, "")]
    if poison is not None:
        groups = [("Clean rows", ~poison, palette.BLUE, ""), ("Poisons", poison, palette.VERMILION, "/")]
    figure = go.Figure()
    for name, chosen, colour, pattern in groups:
        counts = np.histogram(scores[chosen], edges)[0]
        figure.add_trace(
            go.Bar(
                x=centres,
                y=counts,
                name=name,
                marker={"color": colour, "pattern": {"shape": pattern}},
                hovertemplate="%{y} rows",
            )
        )
    palette.styled(figure, height=300, big=big)
    figure.update_layout(barmode="stack", bargap=0.04)
    figure.update_xaxes(title="Suspicion score")
    figure.update_yaxes(title="Rows")
    if cut is not None:
        figure.add_vline(x=cut, line={"color": palette.GREY, "width": 2, "dash": "dot"})
    return figure


def singular_values(values: np.ndarray, label: int, *, big: bool = False) -> go.Figure:
    """The largest singular values of one class as bars, those of every other class as dots.

    Args:
        values: (k, r) float, a class a row, largest first.
        label: the class whose bars are drawn.
        big: presentation size.
    """
    k, r = values.shape
    place = np.arange(1, r + 1)
    others = [other for other in range(k) if other != label]
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            x=place,
            y=values[label],
            name="This class",
            marker={"color": palette.BLUE},
            width=0.6,
            hovertemplate="%{y:.2f}",
        )
    )
    if others:
        figure.add_trace(
            go.Scatter(
                x=np.tile(place, len(others)),
                y=values[others].ravel(),
                mode="markers",
                name="Other classes",
                marker={"symbol": "line-ew-open", "size": 14, "color": palette.GREY, "line": {"width": 2}},
                hovertemplate="%{y:.2f}",
            )
        )
    palette.styled(figure, height=300, big=big)
    figure.update_xaxes(title="Singular vector", dtick=1 if r <= 12 else None)
    figure.update_yaxes(title="Singular value", rangemode="tozero")
    return figure
