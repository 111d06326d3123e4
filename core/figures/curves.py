"""Clean accuracy and attack success over training."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures import palette

MEASURES = {
    "clean_accuracy": ("accuracy", palette.ACCURACY_DASH, "circle"),
    "asr": ("attack success", palette.SUCCESS_DASH, "diamond"),
}


def training_curves(
    points: Iterable[Mapping[str, Any]],
    *,
    arms: list[str] | None = None,
    epochs: int | None = None,
    big: bool = False,
) -> go.Figure:
    """Both rates per epoch, one colour an arm: accuracy solid, attack success dashed.

    Several models of one arm (keys, victims) are drawn as their mean with a band from the lowest to the highest;
    without the band where each of them was judged on one image, which it reads rightly or wrongly.

    Args:
        points: mappings with `arm`, `epoch`, `clean_accuracy` (0 to 1) and `asr` (0 to 1, or None without attack).
        arms: all arms of the run, which fixes colours and their order; without it, as the points come.
        epochs: length of the epoch axis; without it, as far as the points go.
        big: presentation size.

    Returns:
        A figure in percent.
    """
    measured = by_epoch(points)
    order = list(dict.fromkeys([*(arms or []), *(arm for arm, _ in measured)]))
    figure = go.Figure()
    for arm, measure in sorted(measured, key=lambda line: (order.index(line[0]), list(MEASURES).index(line[1]))):
        told = measured[arm, measure]
        colour = palette.arm_colour(arm, order)
        if any(len(values) > 1 for values in told.values()) and not _yes_or_no(told):
            there = np.array(sorted(told))
            low, high = (np.array([side(told[epoch]) for epoch in there]) for side in (min, max))
            figure.add_trace(palette.band(there, low, high, colour))
        figure.add_trace(_line(arm, measure, told, colour))
    palette.styled(figure, height=380, big=big)
    first = min((epoch for told in measured.values() for epoch in told), default=1)
    figure.update_xaxes(
        title="Epoch", range=[first - 0.3, epochs + 0.3] if epochs else None, dtick=1 if (epochs or 99) <= 20 else None
    )
    figure.update_yaxes(title="Share of images", range=[-2, 103], ticksuffix=" %", dtick=25)
    figure.update_layout(hovermode="x unified", uirevision="curves")
    return figure


def by_epoch(points: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[int, list[float]]]:
    """By arm and measure, by epoch: what the models of the arm had, in percent."""
    measured: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        for measure in MEASURES:
            if point.get(measure) is not None:
                measured[point["arm"], measure][int(point["epoch"])].append(100 * float(point[measure]))
    return measured


def _yes_or_no(told: dict[int, list[float]]) -> bool:
    """Whether every value is nothing or all: of models judged on one image each, a band would span the whole chart."""
    return {value for values in told.values() for value in values} <= {0.0, 100.0}


def _line(arm: str, measure: str, told: dict[int, list[float]], colour: str) -> go.Scatter:
    name, dash, symbol = MEASURES[measure]
    epochs = sorted(told)
    means = [sum(told[epoch]) / len(told[epoch]) for epoch in epochs]
    return go.Scatter(
        x=epochs,
        y=means,
        name=f"{palette.arm_title(arm)}: {name}",
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2.5},
        marker={"symbol": symbol, "size": 6, "color": colour},
        hovertemplate="%{y:.1f} %",
    )
