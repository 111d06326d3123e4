"""Charts over the epochs of one key and victim, and over all of them: what stays, what is effective, what succeeds."""

from typing import Any

import numpy as np

from app.components import gradient_data, gradient_pool
from app.components.gradient_look import GradientLook
from app.components.gradient_pool import Course
from app.components.targeted_charts import Chart
from core.figures import epochs as figures
from core.figures import palette
from core.figures.epochs import Line, Panel
from core.verdict import percent

GROUPS = {
    "effective": ("Effective poisons", palette.VERMILION, "dash", "x"),
    "other": ("Other poisons", palette.PURPLE, "dot", "square"),
    "clean": ("Clean rows", palette.BLUE, "solid", "circle"),
}
BANDED = 5
"""Trials from which on a band is drawn: of fewer it would cover the chart, and the table has the intervals."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


def arm_name(arm: str, arms: list[str]) -> str:
    """The name of a training's arm: a defense, or the defense whose place it takes and how."""
    base = gradient_data.base(arm, arms)
    if base == arm:
        return palette.arm_title(arm)
    return f"{palette.arm_title(base)}’s size, {palette.TWINS[arm.removeprefix(base)][1]}"


# ---- one key and victim


def beside(look: GradientLook) -> Chart:
    """Three charts on one axis of epochs."""
    told = look.space.telling(look.threshold)
    silent = tuple(look.space.epochs[~told].tolist())
    staying = _staying(look)
    counts = look.space.effective(look.threshold).sum(axis=1)
    effective = [Line("Effective poisons", look.space.epochs, counts, palette.VERMILION, "dash", "x")]
    rates = gradient_pool.success(look.run)
    arms = [arm for arm in ("undefended", look.arm) if arm in rates]
    success = [_success(arm, look.seen.arms, rates[arm]) for arm in arms]
    panels = [
        Panel("Still in training", staying, why="No training defense dropped rows"),
        Panel(f"Effective poisons (of {int(look.space.poison.sum()):,})", effective, percent=False, silent=silent),
        Panel("Attack success, all keys and victims", success, why="Not measured yet"),
    ]
    if not look.truth:
        panels = panels[2:]
    trials = max((rate.n for arm in arms for rate in rates[arm].values()), default=0)
    shaded = " Shaded: most clean rows of the wanted class are as near, so nearness tells nothing." if silent else ""
    reading = (
        f"The dotted rule is the chosen epoch. Attack success is the share of {trials} trials (key × victim; one image "
        f"each) that the attacker wins{_banded(trials)}."
    )
    if look.truth:
        reading = (
            f"Effective: gradient within {look.threshold:g} of the target’s. A defense works where the effective "
            f"poisons leave training before the clean rows do, and success stays low.{shaded} {reading}"
        )
    return Chart(
        figures.stacked(panels, gradient_data.epochs_of(look.run), now=look.epoch, big=look.big),
        reading,
        _spoken(look, counts, rates),
        _beside_table(look, counts, told, rates, arms),
    )


def _staying(look: GradientLook) -> list[Line]:
    when = gradient_data.dropping(look.seen).get(look.arm or "")
    if when is None:
        return []
    epochs, ever = gradient_data.epochs_of(look.run), look.space.ever(look.threshold)
    truth = look.space.poison
    lines = []
    for group, part in (("effective", ever), ("other", truth & ~ever), ("clean", ~truth)):
        if part.any():
            name, colour, dash, symbol = GROUPS[group]
            stays = 1 - gradient_pool.gone(when[part], epochs)
            lines.append(Line(name, np.arange(epochs + 1), stays, colour, dash, symbol, steps=True))
    return lines


def _success(arm: str, arms: list[str], rates: dict[int, Any]) -> Line:
    place = arms.index(arm) if arm in arms else 0
    sides = [np.array([getattr(rate, side) for rate in rates.values()]) for side in ("mean", "low", "high")]
    colour, banded = palette.arm_colour(arm, arms), max(rate.n for rate in rates.values()) >= BANDED
    return Line(
        arm_name(arm, arms),
        np.array(list(rates)),
        sides[0],
        colour,
        DASHES[place % len(DASHES)],
        SYMBOLS[place % len(SYMBOLS)],
        sides[1] if banded else None,
        sides[2] if banded else None,
    )


def _spoken(look: GradientLook, counts: np.ndarray, rates: dict[str, dict[int, Any]]) -> str:
    ends = [
        f"{palette.arm_title(arm)} ends at {percent(list(told.values())[-1].mean)} attack success"
        for arm, told in rates.items()
    ]
    first = f"{int(counts[look.at])} poisons are effective after epoch {look.epoch}. " * look.truth
    return f"{first}{'; '.join(ends)}."


def _beside_table(
    look: GradientLook, counts: np.ndarray, told: np.ndarray, rates: dict[str, dict[int, Any]], arms: list[str]
) -> dict[str, list[Any]]:
    epochs = list(range(gradient_data.epochs_of(look.run) + 1))
    table: dict[str, list[Any]] = {"Epoch": epochs}
    if look.truth:
        for line in _staying(look):
            table[f"{line.name} in training"] = [percent(float(value)) for value in line.y]
        known = dict(zip(look.space.epochs.tolist(), zip(counts.tolist(), told.tolist(), strict=True), strict=True))
        table["Effective poisons"] = [known[e][0] if e in known else None for e in epochs]
        table["Nearness tells"] = [("yes" if known[e][1] else "no") if e in known else None for e in epochs]
    return table | {
        f"Attack success, {arm_name(arm, look.seen.arms)}": [_of(rates[arm].get(epoch)) for epoch in epochs]
        for arm in arms
    }


