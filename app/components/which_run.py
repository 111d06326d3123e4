"""Which run a page is about: the link's, else the one that was looked at last; otherwise a way to choose one."""

import html
from collections.abc import Callable

import streamlit as st

from app import cache, routes, state
from app.components import chips, frame, say
from core import describe
from core.errors import PoisonscopeError
from core.runs.store import Run

NEWEST = 5
Shows = Callable[[Run], object]
"""Something truthy where a page has something to show of a run."""


def every(run: Run) -> bool:
    """For a page that can show any."""
    return True


def asked(title: str, page: str, shows: Shows = every) -> Run | None:
    """The run; None where there is none, and then the page is drawn already.

    Args:
        title: of the page.
        page: its name among the routes.
        shows: which runs to offer.
    """
    given = st.query_params.get("run") or _last_seen()
    known = state.run_id(given)
    if given is None:
        _nothing("No run chosen", "Choose one of the newest, or make one in the Lab.", title, page, shows)
        return None
    try:
        if known is None:
            raise PoisonscopeError("A run's id has small letters, digits and dashes only.")
        run = cache.store().run(known)
    except PoisonscopeError as error:
        _nothing("There is no such run", str(error), title, page, shows)
        return None
    st.session_state["last_run"] = run.id
    frame.about(run)
    return run


def heading(run: Run, title: str) -> None:
    """The top of a page about a run, other than its own: a title, the run in one line, and the way to it."""
    st.html(f'<h1 class="ps-name">{html.escape(title)}</h1>')
    with st.container(horizontal=True, vertical_alignment="center"):
        facts = f'<span class="ps-run-facts">{html.escape(describe.facts(run, truth=frame.truth()))}</span>'
        st.html(f'<div class="ps-state">{chips.chip(run)}{facts}</div>')
        st.page_link(routes.page("result"), label="The run", icon=":material/monitoring:", query_params={"run": run.id})


def _last_seen() -> str | None:
    """The run that this session looked at last, so that the navigation leads back to it; written into the link."""
    last = st.session_state.get("last_run")
    if last is not None and any(run.id == last for run in cache.store().runs()):
        st.query_params["run"] = last
        return str(last)
    return None


def offer(page: str, shows: Shows = every) -> None:
    """The newest runs that a page can show, each with a button that opens it there."""
    for run in [run for run in cache.store().runs() if shows(run)][:NEWEST]:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Open", key=f"newest-{run.id}"):
                routes.open_run(run.id, page)
            st.html(f'<span class="ps-run-name">{html.escape(run.name)}</span> {chips.chip(run)}')


def _nothing(heading: str, words: str, title: str, page: str, shows: Shows) -> None:
    st.title(title)
    say.empty(heading, words)
    offer(page, shows)
    left, right, _ = st.columns([1, 1, 3])
    left.page_link(routes.page("runs"), label="See all runs", icon=":material/list:")
    right.page_link(routes.page("lab"), label="Open the Lab", icon=":material/science:")
