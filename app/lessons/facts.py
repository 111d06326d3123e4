"""Numbers of shipped runs for the words of lessons: every one is read from what the run stored."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import streamlit as st

from app import cache, trials
from app.components import gradient_data, gradient_pool
from app.lessons import honesty, samples, shipped
from core import verdict
from core.analysis import effective
from core.errors import StoreError
from core.figures import palette, targeted
from core.home import home
from core.runs import costs
from core.runs.store import Run
from core.runs.view import RunView
from core.verdict import percent

Fact = Callable[[RunView], str]
ENOUGH = 0.5
"""Attack success from which on a budget is called enough."""
UNDEFENDED = gradient_data.UNDEFENDED


def known(wanted: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The facts that a text asks for, as far as their runs are here; by `run.fact`."""
    found = {}
    for name, fact in dict.fromkeys(wanted):
        try:
            if name == "rates":
                found[f"{name}.{fact}"] = RATES[fact](shipped.family(name))
            elif name == "bill":
                found[f"{name}.{fact}"] = BILL[fact](honesty.costs())
            else:
                run = shipped.run(name)
                found[f"{name}.{fact}"] = _fact(str(home()), run.id, run.ended, fact)
        except (StoreError, LookupError, TypeError, ValueError):
            continue  # the run is not here, or is another one than the lesson was written for
    return found


@st.cache_data(max_entries=512, show_spinner=False)
def _fact(folder: str, run_id: str, ended: float | None, fact: str) -> str:
    return FACTS[fact](cache.view(cache.store().run(run_id)))


# ---- of the result


def _result(seen: RunView) -> dict[str, Any]:
    assert seen.result is not None
    return seen.result


def defense(seen: RunView) -> str:
    """The first defense of a run.

    Raises:
        StoreError: nothing defended.
    """
    arms = verdict.filtered(_result(seen))
    if not arms:
        raise StoreError("Nothing defended this run.")
    return arms[0]


def _rate(seen: RunView, arm: str, measure: str) -> dict[str, Any]:
    result = _result(seen)
    rate: dict[str, Any] = (result["control"] if arm == "control" else result["arms"][arm])[measure]
    return rate


def _share(arm: str, measure: str) -> Fact:
    return lambda seen: percent(_rate(seen, arm, measure)["mean"])


def _defended(measure: str, ending: str = "") -> Fact:
    return lambda seen: percent(_rate(seen, defense(seen) + ending, measure)["mean"])


def _interval(seen: RunView) -> str:
    rate = _rate(seen, UNDEFENDED, "asr")
    return f"{percent(rate['low'])} to {percent(rate['high'])}"


def _wins(ending: str | None) -> Fact:
    def of(seen: RunView) -> str:
        rate = _rate(seen, UNDEFENDED if ending is None else defense(seen) + ending, "asr")
        return f"{round(rate['mean'] * rate['n']):,}"

    return of


def _points(arm: Callable[[RunView], str]) -> Fact:
    """Clean accuracy that an arm has less than the clean baseline, in points."""

    def lost(seen: RunView) -> str:
        whole = _rate(seen, "control", "clean_accuracy")["mean"] - _rate(seen, arm(seen), "clean_accuracy")["mean"]
        return f"{100 * whole:.1f}"

    return lost


def _detected(place: int) -> Fact:
    return lambda seen: f"{verdict.caught(_result(seen)['arms'][defense(seen)]['detection'])[place]:,}"


def _removed(seen: RunView) -> str:
    return f"{_result(seen)['arms'][defense(seen)]['detection']['removed']:,}"


def _cost(seen: RunView, arm: str) -> costs.Cost:
    return costs.of(_result(seen), seen.run.steps, arm)


def _times_passes(seen: RunView) -> str:
    """How many times the undefended training's passes the defended one takes."""
    return f"{_cost(seen, defense(seen)).times:.1f}"


def _times_seconds(seen: RunView) -> str:
    """The same of its seconds."""
    defended, plain = (_cost(seen, arm).seconds for arm in (defense(seen), UNDEFENDED))
    if not defended or not plain:
        raise StoreError("The run holds no seconds.")
    return f"{defended / plain:.1f}"


# ---- of the arrays


def _class(which: str) -> Fact:
    def name(seen: RunView) -> str:
        shown, names = seen.evaluation, seen.class_names
        if shown is None or names is None:
            raise StoreError("The run holds no evaluation images.")
        return names[int(shown[f"eval_{which}"][0])]

    return name


def _counted(place: int) -> Fact:
    return lambda seen: f"{shipped.counted(seen.run)[place]:,}"


def _loss(place: int) -> Fact:
    def value(seen: RunView) -> str:
        trace = shipped.need(seen.trace, "crafting loss")
        kept = targeted.kept_restart(trace)
        row = trace[0 if kept is None else kept]
        return f"{float(row[np.isfinite(row)][place]):.2f}"

    return value


def _alignment(seen: RunView) -> str:
    told = [value for value in seen.alignment(UNDEFENDED) or [] if value is not None]
    if not told:
        raise StoreError("The run holds no alignment.")
    return f"{np.mean(told):.2f}"


def _turn(seen: RunView) -> str:
    """The epoch from which on the first victim gives the wanted class more than the true one."""
    curve, shown = seen.probability_curve(UNDEFENDED), seen.evaluation
    if curve is None or shown is None:
        raise StoreError("The run holds no probabilities.")
    ahead = curve[:, 0, int(shown["eval_wanted"][0])] > curve[:, 0, int(shown["eval_true"][0])]
    if not ahead[-1]:
        raise StoreError("The first victim was not fooled.")
    behind = np.flatnonzero(~ahead)
    return str(int(behind[-1]) + 1 if len(behind) else 0)


