"""Attack success against one setting, over runs that share everything else, and a button that adds points."""

import html
import re
from typing import Any

import streamlit as st

from app import cache, queueing, routes
from app.ahead import ahead, told
from app.components import actions, chips, frame, gradient_look, say, sweep_learning
from core.axes import Axis, Value
from core.charts import sweep as charted
from core.errors import PoisonscopeError
from core.figures import palette
from core.figures.sweep import success_curve
from core.runs import sweep
from core.runs.record import LIVE
from core.runs.store import Run
from core.runs.sweep import Sweep
from core.spec import Experiment
from core.verdict import of, percent

LOOK = 3.0
"""Seconds between two looks while runs on a curve are on their way."""
MOST = 12
"""Values that are queued at once."""


def panel(run: Run) -> None:
    """The whole section of a finished run; nothing where its success depends on no setting of this kind."""
    offered = sweep.axes(run)
    if not offered:
        return
    say.section("How much does it take?")
    try:
        now = states(run, offered)
    except PoisonscopeError as error:
        say.empty("No curve", f"This version cannot read the run's experiment: {error}")
        return
    st.fragment(_section)(run, offered)
    if any(state in LIVE for _, state in now):
        st.fragment(watch, run_every=LOOK)(run, offered, now)


def _section(run: Run, offered: tuple[Axis, ...]) -> None:
    found = sweep.sweep(cache.store(), run, _axis(offered))
    left, right = st.columns([7, 4], gap="large")
    with left:
        _curve(found)
        _learning(found)
    with right, st.container(border=True):
        extend(run, found)
    st.html(_table(found))
    _beside(found)


def watch(run: Run, offered: tuple[Axis, ...], before: list[tuple[str, str]]) -> None:
    """Look whether anything on the curves has changed, and draw the page again only then: a chart must not flicker."""
    if states(run, offered) != before:
        st.rerun()


def states(run: Run, offered: tuple[Axis, ...]) -> list[tuple[str, str]]:
    """The runs on the curves, and how far each of them is."""
    curves = [sweep.sweep(cache.store(), run, axis) for axis in offered]
    return [(point.run.id, point.run.state) for found in curves for point in found.points]


def _axis(offered: tuple[Axis, ...]) -> Axis:
    if len(offered) == 1:
        return offered[0]
    labels = {axis.label: axis for axis in offered}
    first = next(iter(labels))
    chosen = st.segmented_control(
        "Attack success against", list(labels), default=first, key="against", bind="query-params", required=True
    )
    return labels[chosen or first]


# ---- what is known


def _curve(found: Sweep) -> None:
    if len(found.points) == 1:
        say.empty(
            "No other run yet",
            f"A curve needs runs that differ from this one in {found.axis.noun} and in nothing else. Add some.",
        )
        return
    figure = success_curve(
        [(point.value, point.rates) for point in found.points if point.rates],
        axis=found.axis,
        accuracies=[
            (point.value, point.accuracies) for point in found.points if charted.traded(found) and point.accuracies
        ],
        own=found.own,
        pending=[(point.value, chips.words(point.run)) for point in found.points if not point.rates],
        big=frame.big(),
    )
    st.plotly_chart(figure, key=f"sweep-{found.axis.name}", config=gradient_look.CONFIG, alt=charted.said(found))
    if charted.traded(found):
        say.small(
            "A good value is low in the upper chart and as high as no defense in the lower one, whose axis spans only "
            "what was measured."
        )


def _learning(found: Sweep) -> None:
    if not charted.traded(found) or len(found.points) == 1:
        return
    none = ("Not measured", "The curves of these runs are not stored here.")
    chart = sweep_learning.chart(found, big=frame.big())
    gradient_look.drawn("Attack success while it learns", chart, f"learning-{found.axis.name}", none)


