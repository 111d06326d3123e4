"""Attack success against epsilon or budget, over runs that share everything else, and a button that adds points."""

import html
import re
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from app import cache, queueing
from app.ahead import ahead
from app.components import actions, chips, frame, say
from app.components.verdict import of, percent
from core.errors import PoisonscopeError
from core.figures import palette
from core.figures.sweep import success_curve, words
from core.runs import sweep
from core.runs.record import LIVE
from core.runs.store import Run
from core.runs.sweep import Sweep, Value
from core.spec import Experiment

AGAINST = {"Epsilon": "epsilon", "Poison budget": "poison_fraction"}
"""What can be chosen, as the link has it."""
ASKED = {"epsilon": "Values of epsilon to add, of 255", "poison_fraction": "Poison budgets to add, in %"}
PARTS = {"epsilon": r"epsilon [\d.]+/255", "poison_fraction": r"budget [\d.e-]+ %"}
LOOK = 3.0
"""Seconds between two looks while runs on a curve are on their way."""
MOST = 12
"""Values that are queued at once."""


def panel(run: Run) -> None:
    """The whole section of a finished run; nothing where its success depends on no setting of this kind."""
    offered = sweep.axes(run)
    if not offered:
        return
    st.subheader("How much does it take?", anchor=False)
    try:
        now = states(run, offered)
    except PoisonscopeError as error:
        say.empty("No curve", f"This version cannot read the run's experiment: {error}")
        return
    st.fragment(_section)(run, offered)
    if any(state in LIVE for _, state in now):
        st.fragment(watch, run_every=LOOK)(run, offered, now)


def _section(run: Run, offered: tuple[str, ...]) -> None:
    found = sweep.sweep(cache.store(), run, _axis(offered))
    left, right = st.columns([7, 4], gap="large")
    with left:
        _curve(found)
    with right, st.container(border=True):
        _extend(run, found)
    st.html(_table(found))
    _beside(found)


def watch(run: Run, offered: tuple[str, ...], before: list[tuple[str, str]]) -> None:
    """Look whether anything on the curves has changed, and draw the page again only then: a chart must not flicker."""
    if states(run, offered) != before:
        st.rerun()


def states(run: Run, offered: tuple[str, ...]) -> list[tuple[str, str]]:
    """The runs on the curves, and how far each of them is."""
    curves = [sweep.sweep(cache.store(), run, axis) for axis in offered]
    return [(point.run.id, point.run.state) for found in curves for point in found.points]


def _axis(offered: tuple[str, ...]) -> str:
    labels = [label for label, axis in AGAINST.items() if axis in offered]
    if len(labels) == 1:
        return offered[0]
    chosen = st.segmented_control(
        "Attack success against", labels, default=labels[0], key="against", bind="query-params", required=True
    )
    return AGAINST[chosen or labels[0]]


# ---- what is known


def _curve(found: Sweep) -> None:
    measured = [(point.value, point.rates) for point in found.points if point.rates]
    if len(found.points) == 1:
        say.empty(
            "No other run yet",
            f"A curve needs runs that differ from this one in {_name(found.axis)} and in nothing else. Add some.",
        )
        return
    pending = [(point.value, chips.words(point.run)) for point in found.points if not point.rates]
    st.plotly_chart(
        success_curve(measured, axis=found.axis, own=found.own, pending=pending, big=frame.big()),
        key=f"sweep-{found.axis}",
        config={"displaylogo": False, "toImageButtonOptions": {"scale": 3}},
        alt=_said(found),
    )


def _said(found: Sweep) -> str:
    told = [
        f"{percent(point.rates['undefended']['mean'])} at {words(found.axis, point.value)}"
        for point in found.points
        if "undefended" in point.rates
    ]
    return f"Attack success without a defense against {_name(found.axis)}: {', '.join(told)}."


