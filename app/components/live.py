"""A run on its way: stages, progress, time left, Stop, and curves that grow."""

import html

import streamlit as st

from app import cache
from app.components import actions, chips, frame, say
from app.components.stages import stages
from core import describe
from core.charts import learning
from core.runs.store import Run

STARTER, OTHERS = 1.0, 3.0
"""Seconds between two looks: of the one who pressed a button in this session, and of everybody else."""

EXPLAINED = {
    "queued": "The run starts as soon as those before it are done. You may close this page: it goes on without you.",
    "starting": "A fresh process is loading PyTorch, which takes a few seconds. The first curve follows at once.",
    "stalled": "The process is alive but has not reported for a while. A busy or sleeping machine does that; "
    "it usually goes on by itself.",
    "stopping": "The run ends after the epoch that it is in. What is finished stays usable.",
}


def interval(run: Run) -> float:
    """How often this browser should look at a live run."""
    mine = st.session_state.get("nonces")
    return STARTER if mine else OTHERS


def watch(run: Run) -> None:
    """Draw the run again and again until it has ended, then the whole page once, which ends the looking."""
    st.fragment(_tick, run_every=interval(run))(run.id)


def finish(run: Run) -> None:
    """One line about a run whose results are known while its maps are being drawn; the whole page once they are."""
    st.fragment(_finish, run_every=OTHERS)(run.id)


def _finish(run_id: str) -> None:
    run = cache.store().run(run_id)
    if not run.live:
        st.rerun()
    words, button = st.columns([5, 1], vertical_alignment="center")
    with words:
        left = f" · about {describe.duration(run.eta_seconds)} left" if run.eta_seconds else ""
        say.small(f"All results are in. Still to come: {run.phase}{left}.")
    with button:
        actions.stop(run, "finish")


def state_line(run: Run) -> None:
    """The run's chip and what it is, in one line."""
    imported = " · imported" if run.origin == "imported" else ""
    made = f"{run.device or 'device not known yet'} · {chips.age(run.created)}{imported}"
    facts = f"{describe.facts(run, truth=frame.truth())} · {run.message if run.origin == 'showcase' else made}"
    st.html(f'<div class="ps-state">{chips.chip(run)}<span class="ps-run-facts">{html.escape(facts)}</span></div>')


def _tick(run_id: str) -> None:
    run = cache.store().run(run_id)
    if not run.live or run.result is not None:
        st.rerun()
    if run.state == "queued":
        cache.worker()  # one that was killed since the page was opened is started again
    state_line(run)
    head, button = st.columns([5, 1], vertical_alignment="center")
    with head:
        st.progress(min(1.0, max(0.0, run.progress)), text=_words(run))
    with button:
        actions.stop(run, "live")
    draw_stages(run)
    if run.state in EXPLAINED:
        st.info(EXPLAINED[run.state], icon=":material/hourglass_top:")
    draw_curves(run, key="live-curves")


def draw_stages(run: Run) -> None:
    """The stages, once they are planned."""
    if run.steps:
        st.html(stages(run, cache.store()))


def _words(run: Run) -> str:
    left = f" · about {describe.duration(run.eta_seconds)} left" if run.eta_seconds else ""
    phase = {"queued": chips.words(run), "starting": "Loading PyTorch"}.get(run.state, run.phase or chips.words(run))
    # Phases hold names from specs; nothing in them may act as Markdown.
    return f"{describe.markdown(phase)} · {run.progress:.0%}{left}"


def draw_curves(run: Run, key: str) -> None:
    """The curves as far as they go, or their axes while there are none."""
    chart = learning.chart(run, cache.store().points(run.id), big=frame.big())
    if chart is None and not run.live:
        say.empty("No curve yet", "The run ended before its first epoch was finished.")
        return
    st.plotly_chart(
        learning.awaited(run, big=frame.big()) if chart is None else chart.figure,
        key=key,
        config={"displaylogo": False, "toImageButtonOptions": {"scale": 3}},
        alt=learning.AWAITED if chart is None else chart.alt,
    )
