"""Be the attacker: a budget and a strength to spend on a preset, and a table of who got most out of few poisons."""

import streamlit as st

from app import cache, queueing, routes
from app.ahead import ahead, told
from app.components import attack_budget, chips, frame, lab_side, leaderboard, say
from app.components.attack_budget import Spent
from core import describe
from core.errors import PoisonscopeError
from core.runs import leaderboard as ranking
from core.runs.store import Run

LOOK = 3.0
"""Seconds between two looks while an attack is on its way."""
LEAD = (
    "You may change a few training images and nothing else. Spend a budget of poisons, choose how strong each of them "
    "is, and see how much of the model you own. The fewer poisons it takes, the better."
)


def page() -> None:
    """The page."""
    st.title("Be the attacker")
    st.html(f'<p class="ps-lead">{LEAD}</p>')
    left, right = st.columns([5, 6], gap="large")
    with left:
        try:
            spent = attack_budget.choose()
        except PoisonscopeError as error:
            say.error(error)
            return
        _offer(spent)
    with right, st.container(key="attack-preview"):
        lab_side.shown(spent.experiment)
    say.section("Leaderboard")
    live = [run for run in cache.store().runs() if run.live]
    st.fragment(_board, run_every=LOOK if live else None)(spent, [run.id for run in live])


def _offer(spent: Spent) -> None:
    known = queueing.twin(spent.experiment)
    if known is not None:
        words = "is finished" if known.finished else "is on its way"
        st.info(f"This very attack {words}: nothing needs to be computed again.", icon=":material/task_alt:")
        if st.button("Open that run", type="primary", width="stretch", key="same-attack"):
            routes.open_run(known.id)
        return
    if st.button("Attack", type="primary", width="stretch", key="attack", icon=":material/bolt:"):
        queueing.start(spent.experiment, "attacker")
    try:
        say.small_html(f"{told(ahead([spent.experiment]))}; what is there already is used again.")
    except PoisonscopeError as error:
        say.small(str(error))


def _board(spent: Spent, live: list[str]) -> None:
    """The table, and what is on its way to it; drawn anew where a run has ended."""
    runs = cache.store().runs()
    now = [run for run in runs if run.live]
    if [run.id for run in now] != live:
        st.rerun()
    if not frame.truth():
        say.empty("Hidden", f"How many poisons a run had is part of the truth. {frame.how()}")
        return
    shipped = st.toggle("With the runs that came with Poisonscope", value=True, key="shipped", bind="query-params")
    counted = [run for run in runs if shipped or run.origin != "showcase"]
    board = ranking.board(cache.store(), spent.experiment.model_dump(mode="json"), counted)
    _waiting(now)
    if not board:
        say.empty("Nobody has attacked here yet", "Press Attack: your first run opens the table.")
        return
    st.html(leaderboard.table(board, tuple(attack_budget.STRENGTHS), spent.experiment.hash()))
    more = f" The first {leaderboard.MOST} of {len(board)} are shown." if len(board) > leaderboard.MOST else ""
    say.small(
        "Success per poison: points of attack success above the clean baseline’s, for each poisoned image, with the "
        "95 % interval that follows from both rates. A range of places means that these intervals overlap. Runs stand "
        "here that share images, network, training and kind of attack with the preset. One model is one draw: a lead "
        f"of one run with one model may be luck.{more}"
    )


def _waiting(live: list[Run]) -> None:
    for run in live[:3]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(chips.chip(run))
            st.page_link(routes.page("result"), label=describe.markdown(run.name), query_params={"run": run.id})