def _banded(trials: int) -> str:
    if trials >= BANDED:
        return ", with its 95 % Wilson interval"
    return "; so few have wide 95 % intervals, which the table holds"


def _of(rate: Any) -> str | None:
    return None if rate is None else f"{percent(rate.mean)} ({percent(rate.low)} to {percent(rate.high)})"


# ---- all keys and victims


def success(look: GradientLook) -> Chart | None:
    """Attack success with and without every training defense and its twins; None before anything is measured."""
    rates = gradient_pool.success(look.run)
    arms = [arm for arm in look.seen.arms if arm in rates and (arm == "undefended" or _drops(look, arm))]
    if not arms:
        return None
    ends = {arm: list(rates[arm].values())[-1] for arm in arms}
    trials = max(rate.n for rate in ends.values())
    epochs = list(range(gradient_data.epochs_of(look.run) + 1))
    panel = Panel("", [_success(arm, look.seen.arms, rates[arm]) for arm in arms])
    told = "; ".join(f"{arm_name(arm, look.seen.arms)} {_of(rate)}" for arm, rate in ends.items())
    return Chart(
        figures.chart(panel, len(epochs) - 1, y_title="Attack success", big=look.big),
        f"The lower a line ends, the better that training kept the target. Share of "
        f"{trials} trials that count{_banded(trials)}. At the end: {told}.",
        f"Attack success per epoch. At the end: {told}.",
        {"Epoch": epochs}
        | {arm_name(arm, look.seen.arms): [_of(rates[arm].get(epoch)) for epoch in epochs] for arm in arms},
    )


def _drops(look: GradientLook, arm: str) -> bool:
    return any(one.dropped_at(arm) is not None for one in gradient_data.everywhere(look.run))


def dropped(look: GradientLook) -> Chart | None:
    """Cumulative share of effective poisons, other poisons and clean rows that the chosen arm has dropped."""
    found = gradient_pool.dropped(look.run, look.threshold).get(look.arm or "")
    if not found or look.arm is None:
        return None
    lines = []
    epochs = gradient_data.epochs_of(look.run)
    for group, (name, colour, dash, symbol) in GROUPS.items():
        if group in found:
            own = found[group]
            band = (own.low, own.high) if own.trials >= BANDED else (None, None)
            lines.append(Line(name, np.arange(epochs + 1), own.mean, colour, dash, symbol, *band))
    ends = ", ".join(f"{line.name.lower()} {percent(float(line.y[-1]))}" for line in lines)
    return Chart(
        figures.chart(Panel("", lines), epochs, y_title="Dropped so far", big=look.big),
        f"A defense that tells poisons from clean rows drops the dashed line first and most. Shares that "
        f"{arm_name(look.arm, look.seen.arms)} dropped, {_over(found['all'])}. In the end: {ends}."
        + (
            ""
            if "effective" in found
            else " No poison was within the threshold at an epoch at which nearness tells anything."
        ),
        f"Cumulative share dropped by {arm_name(look.arm, look.seen.arms)}. In the end: {ends}.",
        {"Epoch": list(range(epochs + 1))}
        | {GROUPS[group][0]: _courses(found[group]) for group in GROUPS if group in found},
    )


def _courses(course: Course) -> list[str]:
    if course.low is None or course.high is None:
        return [percent(float(value)) for value in course.mean]
    return [
        f"{percent(float(mean))} ({percent(float(low))} to {percent(float(high))})"
        for mean, low, high in zip(course.mean, course.low, course.high, strict=True)
    ]


def _over(course: Course) -> str:
    if course.trials == 1:
        return "in one trial: no band, and no certainty"
    if course.trials < BANDED:
        return f"mean over {course.trials} trials; so few have wide 95 % intervals (Student’s t), which the table holds"
    return f"mean over {course.trials} trials with its 95 % interval (Student’s t)"


def against(look: GradientLook) -> Chart | None:
    """Effective poisons dropped against all rows dropped, for a defense and its twins; None without any."""
    found = gradient_pool.dropped(look.run, look.threshold)
    arms = [arm for arm in look.seen.arms if "effective" in found.get(arm, {})]
    if not arms:
        return None
    lines = []
    for place, arm in enumerate(arms):
        x, y = found[arm]["all"], found[arm]["effective"]
        colour = palette.arm_colour(arm, look.seen.arms)
        name = arm_name(arm, look.seen.arms)
        lines.append(Line(name, 100 * x.mean, y.mean, colour, DASHES[place % 5], SYMBOLS[place % 5]))
    most = max(float(line.x.max()) for line in lines)
    same = Line("No better than chance", np.array([0, most]), np.array([0, most / 100]), palette.GREY, "dot", "line-ns")
    ends = "; ".join(f"{ln.name}: {percent(float(ln.y[-1]))} for {percent(float(ln.x[-1]) / 100)}" for ln in lines)
    return Chart(
        figures.chart(
            Panel("", [same, *lines]),
            None,
            x_title="All rows dropped",
            y_title="Effective poisons dropped",
            big=look.big,
        ),
        "The steeper a line leaves the corner, the more poisons are caught for the same number of rows. Every mark is "
        f"an epoch, the mean over {found[arms[0]]['all'].trials} trials. {ends}.",
        f"Share of effective poisons dropped for the share of all rows dropped. {ends}.",
        {
            "Training": [line.name for line in lines for _ in line.x],
            "Epoch": [epoch for line in lines for epoch in range(len(line.x))],
            "All rows dropped": [percent(float(value) / 100) for line in lines for value in line.x],
            "Effective poisons dropped": [percent(float(value)) for line in lines for value in line.y],
        },
    )
