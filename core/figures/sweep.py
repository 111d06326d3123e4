"""Attack success, and what a defense costs, against one setting."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.axes import Axis, Value
from core.figures import palette

LOGARITHMIC = 4.0
"""Largest over smallest value from which on the axis is logarithmic: such values were chosen by doubling."""
APART = 0.012
"""Distance of two arms at the same value, as a share of the axis, so that no interval hides another one."""
TICKS = (0, 25, 50, 75, 100)
BELOW = -5.0
"""Percent at which values without a result stand: below the axis, because there is no rate to draw them at."""

SUCCESS, ACCURACY = (0.42, 1.0), (0.0, 0.31)
"""Where the two charts stand when there are two, as shares of the height."""
NARROWEST = 10.0
"""Points that the axis of clean accuracy spans at least: less would make noise look like a cost."""

Measured = Sequence[tuple[Value, dict[str, dict[str, Any]]]]


def success_curve(
    points: Measured,
    *,
    axis: Axis,
    accuracies: Measured = (),
    own: Value | None = None,
    pending: Sequence[tuple[Value, str]] = (),
    big: bool = False,
) -> go.Figure:
    """One line an arm with 95 % intervals; the control dashed; values without a result as hollow marks below.

    With clean accuracies there are two charts above each other on one axis of values, to be read together.

    Args:
        points: (value, attack success by arm: {"mean", "low", "high", "n", ...} in [0, 1]), ascending.
        axis: the setting.
        accuracies: the same of clean accuracy.
        own: the value of the run that the curve is shown for; a dotted rule.
        pending: (value, state in words) of runs that are not done.
        big: presentation size.

    Returns:
        A figure in percent; the axis of values is logarithmic where they span a factor of four.
    """
    values = sorted({value for value, _ in (*points, *pending)})
    place = _Axis(values)
    arms = list(dict.fromkeys(arm for _, rates in points for arm in rates))
    figure = go.Figure(_lines(points, arms, place))
    if pending:
        figure.add_trace(_hollow(pending))
    if own is not None and len(values) > 1:
        rule = {"color": palette.GREY, "width": 1, "dash": "dot"}
        figure.add_shape(type="line", x0=own, x1=own, y0=0, y1=1, yref="paper", line=rule, layer="below")
    if accuracies:
        figure.add_traces(_lines(accuracies, arms, place, yaxis="y2", showlegend=False))
        figure.update_layout(xaxis_anchor="y2", yaxis_domain=SUCCESS, yaxis2={"domain": ACCURACY})
    palette.styled(figure, height=520 if accuracies else 360, big=big)
    figure.update_xaxes(
        title=axis.title,
        type="log" if place.logarithmic else "linear",
        range=place.range,
        tickvals=values,
        ticktext=[axis.typed(value) + axis.marks for value in values],
        tickangle=0,
    )
    lowest, percents = BELOW - 5 if pending else -3, [f"{at} %" for at in TICKS]
    figure.update_layout(
        yaxis={"title": "Attack success", "range": [lowest, 104], "tickvals": TICKS, "ticktext": percents},
        uirevision=f"sweep-{axis.name}",
    )
    if accuracies:
        ends = [100 * rate[side] for _, rates in accuracies for rate in rates.values() for side in ("low", "high")]
        whole = palette.around(ends, NARROWEST)
        figure.update_layout(yaxis2={"title": "Clean accuracy", "range": whole, "ticksuffix": " %"})
    return figure


class _Axis:
    """Where values stand."""

    def __init__(self, values: Sequence[Value]) -> None:
        low, high = (values[0], values[-1]) if values else (1.0, 1.0)
        self.logarithmic = low > 0 and high / low >= LOGARITHMIC
        low, high = self.forward(low), self.forward(high)
        margin = 0.08 * (high - low) or abs(0.5 * high) or 0.5
        self.range = [low - margin, high + margin]

    def forward(self, value: Value) -> float:
        """A value on the axis, which counts in powers of ten where it is logarithmic."""
        return math.log10(value) if self.logarithmic else float(value)

    def beside(self, value: Value, number: int, of: int) -> float:
        """A value moved a little, so that the `number`-th of several arms stands beside the others."""
        moved = self.forward(value) + (number - (of - 1) / 2) * APART * (self.range[1] - self.range[0])
        return 10**moved if self.logarithmic else moved


def _lines(points: Measured, arms: list[str], place: _Axis, **where: Any) -> list[go.Scatter]:
    lines = []
    for number, arm in enumerate(arms):
        measured = [(value, rates[arm]) for value, rates in points if arm in rates]
        places = [place.beside(value, number, len(arms)) for value, _ in measured]
        if measured:
            lines.append(_line(arm, arms, [rate for _, rate in measured], places).update(legendgroup=arm, **where))
    return lines


def _line(arm: str, arms: list[str], rates: list[dict[str, Any]], places: list[float]) -> go.Scatter:
    colour = palette.arm_colour(arm, arms)
    return go.Scatter(
        x=places,
        y=[100 * rate["mean"] for rate in rates],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (rate["high"] - rate["mean"]) for rate in rates],
            "arrayminus": [100 * (rate["mean"] - rate["low"]) for rate in rates],
            "thickness": 1.5,
            "width": 4,
        },
        customdata=[
            f"{100 * rate['mean']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f}), n = {rate['n']:,}"
            for rate in rates
        ],
        name=palette.arm_title(arm),
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": "dash" if arm == "control" else "solid"},
        marker={"color": colour, "size": 8, "symbol": "diamond" if arm == "control" else "circle"},
        hovertemplate="%{customdata}",
    )


def _hollow(pending: Sequence[tuple[Value, str]]) -> go.Scatter:
    return go.Scatter(
        x=[value for value, _ in pending],
        y=[BELOW] * len(pending),
        customdata=[state for _, state in pending],
        name="No result yet",
        mode="markers",
        marker={"color": palette.GREY, "size": 10, "symbol": "circle-open", "line": {"width": 2}},
        hovertemplate="%{customdata}<extra></extra>",
    )
