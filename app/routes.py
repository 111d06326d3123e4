"""The pages, by name, so that one page can lead to another."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

SECTIONS = {"Begin": ("start",), "Experiment": ("lab",), "Analyse": ("result",)}


def page(name: str) -> StreamlitPage:
    """A page of app/views; importing it here and not above lets pages refer to each other."""
    from app.views.lab import page as lab
    from app.views.result import page as result
    from app.views.start import page as start

    known = {
        "start": lambda: st.Page(start, title="Start", icon=":material/home:", default=True),
        "lab": lambda: st.Page(lab, title="Lab", icon=":material/science:", url_path="lab"),
        "result": lambda: st.Page(result, title="Run", icon=":material/monitoring:", url_path="result"),
    }
    return known[name]()


def open_run(run_id: str) -> None:
    """Go to a run's page."""
    st.switch_page(page("result"), query_params={"run": run_id})
