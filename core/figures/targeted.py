"""The pictures of an attack on one chosen test image: outcomes, crafting, alignment, distances."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.figures import palette

LAST = 10
"""Steps that a restart is judged by: its loss there, on average, because augmentation makes single steps jump."""
NAMED = 25
"""More trials than this in one line stand without numbers: these are in the table, and under the pointer."""
QUANTITIES = {"pixels": "Pixels", "features": "Features", "gradients": "Gradients"}


def kept_restart(trace: np.ndarray) -> int | None:
    """The restart whose poisons were kept: the one with the lowest loss over its last measured steps.

    Args:
        trace: (restarts, steps) float, NaN where not measured.

    Returns:
        Its place, or None where nothing was measured.
    """
    ends = [row[np.isfinite(row)][-LAST:] for row in trace]
    scores = [float(end.mean()) if len(end) else np.inf for end in ends]
    return int(np.argmin(scores)) if scores and np.isfinite(min(scores)) else None


def crafting_loss(trace: np.ndarray, *, big: bool = False) -> go.Figure:
    """The loss that the attacker lowers, one line a restart; the kept one stands out and ends in a diamond.

    Args:
        trace: (restarts, steps) float, NaN where not measured.
        big: presentation size.
    """
    kept = kept_restart(trace)
    figure = go.Figure()
    others = [restart for restart in range(len(trace)) if restart != kept]
    for restart in [*others, *([] if kept is None else [kept])]:  # the kept one on top
        steps = np.flatnonzero(np.isfinite(trace[restart]))
        chosen = restart == kept
        figure.add_trace(
            go.Scatter(
                x=steps + 1,
                y=trace[restart, steps],
                name="Kept restart" if chosen else "Other restarts",
                showlegend=chosen or restart == others[0],
                legendgroup="kept" if chosen else "others",
                mode="lines",
                line={
                    "color": palette.VERMILION if chosen else palette.GREY,
                    "width": 2.5 if chosen else 1.2,
                    "dash": "solid" if chosen else "dot",
                },
                hovertemplate=f"%{{y:.3f}} restart {restart + 1}<extra></extra>",
            )
        )
    if kept is not None:
        last = int(np.flatnonzero(np.isfinite(trace[kept]))[-1])
        figure.add_trace(
            go.Scatter(
                x=[last + 1],
                y=[trace[kept, last]],
                mode="markers",
                marker={"color": palette.VERMILION, "symbol": "diamond", "size": 10},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    palette.styled(figure, height=300, big=big, legend=len(trace) > 1)
    figure.update_xaxes(title="Crafting step")
    figure.update_yaxes(title="Crafting loss")
    figure.update_layout(hovermode="x unified")
    return figure


def alignment(curves: np.ndarray, *, colour: str = palette.VERMILION, big: bool = False) -> go.Figure:
    """How well the poisons' mean gradient points along the one that would teach the target its wrong label.

    Args:
        curves: (victims, epochs + 1) float, cosine in [-1, 1] after each epoch, column 0 before the first; NaN where
            not measured.
        colour: of the arm.
        big: presentation size.

    Returns:
        One line a victim; several also as their mean with a band from the lowest to the highest.
    """
    figure = go.Figure()
    several = len(curves) > 1
    low, mean, high, epochs = _spread(curves)
    if several:
        figure.add_trace(palette.band(epochs, low, high, colour))
    for number, curve in enumerate(curves):
        measured = np.flatnonzero(np.isfinite(curve))
        figure.add_trace(
            go.Scatter(
                x=measured,
                y=curve[measured],
                name=f"Victim {number + 1}",
                mode="lines" if several else "lines+markers",
                line={"color": colour, "width": 1.2 if several else 2.5, "dash": "dot" if several else "solid"},
                marker={"color": colour, "symbol": "circle", "size": 6},
                hovertemplate="%{y:.3f}",
            )
        )
    if several:
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=mean,
                name="Mean",
                mode="lines+markers",
                line={"color": colour, "width": 2.5},
                marker={"color": colour, "symbol": "diamond", "size": 7},
                hovertemplate="%{y:.3f}",
            )
        )
    palette.styled(figure, height=300, big=big, legend=several)
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Cosine", rangemode="tozero", zeroline=True)
    figure.update_layout(hovermode="x unified")
    return figure


def distances(quantities: dict[str, np.ndarray], *, big: bool = False) -> go.Figure:
    """How far the base images and the poisons made of them are from the target, measured in three ways.

    Args:
        quantities: `pixels`, `features`, `gradients`, each (p, 2) float: l2 distance of the base image and the poison.
        big: presentation size.

    Returns:
        A box with all points for each side of each quantity; every quantity has an axis of its own.
    """
    shown = [name for name in QUANTITIES if name in quantities]
    figure = make_subplots(1, max(1, len(shown)), subplot_titles=[QUANTITIES[name] for name in shown])
    for place, name in enumerate(shown, start=1):
        for side, (words, look) in enumerate((("Base images", palette.CLEAN), ("Poisons", palette.POISON))):
            figure.add_trace(
                go.Box(
                    y=quantities[name][:, side],
                    name=words,
                    boxpoints="all",
                    jitter=0.5,
                    pointpos=0,
                    marker={"color": look["color"], "symbol": look["symbol"], "size": 5, "opacity": 0.65},
                    line={"color": look["color"], "width": 1.5},
                    fillcolor="rgba(136,136,136,0.12)",
                    hovertemplate="%{y:.3f}",
                ),
                row=1,
                col=place,
            )
    palette.styled(figure, height=310, big=big, legend=False)
    figure.update_annotations(font_size=palette.BIG_FONT_SIZE if big else palette.FONT_SIZE)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title="Distance to the target", col=1)
    figure.update_layout(margin_t=30)
    return figure


def outcomes(
    succeeded: np.ndarray,
    probability: np.ndarray,
    counted: np.ndarray,
    *,
    chosen: tuple[int, int] | None = None,
    big: bool = False,
) -> go.Figure:
    """Which trial (a key, a victim) ended as the attacker wants, and how sure the victim is of it.

    Args:
        succeeded: (keys, victims) bool.
        probability: (keys, victims) float in [0, 1], of the wanted class; NaN where there is no result.
        counted: (keys, victims) bool; False where the clean baseline misreads the target itself.
        chosen: (key, victim) to frame.
        big: presentation size.

    Returns:
        A grid whose longer side lies across; `customdata` of a mark is [key, victim].
    """
    keys, victims = succeeded.shape
    turned = victims > keys
    figure = go.Figure()
    there = np.isfinite(probability)
    groups = (
        ("Read as the attacker wants", succeeded & counted, palette.VERMILION, "diamond"),
        ("Not fooled", ~succeeded & counted, palette.BLUE, "circle-open"),
        ("Left out: the clean baseline misreads the target", ~counted, palette.GREY, "x-thin"),
    )
    named = max(keys, victims) <= NAMED
    for name, group, colour, symbol in groups:
        pairs = np.argwhere(group & there)
        if not len(pairs):
            continue
        places = pairs + 1
        percent = 100 * probability[pairs[:, 0], pairs[:, 1]]
        figure.add_trace(
            go.Scatter(
                x=places[:, 1] if turned else places[:, 0],
                y=places[:, 0] if turned else places[:, 1],
                customdata=pairs.tolist(),  # typed arrays would come back from a browser as mappings
                mode="markers",
                name=f"{name} ({len(pairs)})",
                marker={"color": colour, "symbol": symbol, "size": 15, "line": {"width": 2.5, "color": colour}},
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 1}},
                hovertext=[
                    f"Key {key}, victim {victim}: wanted class {p:.1f} %"
                    for (key, victim), p in zip(places, percent, strict=True)
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    if named:
        figure.add_trace(_numbers(probability, turned))
    if chosen is not None:
        x, y = (chosen[1], chosen[0]) if turned else chosen
        figure.add_trace(
            go.Scatter(
                x=[x + 1],
                y=[y + 1],
                mode="markers",
                name="Shown below",
                marker={"symbol": "square-open", "size": 25, "color": palette.GREY, "line": {"width": 2}},
                hoverinfo="skip",
            )
        )
    lines, across = sorted((keys, victims))
    palette.styled(figure, height=110 + 58 * lines, big=big)
    titles = ("Victim", "Key") if turned else ("Key", "Victim")
    whole = {"dtick": 1, "showgrid": False, "zeroline": False}
    figure.update_xaxes(title=titles[0], range=[0.5, across + 0.5], **(whole if named else whole | {"dtick": 5}))
    figure.update_yaxes(title=titles[1], range=[lines + 0.8, 0.6], **whole)
    figure.update_layout(hovermode="closest", legend_itemsizing="constant", legend_itemclick=False)
    return figure


def _numbers(probability: np.ndarray, turned: bool) -> go.Scatter:
    """The probability below every mark."""
    pairs = np.argwhere(np.isfinite(probability))
    x, y = (pairs[:, ::-1] if turned else pairs).T
    return go.Scatter(
        x=x + 1,
        y=y + 1.4,
        text=[f"{100 * probability[tuple(pair)]:.0f} %" for pair in pairs],
        mode="text",
        hoverinfo="skip",
        showlegend=False,
    )


def _spread(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lowest, mean and highest of the lines at each epoch where any was measured, and these epochs."""
    epochs = np.flatnonzero(np.isfinite(curves).any(axis=0)) if len(curves) else np.zeros(0, np.int64)
    part = curves[:, epochs]
    if not len(epochs):
        return np.zeros(0), np.zeros(0), np.zeros(0), epochs
    return np.nanmin(part, axis=0), np.nanmean(part, axis=0), np.nanmax(part, axis=0), epochs
