"""The pictures of `core.analysis.toys`: a class in a plane, two gradients, counts, medoids, squares."""

import math

import numpy as np
import plotly.graph_objects as go

from core.analysis import toys
from core.figures import palette

HEIGHT = 400
REACH = 3.0
"""How far the singular vector is drawn on both sides, in sigma; its length means nothing."""
COLUMNS = 100
"""Squares in a line."""


def plane(drawn: toys.Mixture, *, truth: bool, vector: bool, big: bool = False) -> go.Figure:
    """A class in a plane, centred.

    Args:
        drawn: the class.
        truth: whether poisons and the shift are marked; without it nothing in the figure depends on them.
        vector: whether the top singular vector is drawn.
        big: presentation size.
    """
    figure = go.Figure()
    groups = [("Rows", np.ones(len(drawn.points), bool), palette.CLEAN)]
    if truth:
        groups = [("Clean rows", ~drawn.poison, palette.CLEAN), ("Poisons", drawn.poison, palette.POISON)]
    for name, chosen, look in groups:
        figure.add_trace(
            go.Scatter(
                x=drawn.points[chosen, 0],
                y=drawn.points[chosen, 1],
                mode="markers",
                name=name,
                marker={"color": look["color"], "symbol": look["symbol"], "size": 6, "opacity": 0.75},
                hoverinfo="skip",
            )
        )
    if vector:
        ends = np.array([-1, 1])[:, None] * drawn.top * REACH
        figure.add_trace(_line(ends, "Top singular vector", palette.GREEN, "solid"))
    if truth:
        middle = drawn.points[~drawn.poison].mean(axis=0)
        figure.add_trace(_line(np.stack([middle, middle + drawn.shift]), "Shift of the mean", palette.GREY, "dot"))
    palette.styled(figure, height=HEIGHT, big=big)
    reach = max(4.0, float(np.abs(drawn.points).max()) + 0.5)
    figure.update_xaxes(range=[-reach, reach], constrain="domain")
    figure.update_yaxes(range=[-reach, reach], scaleanchor="x", constrain="domain")
    return figure


def _line(ends: np.ndarray, name: str, colour: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=ends[:, 0],
        y=ends[:, 1],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 3.5, "dash": dash},
        marker={"color": colour, "symbol": "diamond", "size": 9},
        hoverinfo="skip",
    )


def variances(shift: float, fraction: float, *, added: bool, big: bool = False) -> go.Figure:
    """Variance along every direction of the plane: within the two groups and, if `added`, with what the shift adds."""
    angles = np.linspace(0, 180, 181)
    within, whole = toys.variance(angles, shift, fraction)
    figure = go.Figure()
    figure.add_trace(_curve(angles, within, "Within the groups", palette.BLUE, "dot"))
    if added:
        top = int(whole.argmax())
        figure.add_trace(_curve(angles, whole, "With the shift", palette.VERMILION, "solid"))
        figure.add_trace(_mark(angles[top], whole[top], "Largest: top singular vector"))
        figure.add_vline(x=toys.DIRECTION, line={"color": palette.GREY, "dash": "dash", "width": 1.5})
    palette.styled(figure, height=HEIGHT - 40, big=big)
    figure.update_xaxes(title="Direction, degrees from the long axis", dtick=45, range=[0, 180])
    figure.update_yaxes(title="Variance (σ²)", rangemode="tozero")
    return figure


def _curve(x: np.ndarray, y: np.ndarray, name: str, colour: str, dash: str) -> go.Scatter:
    line = {"color": colour, "dash": dash, "width": 2.5}
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=line, hovertemplate="%{y:.2f}")


def _mark(x: float, y: float, name: str) -> go.Scatter:
    look = {"color": palette.GREEN, "symbol": "diamond", "size": 12}
    return go.Scatter(x=[x], y=[y], name=name, mode="markers", marker=look, hovertemplate="%{y:.2f}")


def arrows(angle: float, *, named: bool = True, big: bool = False) -> go.Figure:
    """The target's gradient, and a poison's at an angle to it, as arrows of one length."""
    figure = go.Figure()
    turned = math.radians(angle)
    ends = (
        ("Target’s gradient", (1.0, 0.0), palette.VERMILION, "solid"),
        ("Poison’s gradient", (math.cos(turned), math.sin(turned)), palette.BLUE, "dash"),
    )
    for name, (x, y), colour, dash in ends:
        figure.add_trace(_line(np.array([[0, 0], [x, y]]), name, colour, dash))
    if named:
        shadow = np.array([[math.cos(turned), math.sin(turned)], [math.cos(turned), 0]])
        figure.add_trace(_line(shadow, f"Cosine {math.cos(turned):.2f}", palette.GREY, "dot"))
    palette.styled(figure, height=HEIGHT - 60, big=big)
    bare = {"showticklabels": False, "showgrid": False}
    figure.update_xaxes(range=[-1.15, 1.25], **bare)
    figure.update_yaxes(range=[-0.15, 1.1], scaleanchor="x", **bare)
    return figure