def _nearest(seen: RunView) -> str:
    """The measure in which the median distance to the target fell most, in proportion."""
    found = seen.distances
    if found is None:
        raise StoreError("The run holds no distances.")
    left = {name: np.median(pair[:, 1]) / np.median(pair[:, 0]) for name, pair in found.items()}
    return min(left, key=lambda name: left[name])


def _effective(seen: RunView) -> str:
    near = gradient_pool.near(seen)
    if near is None:
        raise StoreError("The run holds no gradients.")
    return str(int(near.ever(effective.THRESHOLD).sum()))


def _dropped(poisons: bool) -> Fact:
    """Share of the poisons, or of the clean rows, that the first defense dropped."""

    def share(seen: RunView) -> str:
        when, truth = seen.dropped_at(defense(seen)), seen.is_poison
        if when is None or truth is None:
            raise StoreError("Nothing was dropped in this run.")
        return percent(float((when[truth == poisons] >= 0).mean()))

    return share


def _wall(seen: RunView) -> str:
    return str(int(shipped.need(seen.is_poison, "truth")[samples.wall_rows(seen)].sum()))


def _innocent(seen: RunView) -> str:
    rows = samples.least_suspicious(seen, defense(seen))
    return str(int((~shipped.need(seen.is_poison, "truth")[rows]).sum()))


def _best_control(seen: RunView) -> str:
    """The control whose attack success is nearest to the first defense's."""
    own = defense(seen)
    arms = [own + ending for ending in palette.TWINS if own + ending in _result(seen)["arms"]]
    goal = _rate(seen, own, "asr")["mean"]
    return palette.arm_title(min(arms, key=lambda arm: abs(_rate(seen, arm, "asr")["mean"] - goal)))


FACTS: dict[str, Fact] = {
    "rows": _counted(0),
    "poisons": _counted(1),
    "budget": lambda seen: f"{100 * seen.run.spec['attack']['poison_fraction']:.1f} %",
    "epsilon": lambda seen: str(seen.run.spec["attack"]["epsilon"]),
    "epochs": lambda seen: str(seen.run.spec["training"]["epochs"]),
    "wanted": _class("wanted"),
    "true": _class("true"),
    "clean": _share(UNDEFENDED, "clean_accuracy"),
    "control_clean": _share("control", "clean_accuracy"),
    "control_asr": _share("control", "asr"),
    "clean_lost_points": _points(lambda seen: UNDEFENDED),
    "asr": _share(UNDEFENDED, "asr"),
    "asr_interval": _interval,
    "asr_n": lambda seen: f"{_rate(seen, UNDEFENDED, 'asr')['n']:,}",
    "wins": _wins(None),
    "defense": lambda seen: palette.arm_title(defense(seen)),
    "clean_after": _defended("clean_accuracy"),
    "asr_after": _defended("asr"),
    "asr_random": _defended("asr", "_random"),
    "wins_after": _wins(""),
    "defended_points": _points(defense),
    "caught": _detected(0),
    "clean_removed": _detected(2),
    "removed": _removed,
    "times_passes": _times_passes,
    "times_seconds": _times_seconds,
    "trials": lambda seen: str(sum(one["counted"] for one in trials.pairs(seen.run))),
    "loss_first": _loss(0),
    "loss_last": _loss(-1),
    "alignment": _alignment,
    "turn": _turn,
    "nearest": _nearest,
    "effective": _effective,
    "poisons_dropped": _dropped(True),
    "clean_dropped": _dropped(False),
    "which": samples.puzzle_side,
    "wall": _wall,
    "wall_innocent": _innocent,
    "best_control": _best_control,
}
"""What lessons may ask of one run."""


def success(run: Run) -> float:
    """Attack success without a defense, in [0, 1]."""
    assert run.result is not None
    return float(run.result["arms"][UNDEFENDED]["asr"]["mean"])


def _enough(runs: list[Run]) -> Run:
    """The run with the smallest budget that is enough, and from which on all larger ones are too."""
    for place, one in enumerate(runs):
        if all(success(other) >= ENOUGH for other in runs[place:]):
            return one
    raise StoreError("No budget was enough.")


def _before(runs: list[Run]) -> Run:
    place = runs.index(_enough(runs))
    if place == 0:
        raise StoreError("Every budget was enough.")
    return runs[place - 1]


def _accuracy(run: Run) -> float:
    assert run.result is not None
    return float(run.result["arms"][UNDEFENDED]["clean_accuracy"]["mean"])


RATES: dict[str, Callable[[list[Run]], str]] = {
    "count": lambda runs: str(len(runs)),
    "rows": lambda runs: f"{shipped.counted(runs[0])[0]:,}",
    "enough": lambda runs: f"{shipped.counted(_enough(runs))[1]:,}",
    "enough_asr": lambda runs: percent(success(_enough(runs))),
    "too_few": lambda runs: f"{shipped.counted(_before(runs))[1]:,}",
    "too_few_asr": lambda runs: percent(success(_before(runs))),
    "most": lambda runs: f"{shipped.counted(runs[-1])[1]:,}",
    "most_asr": lambda runs: percent(success(runs[-1])),
    "clean_low": lambda runs: percent(min(map(_accuracy, runs))),
    "clean_high": lambda runs: percent(max(map(_accuracy, runs))),
}
"""What lessons may ask of the runs that differ in their budget."""

BILL: dict[str, Callable[[list[honesty.Cost]], str]] = {
    "dearest": lambda costs: max(costs, key=lambda cost: cost.points).defense,
}
"""What lessons may ask of all defenses of the shipped runs together."""
