"""The moment after the first start in which the images of shipped runs are still being drawn."""

import streamlit as st

from app import cache
from app.components import say
from core import showcase
from core.runs.view import RunView

LOOK = 1.5
"""Seconds between two looks."""


def awaited(seen: RunView) -> bool:
    """Whether the images of a run are on their way: it was shipped without them."""
    return seen.run.origin == "showcase" and seen.labels is None


def wait(seen: RunView) -> None:
    """Say so, and draw the whole page again once they are there."""
    say.empty("The pictures are being drawn", "This happens once, after the first start, and takes some seconds.")
    st.fragment(_look, run_every=LOOK)(seen)


def _look(seen: RunView) -> None:
    if seen.labels is not None:
        st.rerun()


def more() -> None:
    """Draw the whole page again whenever another shipped run has got its images; says nothing itself."""
    st.fragment(_more, run_every=LOOK)(len(showcase.undrawn(cache.store())))


def _more(before: int) -> None:
    if len(showcase.undrawn(cache.store())) < before:
        st.rerun()
