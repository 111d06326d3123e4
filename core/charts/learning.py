"""Accuracy and attack success while models learn, as a chart with its words and its numbers."""

from typing import Any

import plotly.graph_objects as go

from core.charts.chart import Chart
from core.figures import curves, palette
from core.runs.record import Run

AWAITED = "The curves appear with the first finished epoch."


def arms(run: Run) -> list[str]:
    """The arms of a run in an order that does not depend on which is trained first: control, undefended, defenses."""
    trained = dict.fromkeys(step["arm"] for step in run.steps if step["kind"] == "train")
    first = [arm for arm in ("control", "undefended") if arm in trained]
    return first + [arm for arm in trained if arm not in first]


def chart(run: Run, points: list[dict[str, Any]], *, big: bool = False) -> Chart | None:
    """The curves of a run as far as they go; None before the first point.

    Args:
        run: whose curves.
        points: as the store has them.
        big: presentation size.
    """
    if not points:
        return None
    epochs = int(run.spec.get("training", {}).get("epochs", 0)) or None
    last = points[-1]
    asr = "" if last["asr"] is None else f", attack success {last['asr']:.1%}"
    return Chart(
        curves.training_curves(points, arms=arms(run), epochs=epochs, big=big),
        "Solid: share of untouched test images that are read correctly. Dashed: share of the attack's images that are "
        "read as the attacker wants. Several models of one kind are drawn as their mean, with a band from the lowest "
        "to the highest.",
        f"Clean accuracy and attack success per epoch. Last point: {palette.arm_title(last['arm'])}, "
        f"epoch {last['epoch']}, accuracy {last['clean_accuracy'] or 0:.1%}{asr}.",
        _table(run, points),
    )


def awaited(run: Run, *, big: bool = False) -> go.Figure:
    """The axes of a run's curves before the first point: a page loads what draws them while the run gets going."""
    figure = curves.training_curves([], epochs=int(run.spec.get("training", {}).get("epochs", 0)) or None, big=big)
    figure.add_annotation(text=AWAITED, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return figure


def _table(run: Run, points: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Means in percent, a row an epoch."""
    measured = curves.by_epoch(points)
    epochs = sorted({epoch for told in measured.values() for epoch in told})
    order = arms(run)
    columns: dict[str, list[Any]] = {"Epoch": epochs}
    for arm in dict.fromkeys([*order, *(arm for arm, _ in measured)]):
        for measure, (words, _, _) in curves.MEASURES.items():
            if told := measured.get((arm, measure)):
                means = {epoch: sum(values) / len(values) for epoch, values in told.items()}
                name = f"{palette.arm_title(arm)}: {words}, %"
                name = name if name not in columns else f"{arm}: {words}, %"  # two defenses have a random filter each
                columns[name] = [round(means[epoch], 2) if epoch in means else None for epoch in epochs]
    return columns
