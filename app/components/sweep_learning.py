"""Attack success while models learn: one line a value of a defense's setting, beside training without a defense."""

from collections.abc import Mapping

import numpy as np

from app import cache, trials
from app.components import gradient_data, gradient_pool
from app.components.gradient_charts import BANDED, DASHES, SYMBOLS
from app.components.targeted_charts import Chart
from core import metrics
from core.figures import epochs, palette
from core.figures.epochs import Line, Panel
from core.metrics import Rate
from core.runs.store import Run
from core.runs.sweep import Sweep
from core.verdict import percent

COLOURS = (palette.BLUE, palette.GREEN, palette.PURPLE, *palette.EXTRA)
Course = Mapping[int, Rate]
"""Attack success by epoch."""


def chart(found: Sweep, *, big: bool = False) -> Chart | None:
    """The chart of the finished runs on a curve; None where none of them has its points.

    Args:
        found: a curve over a defense's setting.
        big: presentation size.
    """
    axis, arm = found.axis, found.axis.defense or ""
    rates = {point.value: success(point.run) for point in found.points if point.rates}
    # Every run on the curve has the same undefended trainings; the one that was asked about tells of them.
    of_all = [rates.get(found.own, {}), *rates.values()]
    courses: dict[str, Course] = {}
    if undefended := next((told["undefended"] for told in of_all if "undefended" in told), None):
        courses[palette.arm_title("undefended")] = undefended
    courses |= {axis.named(value): told[arm] for value, told in rates.items() if arm in told}
    if not courses:
        return None
    run = next(point.run for point in found.points if point.value == found.own)
    length = gradient_data.epochs_of(run)
    lines = [_line(name, place, course) for place, (name, course) in enumerate(courses.items())]
    ends = "; ".join(f"{name} {_of(list(course.values())[-1])}" for name, course in courses.items())
    return Chart(
        epochs.chart(Panel("", lines), length, y_title="Attack success", big=big),
        f"The lower a line ends, the better the target was kept. {_shaded(run, courses)} At the end: {ends}.",
        f"Attack success per epoch. At the end: {ends}.",
        {"Epoch": list(range(length + 1))}
        | {name: [_of(course.get(epoch)) for epoch in range(length + 1)] for name, course in courses.items()},
    )


def success(run: Run) -> dict[str, dict[int, Rate]]:
    """Attack success of a run by arm and epoch, over its keys and victims.

    Of attacks on one image the share of trials that are won, with Wilson's interval; of others, where every model has
    a rate of its own, their mean with Student's t interval.
    """
    if trials.is_targeted(run):
        return gradient_pool.success(run)
    shares: dict[str, dict[int, list[float]]] = {}
    for point in cache.store().points(run.id):
        if point["asr"] is not None:
            shares.setdefault(point["arm"], {}).setdefault(int(point["epoch"]), []).append(float(point["asr"]))
    return {
        arm: {epoch: metrics.mean(told) for epoch, told in sorted(by_epoch.items())} for arm, by_epoch in shares.items()
    }


def _line(name: str, place: int, course: Course) -> Line:
    """The first line, without a defense, has that arm's colour; the others one each."""
    mean, low, high = (np.array([getattr(rate, side) for rate in course.values()]) for side in ("mean", "low", "high"))
    banded = _trials([course]) >= BANDED
    return Line(
        name,
        np.array(list(course)),
        mean,
        palette.VERMILION if name == palette.arm_title("undefended") else COLOURS[(place - 1) % len(COLOURS)],
        DASHES[place % len(DASHES)],
        SYMBOLS[place % len(SYMBOLS)],
        low if banded else None,
        high if banded else None,
    )


def _trials(courses: list[Course]) -> int:
    return max(rate.n for course in courses for rate in course.values())


def _shaded(run: Run, courses: Mapping[str, Course]) -> str:
    trials_ = _trials(list(courses.values()))
    if trials.is_targeted(run):
        said, interval = f"Share of {trials_} trials (key × victim) that the attacker wins", "95 % Wilson interval"
    else:
        said, interval = f"Mean over {trials_} models (key × victim)", "95 % interval (Student’s t)"
    if trials_ >= BANDED:
        return f"{said}, with its {interval}."
    return f"{said}; so few have wide intervals, which the table holds."


def _of(rate: Rate | None) -> str | None:
    return None if rate is None else f"{percent(rate.mean)} ({percent(rate.low)} to {percent(rate.high)})"
