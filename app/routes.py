"""The pages, by name, so that one page can lead to another. A name is the page's file in app/views and its place."""

import html
import importlib
from collections.abc import Collection
from urllib.parse import urlencode

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app import class_link

PAGES = {
    "start": ("Start", "home"),
    "learn": ("Learn", "school"),
    "story": ("Story", "slideshow"),
    "lab": ("Lab", "science"),
    "bring": ("Bring your own", "upload"),
    "attacker": ("Attacker", "bolt"),
    "play": ("Play", "toys"),
    "duel": ("Duel", "swords"),
    "runs": ("Runs", "list"),
    "result": ("Run", "monitoring"),
    "spectral": ("Spectral", "bubble_chart"),
    "gradients": ("Gradients", "scatter_plot"),
    "inside": ("Inside the step", "frame_inspect"),
    "images": ("Images", "grid_view"),
    "check": ("Is it poisoned?", "troubleshoot"),
    "compare": ("Compare", "compare_arrows"),
    "report": ("Report", "description"),
}
"""Title and icon of every page."""

SECTIONS = {
    "Begin": ("start", "learn", "story"),
    "Experiment": ("lab", "bring", "attacker", "play", "duel", "runs"),
    "Analyse": ("result", "spectral", "gradients", "inside", "images", "check"),
    "Share": ("compare", "report"),
}
HIDDEN = ("story",)
"""Pages that the navigation does not show: other pages lead there."""


def page(name: str) -> StreamlitPage:
    """A page of app/views; importing it here and not above lets pages refer to each other."""
    title, icon = PAGES[name]
    return st.Page(
        importlib.import_module(f"app.views.{name}").page,
        title=title,
        icon=f":material/{icon}:",
        url_path=name,
        default=name == "start",
        visibility="hidden" if name in HIDDEN or class_link.hides(name) else "visible",
    )


def href(run_id: str, *, kept: Collection[str] = ("truth", "big")) -> str:
    """A run's page as the address of a plain link, escaped for HTML.

    Such a link begins a new session, so what its visitor chose to see goes with it, and what a class link hides.

    Args:
        run_id: of the run.
        kept: parameters of the present address that go with it.
    """
    query = {name: value for name, value in st.query_params.to_dict().items() if name in kept}
    if hidden := class_link.hidden():
        query["hide"] = ",".join(sorted(hidden))
    return html.escape(f"result?{urlencode({**query, 'run': run_id})}", quote=True)


def open_run(run_id: str, name: str = "result") -> None:
    """Go to a run's page, or to another page about a run."""
    st.switch_page(page(name), query_params={"run": run_id})