def _table(found: Sweep) -> str:
    """Every value with the run that stands for it: the chart's equivalent, and where the links are."""
    arms = list(dict.fromkeys(arm for point in found.points for arm in point.rates))
    head = "".join(f'<th scope="col">{html.escape(palette.arm_title(arm))}</th>' for arm in arms)
    rows = "".join(_row(found, point, arms) for point in found.points)
    title = html.escape(found.axis.label)
    return (
        f'<table class="ps-arms ps-sweep"><thead><tr><th scope="col">{title}</th>{head}<th scope="col">Run</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _row(found: Sweep, point: sweep.Point, arms: list[str]) -> str:
    run, own = point.run, point.value == found.own
    if point.rates:
        cells = "".join(f"<td>{_cell(point, arm, charted.traded(found))}</td>" for arm in arms)
    else:
        message = f" {html.escape(run.message)}" if run.message else ""
        cells = f'<td colspan="{max(1, len(arms))}">{chips.chip(run)}{message}</td>'
    href = routes.href(run.id, kept=st.query_params.to_dict())
    label = html.escape(f"Open {run.name}", quote=True)
    link = "this run" if own else f'<a href="{href}" target="_self" aria-label="{label}">Open</a>'
    value = html.escape(found.axis.words(point.value))
    return f'<tr><th scope="row">{f"<b>{value}</b>" if own else value}</th>{cells}<td>{link}</td></tr>'


def _cell(point: sweep.Point, arm: str, traded: bool) -> str:
    success, accuracy = point.rates.get(arm), point.accuracies.get(arm)
    told = _rate(success) if success else "–"
    if traded and accuracy:
        told += (
            f'<br>clean {percent(accuracy["mean"])}<br><span class="ps-quiet">'
            f"{100 * accuracy['low']:.1f} to {100 * accuracy['high']:.1f} %</span>"
        )
    return told


def _rate(rate: dict[str, Any]) -> str:
    low, high = (f"{100 * rate[side]:.0f}" for side in ("low", "high"))
    return f'<b>{percent(rate["mean"])}</b><br><span class="ps-quiet">{low} to {high} %, {of(rate)}</span>'


def _beside(found: Sweep) -> None:
    if found.beside:
        runs = "1 other run differs" if found.beside == 1 else f"{found.beside} other runs differ"
        say.small(
            f"{runs} in keys, victims or defenses as well and so cannot stand on this curve: other targets or other "
            "models would look like an effect of the setting."
        )


# ---- what could be added


def extend(run: Run, found: Sweep) -> None:
    """A box with values to add, what they cost, and the button that queues them."""
    axis = found.axis
    st.markdown("**Extend this curve**")
    text = st.text_input(
        axis.asked,
        value=", ".join(axis.typed(value) for value in sweep.proposed(run.spec, found)),
        # Another number of points makes other proposals, which a box under the same key would not show.
        key=f"extend-{run.id}-{axis.name}-{len(found.points)}",
        placeholder="any others",
        help="Each value is a run that differs from this one in nothing else. Change the list as you like; the value "
        "of a run that failed or was stopped resumes it.",
    )
    experiments, remarks = _wanted(run, found, text)
    for remark in remarks:
        st.html(f'<p class="ps-small ps-remark">{html.escape(remark)}</p>')
    _cost(axis, list(experiments.values()))
    many = f"{len(experiments)} runs" if len(experiments) != 1 else "1 run"
    pressed = st.button(
        f"Queue {many}" if experiments else "Nothing to queue",
        key=f"extend-now-{axis.name}",
        icon=":material/playlist_add:",
        disabled=not experiments,
        width="stretch",
    )
    if pressed:
        for value, experiment in experiments.items():
            _queue(found, value, experiment, f"sweep-{run.id}")
        st.rerun()


def _wanted(run: Run, found: Sweep, text: str) -> tuple[dict[Value, Experiment], list[str]]:
    """The experiments to queue, by value, and a sentence for everything typed that will not be queued as it is."""
    wanted: dict[Value, Experiment] = {}
    remarks = []
    for word in filter(None, re.split(r"[,;\s]+", re.sub(r"/\s*255|%", " ", text))):
        try:
            value = found.axis.parse(word)
            experiment = sweep.at(run.spec, found.axis, value)
        except (ValueError, PoisonscopeError) as error:
            remarks.append(str(error) if isinstance(error, PoisonscopeError) else f"{word[:20]!r} is no number.")
            continue
        shown, known = found.axis.words(value), found.at(value)
        if known is not None and known.run.state not in actions.RESUMABLE:
            remarks.append(f"{shown} {'is finished' if known.run.state == 'done' else 'is on its way'} already.")
            continue
        if known is not None:
            remarks.append(f"{shown} did not finish: it is resumed and goes on where it stopped.")
        name = queueing.renamed(run.name, found.axis.named(value), found.axis.pattern)
        wanted[value] = experiment.model_copy(update={"name": name})
    if len(wanted) > MOST:
        remarks.append(f"{MOST} at once are enough: the others are left out.")
    return dict(list(wanted.items())[:MOST]), remarks


def _cost(axis: Axis, experiments: list[Experiment]) -> None:
    if not experiments:
        return
    try:
        cost = ahead(experiments)
    except PoisonscopeError as error:
        st.html(f'<p class="ps-small ps-remark">{html.escape(str(error))}</p>')
        return
    again = "what is there already is used again"
    if axis.defense:
        again = f"poisons and undefended trainings do not depend on {html.escape(axis.part)} and are found again"
    say.small_html(f"{told(cost)}; {again}.")


def _queue(found: Sweep, value: Value, experiment: Experiment, button: str) -> None:
    """Queue what nobody has queued since the page was drawn; what did not finish goes on."""
    known = found.at(value)
    if queueing.twin(experiment) is not None:
        return
    if known is not None:
        cache.worker()
        cache.store().resume(known.run.id)
    else:
        queueing.submit(experiment, button)
