"""The map of the gradient space as an animation over epochs, and what its points may be coloured by."""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.figures import palette
from core.figures.groups import Group, there
from core.figures.groups import places as chosen_places

GL_ABOVE = 600
"""More points than this are drawn by WebGL: moving them as SVG is what a browser does slowly."""
STEPS = 4
"""Frames from one recorded epoch to the next: enough for an eye to follow a point, few enough to send."""
PACE = 50
"""Milliseconds that a frame stays at least; a slow browser takes two or three times as long to draw one."""
FINE = 10_000
"""Places are sent as whole numbers up to this: two bytes each, and finer than a pixel."""
TARGET = -1
"""What stands for the target where other points carry their row."""

HUES = (palette.BLUE, palette.VERMILION, palette.GREEN, palette.PURPLE, "#E69F00", *palette.EXTRA)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star-triangle-down", "hexagram")
RAMP = (palette.VERMILION, "#E69F00", palette.GREEN, "#56B4E9", palette.BLUE)
RAMP_SYMBOLS = ("x", "diamond", "square", "triangle-up", "cross")
FAR = (0.25, 0.5, 1.0)
"""Bounds of the groups of distances to the target; 0.5 is where a poison counts as effective unless one says else."""


def by_class(labels: np.ndarray, names: Sequence[str]) -> list[Group]:
    """One group a class; hue and shape repeat together only after 72 classes."""
    return [
        Group(
            html.escape(names[label]), labels == label, HUES[label % len(HUES)], SYMBOLS[_shape(label) % len(SYMBOLS)]
        )
        for label in np.unique(labels).tolist()
    ]


def _shape(label: int) -> int:
    """Another shape for each of the first hues, another order of shapes in each further round of hues."""
    return label % len(HUES) + label // len(HUES)


def by_truth(poison: np.ndarray, effective: np.ndarray | None) -> list[Group]:
    """Clean rows, poisons without effect, and effective ones on top; (m,) bool each.

    With `effective` None nobody knows which poisons are, and all of them look alike.
    """
    if effective is None:
        effective, others = np.zeros(len(poison), dtype=bool), "Poisons"
    else:
        others = "Other poisons"
    return there(
        [
            Group("Clean rows", ~poison, palette.CLEAN["color"], palette.CLEAN["symbol"], 5),
            Group(others, poison & ~effective, palette.PURPLE, "square", 8),
            Group("Effective poisons", poison & effective, palette.POISON["color"], palette.POISON["symbol"], 9),
        ]
    )


def by_size(sizes: np.ndarray) -> list[Group]:
    """By how many rows share a medoid; (m,) integers."""
    return there(
        [
            Group("More than 5", sizes > 5, palette.BLUE, "circle", 5),
            Group("2 to 5", (sizes > 1) & (sizes <= 5), "#E69F00", "square", 7),
            Group("1: stands alone", sizes == 1, palette.VERMILION, "x", 8),
        ]
    )


def by_drop(dropped: np.ndarray) -> list[Group]:
    """By when a row left training: after how many epochs; (m,) integers, -1 for those that stayed."""
    times = np.unique(dropped[dropped >= 0])
    parts = [part for part in np.array_split(times, min(len(RAMP), max(1, len(times)))) if len(part)]
    groups = [Group("Stayed", dropped < 0, palette.GREY, "circle", 5)]
    for place, part in enumerate(parts):
        first, last = int(part[0]), int(part[-1])
        name = f"After epoch {first}" if first == last else f"After epochs {first} to {last}"
        chosen = (dropped >= first) & (dropped <= last)
        groups.append(Group(name, chosen, RAMP[place], RAMP_SYMBOLS[place], 7))
    return there(groups)


def by_distance(distances: np.ndarray) -> list[Group]:
    """By distance to the target's gradient, the nearest on top; (m,) float."""
    edges = (-np.inf, *FAR, np.inf)
    names = [f"At most {FAR[0]}", *(f"{low} to {high}" for low, high in zip(FAR, FAR[1:], strict=False))]
    names.append(f"More than {FAR[-1]}")
    colours, symbols = (palette.VERMILION, "#E69F00", "#56B4E9", palette.GREY), ("x", "diamond", "square", "circle")
    groups = [
        Group(name, (distances > low) & (distances <= high), colour, symbol, 5 + 2 * (symbol == "x"))
        for name, low, high, colour, symbol in zip(names, edges, edges[1:], colours, symbols, strict=False)
    ]
    return there(groups[::-1])


