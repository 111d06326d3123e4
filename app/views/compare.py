"""Compare: runs beside each other, what every defense lets through and what it costs."""

import html

import streamlit as st

from app import cache, routes
from app.components import actions, chips, compare_charts, compare_choice, compare_curves, compare_settings, frame, say
from app.components.compare_choice import Choice
from app.components.verdict import block
from core import describe, presets
from core.errors import PoisonscopeError
from core.findings import verdict
from core.flags import of_network
from core.runs.comparison import Comparison, compare
from core.runs.store import Run

LOOK = 5.0
"""Seconds between two looks while a run is on its way."""
OFFERED = 3
"""Presets that are offered where there is nothing to compare."""


def page() -> None:
    """The page."""
    st.title("Compare")
    every = [run for run in cache.store().runs() if run.state != "incompatible"]
    if not every:
        say.empty("Nothing to compare yet", "Two defenses that met the same poisons can stand beside each other here.")
        _offer()
        return
    choice = compare_choice.choose(every)
    _facts(choice.base)
    for note in choice.notes:
        say.warning(note, icon="link_off")
    if any(run.live for run in choice.candidates):
        st.fragment(_watch, run_every=LOOK)(_states())
    try:
        told = compare(choice.base, choice.candidates)
    except PoisonscopeError as error:
        say.empty("This run cannot be compared", f"This version cannot read its experiment: {error}")
        return
    _compared(choice, told)


def _facts(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        facts = f'<span class="ps-run-facts">{html.escape(describe.facts(run, truth=frame.truth()))}</span>'
        st.html(f'<div class="ps-state">{chips.chip(run)}{facts}</div>')
        st.page_link(routes.page("result"), label="The run", icon=":material/monitoring:", query_params={"run": run.id})


def _compared(choice: Choice, told: Comparison) -> None:
    if told.points:
        result = told.standing[0].result or {}
        st.html(block(verdict(told, result), of_network(result.get("flags", []))))
        if not told.defended:
            _lonely(choice.base)
        compare_charts.tradeoff(told)
    else:
        _nothing(choice.base, told)
    st.fragment(compare_charts.heat_map)(choice)
    st.fragment(compare_curves.section)(choice, told)
    st.fragment(compare_settings.section)(choice, told)


# ---- what is missing


def _nothing(base: Run, told: Comparison) -> None:
    """Why the baseline has no rates to compare, and what to do."""
    why = next((reason for run, reason in told.left if run.id == base.id), "")
    if not base.spec.get("attack"):
        say.empty("Nothing was attacked", "Choose a run with an attack as the baseline.")
    elif base.live:
        say.empty("Not yet", "The chart appears when this run is done; the page looks again by itself.")
    else:
        say.empty("Nothing to compare", f"This run has no attack success: {why}.")
    compare_charts.left_out(told.left, "the trade-off, whose runs share everything but their defenses")


def _lonely(base: Run) -> None:
    """A run without defenses: one click away from some."""
    words, button = st.columns([4, 1], vertical_alignment="center")
    with words:
        say.small(
            "No defense has met these poisons yet. Open the run in the Lab and add some: its poisons and undefended "
            "models are found again, and only what is new is trained."
        )
    with button:
        actions.clone(base, "compare-clone")


def _offer() -> None:
    """Presets with defenses, a click away in the Lab."""
    ready = [preset for name in presets.names() if not (preset := presets.load(name)).needs]
    for preset in [preset for preset in ready if preset.content.get("defenses")][:OFFERED]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.html(
                f'<b>{html.escape(preset.title)}</b><br><span class="ps-small">{html.escape(preset.summary)}</span>'
            )
            st.page_link(
                routes.page("lab"),
                label="Open in the Lab",
                icon=":material/science:",
                query_params={"preset": preset.name},
            )


# ---- runs on their way


def _states() -> list[tuple[str, str]]:
    return [(run.id, run.state) for run in cache.store().runs()]


def _watch(before: list[tuple[str, str]]) -> None:
    """Look whether any run has moved on, and draw the page again only then: a chart must not flicker."""
    if _states() != before:
        st.rerun()
