"""Shares and counts over training as lines with bands: what stays, what is effective, what succeeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures import palette


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: in the legend.
        x, y: (points,) float.
        colour, dash, symbol: two channels beside the name.
        low, high: (points,) float, the band; None without.
        note: for the pointer, after the value.
        steps: whether it holds its value until the next point.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    dash: str = "solid"
    symbol: str = "circle"
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    note: str = ""
    steps: bool = False


@dataclass(frozen=True)
class Panel:
    """One of the charts that share an axis of epochs.

    Attributes:
        title: above it.
        lines: those drawn.
        percent: whether values are shares, drawn from 0 to 100 %.
        silent: epochs at which it says nothing, shaded.
        why: why there is nothing to draw.
    """

    title: str
    lines: Sequence[Line]
    percent: bool = True
    silent: tuple[int, ...] = ()
    why: str = "Nothing measured"


def stacked(panels: Sequence[Panel], epochs: int, *, now: int | None = None, big: bool = False) -> go.Figure:
    """Charts above each other on one axis of epochs.

    Args:
        panels: from the top.
        epochs: length of the axis.
        now: the epoch that the rest of the page is about, drawn as a rule.
        big: presentation size.
    """
    figure = make_subplots(
        len(panels), 1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=[panel.title for panel in panels]
    )
    for row, panel in enumerate(panels, start=1):
        for trace in (part for line in panel.lines for part in traces(line, panel.percent)):
            figure.add_trace(trace, row=row, col=1)
        _axis(figure, panel, row)
        for epoch in panel.silent:
            figure.add_vrect(
                epoch - 0.35, epoch + 0.35, fillcolor=palette.GREY, opacity=0.22, line_width=0, row=row, col=1
            )
        if now is not None and panel.lines:
            figure.add_vline(now, line={"color": palette.GREY, "width": 1.5, "dash": "dot"}, row=row, col=1)
        if not panel.lines:
            figure.add_trace(go.Scatter(x=[epochs / 2], y=[0.5], mode="text", text=[panel.why], hoverinfo="skip",
                                        showlegend=False), row=row, col=1)  # fmt: skip
    palette.styled(figure, height=90 + 165 * len(panels), big=big)
    figure.update_annotations(font_size=palette.BIG_FONT_SIZE if big else palette.FONT_SIZE, x=0, xanchor="left")
    figure.update_xaxes(range=[-0.4, epochs + 0.4], dtick=1 if epochs <= 20 else None)
    figure.update_xaxes(title="Epoch", row=len(panels), col=1)
    figure.update_layout(margin_t=28, hovermode="x unified", uirevision="epochs")
    return figure


def chart(
    panel: Panel, epochs: int | None, *, x_title: str = "Epoch", y_title: str = "", big: bool = False
) -> go.Figure:
    """One chart; its horizontal axis are epochs, or with `epochs` None shares in percent."""
    figure = go.Figure([part for line in panel.lines for part in traces(line, panel.percent)])
    palette.styled(figure, height=330, big=big)
    _axis(figure, panel, None)
    figure.update_yaxes(title=y_title)
    if epochs is None:
        figure.update_xaxes(title=x_title, ticksuffix=" %", rangemode="tozero")
        figure.update_layout(hovermode="closest")
    else:
        figure.update_xaxes(title=x_title, range=[-0.3, epochs + 0.3], dtick=1 if epochs <= 20 else None)
        figure.update_layout(hovermode="x unified")
    return figure


def _axis(figure: go.Figure, panel: Panel, row: int | None) -> None:
    where = {} if row is None else {"row": row, "col": 1}
    if not panel.lines:
        figure.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False, **where)
    elif panel.percent:
        figure.update_yaxes(range=[-3, 104], ticksuffix=" %", dtick=25 if row is None else 50, **where)
    else:
        figure.update_yaxes(rangemode="tozero", **where)


def traces(line: Line, percent: bool) -> list[go.Scatter]:
    """A line and, where it has one, its band."""
    scale, form = (100.0, ".1f") if percent else (1.0, ".0f")
    drawn = []
    if line.low is not None and line.high is not None:
        drawn.append(palette.band(line.x, scale * line.low, scale * line.high, line.colour))
    drawn.append(
        go.Scatter(
            x=line.x,
            y=scale * line.y,
            name=line.name,
            mode="lines+markers",
            line={"color": line.colour, "dash": line.dash, "width": 2.5, "shape": "hv" if line.steps else "linear"},
            marker={"color": line.colour, "symbol": line.symbol, "size": 6},
            hovertemplate=f"%{{y:{form}}}{' %' if percent else ''}{line.note}",
        )
    )
    return drawn
