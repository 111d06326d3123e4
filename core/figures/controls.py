"""A number a class beside the same number of controls: points on three lines."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures import palette

LINES = ("as it came", "without its suspects", "without random rows")
LOOKS = (
    (palette.BLUE, "circle"),
    (palette.GREY, "diamond"),
    (palette.PURPLE, "square"),
)


def strips(
    values: Sequence[np.ndarray], names: Sequence[str], label: int | None, title: str, *, far: bool, big: bool = False
) -> go.Figure:
    """Three lines of points, the set as it came on top; the class that stands out most is named.

    Args:
        values: three (k,) float arrays, in the order of `LINES`; NaN is left out.
        names: of the k classes.
        label: the class that is named; None names none.
        title: of the axis.
        far: whether it lies far outside of the controls.
        big: presentation size.
    """
    figure = go.Figure()
    for line, points, (colour, symbol) in zip(LINES, values, LOOKS, strict=True):
        there = np.flatnonzero(np.isfinite(points))
        figure.add_trace(
            go.Scatter(
                x=points[there],
                y=[line] * len(there),
                mode="markers",
                name=line,
                text=[names[int(each)] for each in there],
                marker={"color": colour, "symbol": symbol, "size": 11, "opacity": 0.75, "line": {"width": 1}},
                hovertemplate="%{text}: %{x:.3f}<extra></extra>",
            )
        )
    if label is not None and np.isfinite(values[0][label]):
        colour = palette.VERMILION if far else palette.BLUE
        figure.add_trace(
            go.Scatter(
                x=[values[0][label]],
                y=[LINES[0]],
                mode="markers+text",
                text=[names[label]],
                textposition="top center",
                cliponaxis=False,
                marker={"color": colour, "symbol": "star" if far else "circle-open", "size": 16, "line": {"width": 2}},
                hoverinfo="skip",
                name="stands out most",
            )
        )
    palette.styled(figure, height=185, big=big, legend=False)
    figure.update_layout(margin={"t": 26})
    figure.update_xaxes(title=title)
    figure.update_yaxes(categoryorder="array", categoryarray=LINES[::-1], range=[-0.6, 2.7])
    return figure
