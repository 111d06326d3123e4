"""Duel: one attack against one defense, stronger and stronger; where the defense breaks."""

import html
from typing import Any

import streamlit as st

from app import cache, routes
from app.components import chips, frame, gradient_look, say, sweep_panel, which_run
from core import describe
from core.axes import STRENGTHS, Axis
from core.charts import sweep as charted
from core.errors import PoisonscopeError
from core.figures import palette
from core.figures.sweep import success_curve
from core.runs import duel, sweep
from core.runs.duel import Round
from core.runs.store import Run
from core.runs.sweep import Sweep
from core.verdict import filtered, of, percent

LOOK = 5.0
"""Seconds between two looks while a strength is being computed."""
FIRST = "showcase-badnets"
LEAD = "The same attack, stronger and stronger, against the same defense. Nothing else differs between these runs."
STATES = {
    "idle": ("The attack does not work", "plain"),
    "holds": ("The defense holds", ""),
    "breaks": ("The defense breaks", "bad"),
}


def page() -> None:
    """The page."""
    known = [run.id for run in cache.store().runs()]
    if not st.query_params.get("run") and not st.session_state.get("last_run") and FIRST in known:
        st.query_params["run"] = FIRST
    run = which_run.asked("Duel", "duel")
    if run is None:
        return
    which_run.heading(run, f"Duel: {run.name}")
    defenses = filtered(run.result or {})
    offered = sweep.axes(run, STRENGTHS)
    if run.live:
        say.empty(
            "The run has not come that far", "A duel needs a finished run; its other strengths can be queued then."
        )
    elif not offered:
        say.empty("No duel", "This run has no attack whose strength can be changed, or did not measure its success.")
    elif not defenses:
        say.empty("Nobody defends", "This run has no defense. Clone it in the Lab and add one.")
    else:
        _arena(run, offered, defenses)


def _arena(run: Run, offered: tuple[Axis, ...], defenses: list[str]) -> None:
    st.html(f'<p class="ps-lead">{LEAD}</p>')
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = _pick("Strength", {each.label: each for each in offered}, "against")
        defense = _pick("Defense", {palette.arm_title(arm): arm for arm in defenses}, "defense")
    try:
        found = sweep.sweep(cache.store(), run, axis)
    except PoisonscopeError as error:
        say.empty("No duel", f"This version cannot read the run's experiment: {error}")
        return
    st.fragment(_fight, run_every=LOOK if found.live else None)(run.id, axis, defense)


def _pick(label: str, options: dict[str, Any], key: str) -> Any:
    """The only one, or the one that is chosen."""
    first = next(iter(options))
    if len(options) == 1:
        return options[first]
    chosen = st.segmented_control(label, list(options), default=first, key=key, bind="query-params", required=True)
    return options[chosen or first]


def _fight(run_id: str, axis: Axis, defense: str) -> None:
    run = cache.store().run(run_id)
    found = sweep.sweep(cache.store(), run, axis)
    fought = duel.rounds(found.points, defense)
    title = palette.arm_title(defense)
    if len(fought) > 1:
        said = duel.sentence(found, fought, title)
        tone = "bad" if any(each.state == "breaks" for each in fought) else ""
        st.html(f'<div class="ps-verdict {tone}">{html.escape(said)}</div>')
        _round(found, fought, title)
        _curve(found, defense)
        _table(found, fought, title)
        say.small(
            "The attack works where its 95 % interval lies wholly above the clean baseline’s. The defense holds where "
            "its interval lies wholly below the one without a defense, and below 50 %."
        )
    else:
        say.empty(
            "Only one strength so far",
            f"A duel needs runs that differ from this one in {axis.noun} and in nothing else. Queue some.",
        )
    waiting = [point.run for point in found.points if point.run.live]
    for other in waiting:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(chips.chip(other))
            st.page_link(routes.page("result"), label=describe.markdown(other.name), query_params={"run": other.id})
    with st.expander("Add strengths", expanded=len(fought) < 2):
        sweep_panel.extend(run, found)


def _round(found: Sweep, fought: list[Round], title: str) -> None:
    """The slider, and both sides at the strength that it holds."""
    words = {found.axis.words(each.value): each for each in fought}
    own = found.axis.words(found.own)
    chosen = st.select_slider(
        f"{found.axis.label}: how strong the attack is",
        list(words),
        value=own if own in words else next(iter(words)),
        key="strength",
        bind="query-params",
    )
    shown = words[str(chosen)]
    said, tone = STATES[shown.state]
    cards = [_card("undefended", "No defense", shown.attack), _card("defended", title, shown.defended)]
    if shown.control is not None:
        cards.append(_card("control", "Clean baseline", shown.control))
    outcome = html.escape(f"{said} at {found.axis.named(shown.value)}.")
    st.html(
        f'<div role="status"><div class="ps-duel {tone}">{outcome}</div>'
        f'<div class="ps-cards three ps-tight">{"".join(cards)}</div></div>'
    )


def _card(role: str, title: str, rate: dict[str, Any]) -> str:
    low, mean, high = (100 * float(rate[name]) for name in ("low", "mean", "high"))
    bar = (
        f'<div class="ps-range" style="height:1rem"><i style="left:{low:.2f}%;width:{high - low:.2f}%;'
        f'background:var(--ps-{role})"></i><b style="left:{mean:.2f}%;background:var(--ps-{role})"></b></div>'
    )
    return (
        f'<div class="ps-card"><div class="ps-card-title"><span class="ps-swatch" style="background:var(--ps-{role})">'
        f'</span>{html.escape(title)}</div><div class="ps-big">{percent(mean / 100)}</div>{bar}'
        f'<div class="ps-small">attack success, 95 % between {low:.1f} and {high:.1f} %, {of(rate)}</div></div>'
    )


def _curve(found: Sweep, defense: str) -> None:
    arms = ("undefended", defense, "control")
    points = [
        (point.value, {arm: point.rates[arm] for arm in arms if arm in point.rates})
        for point in found.points
        if point.rates
    ]
    figure = success_curve(points, axis=found.axis, own=found.own, big=frame.big())
    st.plotly_chart(figure, key=f"duel-{found.axis.name}", config=gradient_look.CONFIG, alt=charted.said(found))


def _table(found: Sweep, fought: list[Round], title: str) -> None:
    with st.expander("The same as a table"):
        st.dataframe(
            {
                found.axis.label: [found.axis.words(each.value) for each in fought],
                "No defense": [_told(each.attack) for each in fought],
                title: [_told(each.defended) for each in fought],
                "Outcome": [STATES[each.state][0] for each in fought],
            },
            hide_index=True,
        )


def _told(rate: dict[str, Any]) -> str:
    low, mean, high = (100 * float(rate[name]) for name in ("low", "mean", "high"))
    return f"{mean:.1f} % ({low:.1f} to {high:.1f}), {of(rate)}"
