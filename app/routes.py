"""The pages, by name, so that one page can lead to another."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

SECTIONS = {"Begin": ("start",), "Experiment": ("lab",), "Analyse": ("result", "images", "gradients")}


def page(name: str) -> StreamlitPage:
    """A page of app/views; importing it here and not above lets pages refer to each other."""
    from app.views.gradients import page as gradients
    from app.views.images import page as images
    from app.views.lab import page as lab
    from app.views.result import page as result
    from app.views.start import page as start

    known = {
        "start": lambda: st.Page(start, title="Start", icon=":material/home:", default=True),
        "lab": lambda: st.Page(lab, title="Lab", icon=":material/science:", url_path="lab"),
        "result": lambda: st.Page(result, title="Run", icon=":material/monitoring:", url_path="result"),
        "images": lambda: st.Page(images, title="Images", icon=":material/grid_view:", url_path="images"),
        "gradients": lambda: st.Page(
            gradients, title="Gradients", icon=":material/scatter_plot:", url_path="gradients"
        ),
    }
    return known[name]()


def open_run(run_id: str, name: str = "result") -> None:
    """Go to a run's page, or to another page about a run."""
    st.switch_page(page(name), query_params={"run": run_id})