def animated_map(
    positions: np.ndarray,
    rows: np.ndarray,
    epochs: np.ndarray,
    groups: Sequence[Group],
    *,
    start: int = 0,
    target: bool = True,
    selected: np.ndarray | None = None,
    dragmode: str = "pan",
    labels: bool = True,
    big: bool = False,
) -> go.Figure:
    """Points that walk from epoch to epoch; a frame moves them and changes nothing else.

    Args:
        positions: (e, m + 1, 2) float, the target last.
        rows: (m,) int64, row ids; come back as `customdata` of a selection, the target as -1.
        epochs: (e,) int, their numbers.
        groups: who looks how; together they hold each point once.
        start: which of the e epochs is drawn first.
        target: whether the target is drawn; it tells what the attacker is after.
        selected: row ids that are drawn as chosen; None or none at all: nothing is chosen.
        dragmode: Plotly's tool: pan, lasso or select.
        labels: whether the row id appears at the pointer; off where something else shows it.
        big: presentation size.
    """
    whole = _whole(positions)
    places = [(group, np.flatnonzero(group.points)) for group in groups]
    if target:
        star = Group("Target", np.zeros(0, bool), palette.GREEN, "star", 18)
        places.append((star, np.array([len(rows)])))
    ids = np.append(rows, TARGET)
    draw = go.Scattergl if len(rows) > GL_ABOVE else go.Scatter
    figure = go.Figure()
    for group, points in places:
        name = group.name if group.symbol == "star" else f"{group.name} ({len(points):,})"
        figure.add_trace(
            draw(
                x=whole[start, points, 0],
                y=whole[start, points, 1],
                customdata=ids[points],
                mode="markers",
                name=name,
                marker=_marker(group),
                selectedpoints=chosen_places(ids[points], selected),
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 0.25}},
                hovertemplate=f"{'the target' if group.symbol == 'star' else 'row %{customdata}'}<extra></extra>"
                if labels
                else None,
                hoverinfo=None if labels else "none",
            )
        )
    figure.frames = _frames(whole, epochs, [points for _, points in places], draw)
    palette.styled(figure, height=640, big=big)
    _controls(figure, epochs, start)
    if len(places) > 12:  # a long legend stands beside the map and can be scrolled
        figure.update_layout(legend={"orientation": "v", "yref": "paper", "y": 1, "yanchor": "top", "x": 1.01})
    figure.update_layout(dragmode=dragmode, hovermode="closest", legend_itemsizing="constant", uirevision="map")
    low, high = whole.reshape(-1, 2).min(axis=0), whole.reshape(-1, 2).max(axis=0)
    rim = 0.04 * (high - low) + 1
    bare = {"showticklabels": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(range=[low[0] - rim[0], high[0] + rim[0]], **bare)
    figure.update_yaxes(range=[low[1] - rim[1], high[1] + rim[1]], **bare)
    return figure


def _marker(group: Group) -> dict[str, object]:
    if group.symbol == "star":
        return {
            "symbol": "star",
            "size": group.size,
            "color": group.colour,
            "line": {"width": 1.5, "color": palette.GREY},
        }
    return {"symbol": group.symbol, "size": group.size, "color": group.colour, "opacity": 0.8}


def _whole(positions: np.ndarray) -> np.ndarray:
    """Places as int16, all of them scaled alike."""
    middle = (positions.reshape(-1, 2).min(axis=0) + positions.reshape(-1, 2).max(axis=0)) / 2
    centred = positions - middle
    return np.rint(centred * (FINE / max(float(np.abs(centred).max(initial=0)), 1e-12))).astype(np.int16)


def _frames(
    whole: np.ndarray, epochs: np.ndarray, places: list[np.ndarray], draw: type[go.Scatter] | type[go.Scattergl]
) -> list[go.Frame]:
    """The recorded epochs, and steps from each to the next along straight lines."""
    frames = []
    for place, epoch in enumerate(epochs.tolist()):
        after = whole[min(place + 1, len(epochs) - 1)].astype(np.float32)
        for step in range(STEPS if place + 1 < len(epochs) else 1):
            share = step / STEPS
            now = np.rint((1 - share) * whole[place] + share * after).astype(np.int16)
            moved = [draw(x=now[points, 0], y=now[points, 1]) for points in places]
            name = str(epoch) if step == 0 else f"{epoch} + {step}/{STEPS}"
            frames.append(go.Frame(name=name, data=moved, traces=list(range(len(places)))))
    return frames


def _controls(figure: go.Figure, epochs: np.ndarray, start: int) -> None:
    """Play, pause and a slider over the recorded epochs, below the map."""
    at_once = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    play = {"fromcurrent": True, "frame": {"duration": PACE, "redraw": True}, "transition": {"duration": 0}}
    buttons = [
        {"label": "▶ Play", "method": "animate", "args": [None, play]},
        {"label": "❚❚ Pause", "method": "animate", "args": [[None], at_once]},
    ]
    dress = {"bgcolor": "rgba(136,136,136,0.18)", "bordercolor": palette.GREY}
    menu = {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "buttons": buttons,
        "x": 0,
        "xanchor": "left",
        "y": -0.02,
        "yanchor": "top",
        "pad": {"t": 8, "r": 8},
        **dress,
    }
    steps = [{"label": str(epoch), "method": "animate", "args": [[str(epoch)], at_once]} for epoch in epochs.tolist()]
    slider = {
        "active": start,
        "steps": steps,
        "x": 0.27,
        "len": 0.73,
        "y": -0.02,
        "yanchor": "top",
        "pad": {"t": 4, "b": 40},
        "currentvalue": {"prefix": "After epoch ", "xanchor": "right"},
        "tickcolor": palette.GREY,
        **dress,
    }
    figure.update_layout(updatemenus=[menu], sliders=[slider])
