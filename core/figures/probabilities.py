"""What victims make of the target images while they learn, as small multiples."""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures import palette

OTHERS = 8
"""Classes beside the true and the wanted one that a small plot shows: those with the highest peaks."""
ACROSS = 4
"""Small plots side by side."""
WANTED = {"color": palette.VERMILION, "symbol": "diamond", "dash": "dash"}
TRUE = {"color": palette.BLUE, "symbol": "circle", "dash": "solid"}


def target_probabilities(
    curves: Sequence[np.ndarray],
    wanted: Sequence[int],
    true: Sequence[int],
    titles: Sequence[str],
    *,
    control: Sequence[float | None] = (),
    big: bool = False,
) -> go.Figure:
    """What victims make of target images while they learn: one small plot each, all classes, two of them highlighted.

    Args:
        curves: one (victims, epochs + 1, k) float array in [0, 1] a plot; column 0 is before training.
        wanted, true: a class a plot: the one that the attacker wants, and the target's own.
        titles: a few words a plot; a second line after a line break.
        control: a plot's probability of the wanted class in the clean baseline, drawn as a dotted rule; None without.
        big: presentation size.

    Returns:
        A figure in percent. Lines are means over the victims, bands go from the lowest to the highest.
    """
    columns = min(ACROSS, max(1, len(curves)))
    rows = max(1, -(-len(curves) // columns))
    figure = make_subplots(
        rows,
        columns,
        shared_xaxes=True,
        shared_yaxes=True,
        subplot_titles=[html.escape(title).replace("\n", "<br>") for title in titles],
        horizontal_spacing=0.02,
        vertical_spacing=0.3 / rows,
    )
    for place, measured in enumerate(curves):
        where = {"row": place // columns + 1, "col": place % columns + 1}
        rule = control[place] if place < len(control) else None
        for trace in _small_plot(100 * measured, wanted[place], true[place], first=place == 0, rule=rule):
            figure.add_trace(trace, **where)
    palette.styled(figure, height=100 + 165 * rows if rows > 1 else 320, big=big)
    size = palette.BIG_FONT_SIZE if big else palette.FONT_SIZE
    figure.update_annotations(font_size=size)
    for place in range(max(0, len(curves) - columns), len(curves)):  # the lowest of every column
        figure.update_xaxes(title="Epoch", showticklabels=True, row=place // columns + 1, col=place % columns + 1)
    figure.update_yaxes(range=[-3, 103], ticksuffix=" %", dtick=50)
    figure.update_layout(margin_t=45, hovermode="x unified")
    return figure


def _small_plot(percent: np.ndarray, wanted: int, true: int, *, first: bool, rule: float | None) -> list[go.Scatter]:
    """The traces of one plot; only the first plot's stand in the legend."""
    epochs = np.arange(percent.shape[1])
    mean = percent.mean(axis=0)
    traces = [_greys(epochs, mean, {wanted, true}, first)]
    if rule is not None:
        traces.append(
            go.Scatter(
                x=epochs[[0, -1]],
                y=[100 * rule] * 2,
                name="Wanted class, in the clean baseline at the end",
                legendgroup="control",
                legendrank=3,
                showlegend=first,
                mode="lines",
                line={"color": palette.GREY, "dash": "dash", "width": 2},
                hoverinfo="skip",
            )
        )
    for label, name, look, rank in ((true, "True class", TRUE, 1), (wanted, "Wanted class", WANTED, 2)):
        if len(percent) > 1:
            traces.append(
                palette.band(epochs, percent[:, :, label].min(axis=0), percent[:, :, label].max(axis=0), look["color"])
            )
        traces.append(
            go.Scatter(
                x=epochs,
                y=mean[:, label],
                name=name,
                legendgroup=name,
                legendrank=rank,
                showlegend=first,
                mode="lines+markers",
                line={"color": look["color"], "dash": look["dash"], "width": 2.2},
                marker={"color": look["color"], "symbol": look["symbol"], "size": 5},
                hovertemplate="%{y:.1f} %",
            )
        )
    return traces


def _greys(epochs: np.ndarray, mean: np.ndarray, highlighted: set[int], first: bool) -> go.Scatter:
    """The other classes as one trace with gaps: it costs a browser no more than one line."""
    others = [label for label in np.argsort(-mean.max(axis=0)).tolist() if label not in highlighted][:OTHERS]
    x = np.tile(np.append(epochs, np.nan), len(others))
    y = np.concatenate([np.append(mean[:, label], np.nan) for label in others]) if others else np.zeros(0)
    return go.Scatter(
        x=x,
        y=y,
        name="Other classes",
        legendgroup="others",
        legendrank=4,
        showlegend=first,
        mode="lines",
        line={"color": palette.GREY, "width": 1, "dash": "dot"},
        opacity=0.8,
        hoverinfo="skip",
    )
