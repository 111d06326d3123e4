"""What a defense lets through against what it costs: every defense and strength as one mark."""

import html
import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.describe import duration
from core.figures import palette
from core.published import Claim, Table
from core.runs.comparison import Point, Rate, front, methods

TICKS = (0, 25, 50, 75, 100)
NARROWEST = 6.0
"""Points of clean accuracy that the axis spans at least."""
PLAIN, LARGEST = 11.0, 38.0
"""Diameter of a mark that costs as much as no defense, and the largest; a mark's area is its cost."""
FRONT = "Front: nothing is better at both"
UNDEFENDED = "No defense"
"""As published tables say it too."""
INTERVAL = 0.45
"""Opacity of intervals: they cross each other, and the marks stand above them."""


def scatter(
    points: Sequence[Point], *, twins: bool = False, claimed: Table | None = None, big: bool = False
) -> go.Figure:
    """Attack success against clean accuracy, with 95 % intervals in both directions and the Pareto front.

    Args:
        points: of one comparison.
        twins: whether to draw, small and hollow, what does something cheaper in a defense's place.
        claimed: published values to draw as hollow marks; they are of other data and networks.
        big: presentation size.

    Returns:
        A figure in percent, good at the lower right. Colour and shape are the method's, the area is the cost in passes.
    """
    shown = [point for point in points if twins or point.role != "twin"]
    figure = go.Figure()
    best = front(point for point in shown if point.role in ("undefended", "defense"))
    if len(best) > 1:
        figure.add_trace(_front(best))
    claims = claimed.claims if claimed else ()
    # After those that are measured here, so that these keep their looks.
    published = [claim.defense for claim in claims if claim.defense != UNDEFENDED]
    looks = palette.methods(list(dict.fromkeys([*methods(shown), *published])))
    groups = list(dict.fromkeys((point.role, point.name) for point in shown))
    for role, name in groups:
        own = [point for point in shown if (point.role, point.name) == (role, name)]
        figure.add_trace(_marks(own, *_look(own[0], looks), big))
    if claimed is not None:
        figure.add_traces(_claims(claimed, looks, big))
    palette.styled(figure, height=520 + (80 if claimed else 0), big=big)
    ends = [100 * point.accuracy[side] for point in shown for side in _sides(point)]
    ends += [100 * claim.accuracy for claim in claims]
    figure.update_xaxes(title="Clean accuracy", ticksuffix=" %", range=palette.around(ends, NARROWEST), zeroline=False)
    figure.update_yaxes(title="Attack success", range=[-6, 106], tickvals=TICKS)
    figure.update_yaxes(ticktext=[f"{at} %" for at in TICKS])
    figure.add_annotation(
        text="better ↘", x=1, y=0.01, xref="paper", yref="paper", xanchor="right", yanchor="bottom", showarrow=False,
        font={"size": palette.BIG_FONT_SIZE if big else palette.FONT_SIZE},
    )  # fmt: skip
    figure.update_layout(hovermode="closest", legend_itemsizing="constant", uirevision="tradeoff")
    return figure


def _sides(point: Point) -> tuple[str, ...]:
    """What has to be seen of a point's clean accuracy. The control's interval, over few victims, would squeeze all."""
    return ("mean",) if point.role == "control" else ("low", "high")


def _front(best: Sequence[Point]) -> go.Scatter:
    """A step: between two of its points whoever wants that much accuracy has to take the attack success of the next."""
    return go.Scatter(
        x=[100 * point.accuracy["mean"] for point in best],
        y=[100 * point.success["mean"] for point in best],
        name=FRONT,
        mode="lines",
        line={"color": palette.GREY, "width": 2, "dash": "dash", "shape": "vh"},
        hoverinfo="skip",
    )


