"""Attack success against one setting over several runs, as a chart with its words and its numbers."""

from typing import Any

from core.charts.chart import Chart
from core.figures import palette
from core.figures.sweep import success_curve
from core.runs.sweep import Point, Sweep
from core.verdict import percent


def chart(found: Sweep) -> Chart | None:
    """The curve through the finished runs; None where there is only one."""
    done = [point for point in found.points if point.rates]
    if len(done) < 2:
        return None
    paid = [(point.value, point.accuracies) for point in done if point.accuracies] if traded(found) else []
    figure = success_curve(
        [(point.value, point.rates) for point in done], axis=found.axis, accuracies=paid, own=found.own
    )
    both = " A good value is low in the upper chart and high in the lower one." if paid else ""
    return Chart(
        figure,
        f"{len(done)} runs that differ in {found.axis.noun} and in nothing else, with 95 % intervals. The dotted "
        f"rule is this run.{both}",
        said(found),
        _table(found, done),
    )


def traded(found: Sweep) -> bool:
    """Whether the setting is a defense's, which buys attack success with clean accuracy."""
    return found.axis.defense is not None


def said(found: Sweep) -> str:
    """The curve in one sentence."""
    arm = found.axis.defense or "undefended"
    told = [_told(found, point, arm) for point in found.points if arm in point.rates]
    who = f"with {palette.arm_title(arm)}" if found.axis.defense else "without a defense"
    return f"Attack success {who} against {found.axis.noun}: {', '.join(told)}."


def _told(found: Sweep, point: Point, arm: str) -> str:
    told = f"{percent(point.rates[arm]['mean'])} at {found.axis.named(point.value)}"
    if not traded(found) or arm not in point.accuracies:
        return told
    return f"{told} (clean accuracy {percent(point.accuracies[arm]['mean'])})"


def _table(found: Sweep, done: list[Point]) -> dict[str, list[Any]]:
    """Rates with their intervals as the store has them, a row a run."""
    columns: dict[str, list[Any]] = {found.axis.label: [found.axis.words(point.value) for point in done]}
    for words, which in (("attack success", "rates"), ("clean accuracy", "accuracies")):
        for arm in dict.fromkeys(arm for point in done for arm in getattr(point, which)):
            columns[f"{palette.arm_title(arm)}: {words}"] = [getattr(point, which).get(arm) for point in done]
    return columns | {"Run": [point.run.id for point in done]}