def _table(found: Sweep) -> str:
    """Every value with the run that stands for it: the chart's equivalent, and where the links are."""
    arms = list(dict.fromkeys(arm for point in found.points for arm in point.rates))
    head = "".join(f'<th scope="col">{html.escape(palette.arm_title(arm))}</th>' for arm in arms)
    rows = "".join(_row(found, point, arms) for point in found.points)
    title = html.escape(_name(found.axis).capitalize())
    return (
        f'<table class="ps-arms ps-sweep"><thead><tr><th scope="col">{title}</th>{head}<th scope="col">Run</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _row(found: Sweep, point: sweep.Point, arms: list[str]) -> str:
    run, own = point.run, point.value == found.own
    if point.rates:
        cells = "".join(f"<td>{_rate(point.rates[arm]) if arm in point.rates else '–'}</td>" for arm in arms)
    else:
        message = f" {html.escape(run.message)}" if run.message else ""
        cells = f'<td colspan="{max(1, len(arms))}">{chips.chip(run)}{message}</td>'
    query = html.escape(urlencode({**st.query_params.to_dict(), "run": run.id}), quote=True)
    label = html.escape(f"Open {run.name}", quote=True)
    link = "this run" if own else f'<a href="result?{query}" target="_self" aria-label="{label}">Open</a>'
    value = html.escape(words(found.axis, point.value))
    return f'<tr><th scope="row">{f"<b>{value}</b>" if own else value}</th>{cells}<td>{link}</td></tr>'


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


def _extend(run: Run, found: Sweep) -> None:
    axis = found.axis
    st.markdown("**Extend this curve**")
    text = st.text_input(
        ASKED[axis],
        value=", ".join(_typed(axis, value) for value in sweep.proposed(run.spec, found)),
        # Another number of points makes other proposals, which a box under the same key would not show.
        key=f"extend-{run.id}-{axis}-{len(found.points)}",
        placeholder="any others",
        help="Each value is a run that differs from this one in nothing else. Change the list as you like; the value "
        "of a run that failed or was stopped resumes it.",
    )
    experiments, remarks = _wanted(run, found, text)
    for remark in remarks:
        st.html(f'<p class="ps-small ps-remark">{html.escape(remark)}</p>')
    _cost(list(experiments.values()))
    many = f"{len(experiments)} runs" if len(experiments) != 1 else "1 run"
    pressed = st.button(
        f"Queue {many}" if experiments else "Nothing to queue",
        key=f"extend-now-{axis}",
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
            value = _read(found.axis, word)
            experiment = sweep.at(run.spec, found.axis, value)
        except (ValueError, PoisonscopeError) as error:
            remarks.append(str(error) if isinstance(error, PoisonscopeError) else f"{word[:20]!r} is no number.")
            continue
        shown, known = words(found.axis, value), found.at(value)
        if known is not None and known.run.state not in actions.RESUMABLE:
            remarks.append(f"{shown} {'is finished' if known.run.state == 'done' else 'is on its way'} already.")
            continue
        if known is not None:
            remarks.append(f"{shown} did not finish: it is resumed and goes on where it stopped.")
        part = f"{'epsilon' if found.axis == 'epsilon' else 'budget'} {shown}"
        name = queueing.renamed(run.name, part, PARTS[found.axis])
        wanted[value] = experiment.model_copy(update={"name": name})
    if len(wanted) > MOST:
        remarks.append(f"{MOST} at once are enough: the others are left out.")
    return dict(list(wanted.items())[:MOST]), remarks


def _cost(experiments: list[Experiment]) -> None:
    if not experiments:
        return
    try:
        cost = ahead(experiments)
    except PoisonscopeError as error:
        st.html(f'<p class="ps-small ps-remark">{html.escape(str(error))}</p>')
        return
    say.small_html(f"{cost.words}; what is there already is used again.")


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


def _read(axis: str, word: str) -> Value:
    number = float(word)
    if axis == "poison_fraction":
        return sweep.rounded(number / 100)
    return int(number) if number.is_integer() else number


def _typed(axis: str, value: Value) -> str:
    return f"{value:g}" if axis == "epsilon" else f"{100 * value:g}"


def _name(axis: str) -> str:
    return "epsilon" if axis == "epsilon" else "poison budget"