def losses(angle: float, *, curve: bool = True, big: bool = False) -> go.Figure:
    """The target's loss after one step, against the angle between the two gradients."""
    angles = np.linspace(0, 180, 91)
    exact, first = np.array([toys.loss_after_step(each) for each in angles]).T
    figure = go.Figure()
    if curve:
        figure.add_trace(_curve(angles, exact, "After the step", palette.VERMILION, "solid"))
        figure.add_trace(_curve(angles, first, "First order: 1 − 2η cos", palette.BLUE, "dash"))
        figure.add_trace(_mark(angle, toys.loss_after_step(angle)[0], "Here"))
    figure.add_hline(y=1, line={"color": palette.GREY, "dash": "dot", "width": 2})
    palette.styled(figure, height=HEIGHT - 60, big=big)
    figure.update_xaxes(title="Angle between the gradients, degrees", dtick=45, range=[0, 180])
    figure.update_yaxes(title="Target’s loss (1 before the step)", range=[-0.1, 2.4])
    return figure


def counts(trials: int, share: float, *, none: bool, big: bool = False) -> go.Figure:
    """How many of some draws hit, when each does with the same chance; if `none`, the bar at zero stands out."""
    many, chances = toys.counts(trials, share)
    empty = (many == 0) & none
    figure = go.Figure()
    for name, chosen, colour, shape in (
        ("At least one", ~empty, palette.BLUE, ""),
        ("None at all", empty, palette.VERMILION, "/"),
    ):
        if chosen.any():
            figure.add_trace(
                go.Bar(
                    x=many[chosen],
                    y=100 * chances[chosen],
                    name=name,
                    marker={"color": colour, "pattern": {"shape": shape}},
                    hovertemplate="%{x}: %{y:.1f} %<extra></extra>",
                )
            )
    palette.styled(figure, height=HEIGHT - 40, big=big, legend=none)
    figure.update_xaxes(title="Poisons in a batch", dtick=1 if len(many) < 15 else None)
    figure.update_yaxes(title="Batches", ticksuffix=" %", rangemode="tozero")
    return figure


def medoids(count: int, *, alone: bool, big: bool = False) -> go.Figure:
    """Points, the medoids that stand for them, and if `alone` those medoids that stand for nobody else."""
    points = toys.islands()
    chosen, cluster = toys.medoids(points, count)
    sizes = np.bincount(cluster, minlength=count)
    figure = go.Figure()
    spokes = np.stack([points, points[chosen[cluster]], np.full_like(points, np.nan)], axis=1).reshape(-1, 2)
    line = {"color": palette.GREY, "width": 1}
    figure.add_trace(
        go.Scatter(x=spokes[:, 0], y=spokes[:, 1], mode="lines", line=line, hoverinfo="skip", showlegend=False)
    )
    lone = (sizes == 1) & alone
    groups = (
        ("Rows", points, palette.BLUE, "circle", 7),
        ("Medoids", points[chosen[~lone]], palette.GREEN, "diamond", 13),
        ("Medoids that stand alone: dropped", points[chosen[lone]], palette.VERMILION, "x", 13),
    )
    for name, part, colour, symbol, size in groups:
        if len(part):
            look = {"color": colour, "symbol": symbol, "size": size}
            figure.add_trace(
                go.Scatter(x=part[:, 0], y=part[:, 1], mode="markers", name=name, marker=look, hoverinfo="skip")
            )
    palette.styled(figure, height=HEIGHT, big=big)
    figure.update_xaxes(showticklabels=False)
    figure.update_yaxes(showticklabels=False, scaleanchor="x")
    return figure


def squares(rows: int, poisons: int, *, big: bool = False) -> go.Figure:
    """A training set as squares, one a row, some of them poisoned at places drawn once."""
    lines = -(-rows // COLUMNS)
    cells = np.full(lines * COLUMNS, np.nan)
    cells[:rows] = 0
    cells[np.random.default_rng(5).permutation(rows)[:poisons]] = 1
    figure = go.Figure(
        go.Heatmap(
            z=cells.reshape(lines, COLUMNS),
            colorscale=[[0, "rgba(0,114,178,0.30)"], [1, palette.VERMILION]],
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=1,
            showscale=False,
            hoverinfo="skip",
        )
    )
    palette.styled(figure, height=HEIGHT, big=big, legend=False)
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**bare)
    figure.update_yaxes(**bare, autorange="reversed")
    return figure
