"""The section of the page Compare that shows how models learned: one small panel a defense, beside the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from app import cache
from app.components import frame, say, sweep_learning
from app.components.compare_choice import Choice
from app.components.gradient_charts import BANDED
from app.components.gradient_look import drawn
from core import metrics
from core.charts import learning
from core.charts.chart import Chart
from core.figures import multiples, palette
from core.figures.epochs import Line, Panel
from core.home import home
from core.metrics import Rate
from core.runs.comparison import Comparison, methods
from core.runs.store import Run
from core.verdict import percent

MOST = 12
"""Panels; the table of the trade-off has all arms."""
MEASURES = {"Attack success": "success", "Clean accuracy": "accuracy"}
NARROWEST = 10.0
"""Points that the axis of clean accuracy spans at least."""
UNDEFENDED = "undefended"

Course = Mapping[int, Rate]
"""A rate by epoch."""


@dataclass(frozen=True)
class Model:
    """One line of the comparison.

    Attributes:
        name: of its panel.
        run, arm: what it is taken from.
        colour, shape: of the method.
    """

    name: str
    run: Run
    arm: str
    colour: str
    shape: str


def section(choice: Choice, told: Comparison) -> None:
    """The panels, and below them where each line ended and how good it ever was."""
    say.section("While they were learning")
    first = next(iter(MEASURES))
    words = st.segmented_control(
        "Measure", list(MEASURES), default=first, key="measure", bind="query-params", required=True
    )
    made = chart(choice, told, words or first, big=frame.big())
    none = ("No curve yet", learning.AWAITED)
    drawn("", made and made[0], f"learning-{words}", none, "learning.csv")
    if made:
        st.dataframe(made[1], hide_index=True, alt="Last and highest value of every line.", key=f"last-{words}")


def chart(choice: Choice, told: Comparison, words: str, *, big: bool) -> tuple[Chart, dict[str, list]] | None:
    """The panels, and last and highest values as a table; None while there is no point."""
    measure = MEASURES[words]
    shown = [
        (model, course) for model in models(choice, told) if (course := courses(model.run, measure).get(model.arm))
    ]
    if not shown:
        return None
    base, course = next(((one, told) for one, told in shown if one.run.id == choice.base.id), shown[0])
    pinned = _line(replace(base, name=f"Baseline: {base.name}", colour=palette.GREY), course, "dash")
    plain = courses(choice.base, measure).get(UNDEFENDED)
    same = {run.id for run in told.standing}
    panels = []
    for model, own in shown[:MOST]:
        beside = courses(model.run, measure).get(UNDEFENDED) or (plain if model.run.id in same else None)
        panels.append(
            _panel(model, own, None if model.arm == UNDEFENDED else beside, None if model == base else pinned)
        )
    epochs = max(int(model.run.spec.get("training", {}).get("epochs", 1)) for model, _ in shown)
    ends = [_last_and_highest(course) for _, course in shown]
    figure = multiples.panels(panels, epochs, y_title=words, span=_span(shown, measure), big=big)
    left = f" {MOST} of {len(shown)} are drawn; the table has all." if len(shown) > MOST else ""
    said = "; ".join(f"{model.name} {last}" for (model, _), (last, _) in zip(shown, ends, strict=True))
    return Chart(
        figure,
        f"Dashed grey in every panel: the baseline, {base.name}. Dotted: the same poisons without a defense. "
        f"Shaded: 95 % interval over keys and victims.{left}",
        f"{words} per epoch. At the end: {said}.",
        _table(shown),
    ), {
        "Model": [model.name for model, _ in shown],
        "Last": [last for last, _ in ends],
        "Highest": [highest for _, highest in ends],
    }


def models(choice: Choice, told: Comparison) -> list[Model]:
    """Every defended arm, the same one of equal experiments once; of a run without any, the undefended one."""
    standing = {run.id: run for run in told.standing}
    looks = palette.methods(methods(told.points))
    found = [Model(one.label, standing[one.run], one.arm, *looks[one.name]) for one in told.defended]
    for run in choice.beside(told):
        if run.id in standing and told.defended:
            continue
        arms = [arm for arm in learning.arms(run) if arm not in ("control", UNDEFENDED)]
        own = [arm for arm in arms if not arm.endswith(tuple(palette.TWINS))] or [UNDEFENDED]
        looks = palette.methods(own)
        found += [Model(f"{run.name}: {palette.arm_title(arm)}", run, arm, *looks[arm]) for arm in own]
    return sorted(found, key=lambda model: model.run.id != choice.base.id)


def courses(run: Run, measure: str) -> dict[str, Course]:
    """A rate by arm and epoch, over the run's keys and victims; remembered once the run is done."""
    return _courses(str(home()), run.id, measure, run) if run.state == "done" else _measured(run, measure)