def _look(point: Point, looks: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Colour and shape."""
    if point.role == "control":
        return palette.GREY, "diamond"
    if point.role == "undefended":
        return palette.VERMILION, "x"
    if point.role == "twin":
        colour = next((look[0] for ending, look in palette.TWINS.items() if point.arm.endswith(ending)), palette.GREY)
        return colour, "circle-open"
    return looks[point.name]


def _marks(points: Sequence[Point], colour: str, shape: str, big: bool) -> go.Scatter:
    small = points[0].role == "twin"
    return go.Scatter(
        x=[100 * point.accuracy["mean"] for point in points],
        y=[100 * point.success["mean"] for point in points],
        error_x=None if points[0].role == "control" else _interval([point.accuracy for point in points], colour),
        error_y=_interval([point.success for point in points], colour),
        name=html.escape(points[0].name),
        mode="markers" if small else "markers+text",
        text=[html.escape(point.strength) for point in points],
        textposition="top right",
        textfont={"size": (palette.BIG_FONT_SIZE if big else palette.FONT_SIZE) - 1},
        marker={
            "color": colour,
            "symbol": shape,
            "size": [7.0 if small else size(point.cost) for point in points],
            "opacity": 0.9,
            "line": {"width": 1.5, "color": colour},
        },
        hovertext=[_said(point) for point in points],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def size(cost: float | None) -> float:
    """Diameter of a mark, in pixels."""
    return PLAIN if cost is None else min(LARGEST, max(8.0, PLAIN * math.sqrt(cost)))


def _interval(rates: Sequence[Rate], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (rate["high"] - rate["mean"]) for rate in rates],
        "arrayminus": [100 * (rate["mean"] - rate["low"]) for rate in rates],
        "thickness": 1.3,
        "width": 3,
        "color": palette.faint(colour, INTERVAL),
    }


def _said(point: Point) -> str:
    rates = (("Attack success", point.success), ("Clean accuracy", point.accuracy))
    lines = [f"<b>{html.escape(point.label)}</b>"]
    lines += [
        f"{words} {100 * rate['mean']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f}), n = {rate['n']:,}"
        for words, rate in rates
    ]
    lines += [point.privacy.capitalize()] if point.privacy else []
    cost = [f"{point.cost:.1f} × the passes of no defense"] if point.cost is not None else []
    took = [f"{duration(point.seconds)} of training"] if point.seconds is not None else []
    return "<br>".join([*lines, ", ".join(cost + took)]) if cost or took else "<br>".join(lines)


def _claims(table: Table, looks: dict[str, tuple[str, str]], big: bool) -> list[go.Scatter]:
    """Hollow marks in the method's colour and shape."""
    drawn = []
    for name in dict.fromkeys(claim.defense for claim in table.claims):
        own = [claim for claim in table.claims if claim.defense == name]
        colour, shape = looks.get(name, (palette.VERMILION, "x"))
        drawn.append(
            go.Scatter(
                x=[100 * claim.accuracy for claim in own],
                y=[100 * claim.success for claim in own],
                name=f"{html.escape(name)} (published)",
                mode="markers+text",
                text=[html.escape(claim.strength) for claim in own],
                textposition="bottom right",
                textfont={"size": (palette.BIG_FONT_SIZE if big else palette.FONT_SIZE) - 3},
                marker={"color": colour, "symbol": f"{shape}-open", "size": PLAIN, "line": {"width": 2}},
                hovertext=[_claimed(claim, table) for claim in own],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    return drawn


def _claimed(claim: Claim, table: Table) -> str:
    took = f", {duration(60 * claim.minutes)} a training" if claim.minutes is not None else ""
    said = [
        f"<b>{html.escape(claim.label)}</b> (published)",
        f"Attack success {100 * claim.success:g} %, clean accuracy {100 * claim.accuracy:g} %{took}",
        html.escape(table.setting),
        html.escape(table.source) + (", another group’s method" if claim.rerun else ""),
    ]
    return "<br>".join(said + ([html.escape(claim.note)] if claim.note else []))
