"""Keeps a timer of the page that was left from emptying the page that was opened.

A fragment that looks again every few seconds asks for its rerun together with the page that its tab shows. If a
button opens another page meanwhile (`st.switch_page`), Streamlit 1.67 still serves what was asked: it announces the
page that was left, and the tab takes away what the new page drew and stops with "Bad delta path". On a busy machine
about one of four visitors who pressed Start's button met an empty page. A fragment of a page that is no longer shown
has nothing to draw, so its rerun is left out.
"""

from typing import Any

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

SHOWN = "page-shown"
_serve = ScriptRunner._run_script


def note(page: StreamlitPage) -> None:
    """Remember which page this session shows; once in every run of the whole script."""
    if get_script_run_ctx() is not None:  # None: a spawned process imports the script that its parent began with
        st.session_state[SHOWN] = page._script_hash


def outdated(asked: Any, session: Any) -> bool:
    """Whether only fragments are asked for (a `RerunData`), of another page than the one that the session shows."""
    return bool(asked.fragment_id_queue) and SHOWN in session and session[SHOWN] != asked.page_script_hash


def _serve_if_current(self: ScriptRunner, asked: Any) -> None:
    if not outdated(asked, self._session_state):
        _serve(self, asked)


def install() -> None:
    """Put it in place; again does nothing."""
    ScriptRunner._run_script = _serve_if_current  # type: ignore[method-assign, assignment]  # Streamlit offers no other place for it