@st.cache_resource(max_entries=64, show_spinner=False)
def _courses(folder: str, run_id: str, measure: str, _run: Run) -> dict[str, Course]:
    return _measured(_run, measure)


def _measured(run: Run, measure: str) -> dict[str, Course]:
    if measure == "success":
        return dict(sweep_learning.success(run))
    shares: dict[str, dict[int, list[float]]] = {}
    for point in cache.store().points(run.id):
        if point["clean_accuracy"] is not None:
            by_epoch = shares.setdefault(point["arm"], {})
            by_epoch.setdefault(int(point["epoch"]), []).append(float(point["clean_accuracy"]))
    return {
        arm: {epoch: metrics.mean(told) for epoch, told in sorted(by_epoch.items())} for arm, by_epoch in shares.items()
    }


def _panel(model: Model, course: Course, plain: Course | None, pinned: Line | None) -> Panel:
    """A model in front of what it is to be compared with."""
    lines = [_line(model, course, "solid")]
    if plain:
        without = replace(model, name=palette.arm_title(UNDEFENDED), colour=palette.VERMILION, shape="x")
        lines.insert(0, replace(_line(without, plain, "dot"), low=None, high=None))
    if pinned is not None:
        lines.insert(0, replace(pinned, low=None, high=None))
    return Panel(model.name, lines)


def _line(model: Model, course: Course, dash: str) -> Line:
    sides = ("mean", "low", "high")
    mean, low, high = (np.array([getattr(rate, side) for rate in course.values()]) for side in sides)
    banded = _banded(course)
    band = (low, high) if banded else (None, None)
    return Line(model.name, np.array(list(course)), mean, model.colour, dash, model.shape, *band)


def _banded(course: Course) -> bool:
    """Few trials have intervals that would cover the panel; a mean over two models has one already."""
    return all(rate.n >= (BANDED if rate.interval == "wilson" else 2) for rate in course.values())


def _span(shown: list[tuple[Model, Course]], measure: str) -> list[float]:
    if measure == "success":
        return [-3.0, 104.0]
    # The first epochs are low for everybody; what is compared are the ends.
    late = [rate for _, course in shown for rate in list(course.values())[len(course) // 2 :]]
    return palette.around([100 * rate.mean for rate in late], NARROWEST)


def _last_and_highest(course: Course) -> tuple[str, str]:
    last, best = max(course), max(course, key=lambda epoch: course[epoch].mean)
    return f"{percent(course[last].mean)} (n = {course[last].n})", f"{percent(course[best].mean)} after epoch {best}"


def _table(shown: list[tuple[Model, Course]]) -> dict[str, list]:
    epochs = sorted({epoch for _, course in shown for epoch in course})
    table: dict[str, list] = {"Epoch": epochs}
    for model, course in shown:
        rates = [course.get(epoch) for epoch in epochs]
        for side, words in (("mean", "%"), ("low", "low"), ("high", "high")):
            table[f"{model.name}, {words}"] = [rate and round(100 * getattr(rate, side), 2) for rate in rates]
    return table
