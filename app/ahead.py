"""What still has to be computed for experiments, as the pages say it before a run."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app import cache
from core import describe
from core.home import home
from core.spec import Experiment

if TYPE_CHECKING:
    from core.ahead import Ahead


def ahead(experiments: Sequence[Experiment]) -> "Ahead":
    """Look for the steps of experiments that would be queued one after the other.

    Raises:
        PoisonscopeError: their images are not where they were.
    """
    names = tuple(f"{experiment.hash()} {experiment.device}" for experiment in experiments)
    return _ahead(str(home()), names, experiments)


def told(found: "Ahead") -> str:
    """Time, machine and models as HTML."""
    machine = html.escape(cache.machine().device or "this machine")
    return f"About <b>{describe.duration(found.seconds)}</b> on {machine}, {found.models} to train"


# For a minute: a plan may look at thousands of files, and an estimate may be a little old.
@st.cache_resource(max_entries=64, ttl=60, show_spinner=False)
def _ahead(folder: str, names: tuple[str, ...], _experiments: Sequence[Experiment]) -> "Ahead":
    from core.ahead import ahead

    return ahead(_experiments, cache.store().artifacts, [cache.device(each.device) for each in _experiments])
