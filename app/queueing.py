"""Putting an experiment in the queue from a button: once, however often it is pressed."""

import time
import uuid
from typing import Any

import streamlit as st

from app import cache, routes
from core.runs.store import Run
from core.spec import Experiment, parse

SAME_PRESS = 4.0
"""Seconds in which a second press of a button is the same wish: a double click, or an impatient one."""


def submit(experiment: Experiment, button: str) -> str:
    """Queue an experiment and return the run's id."""
    cache.worker()
    spec, digest = experiment.model_dump(mode="json"), experiment.hash()
    return cache.store().queue(spec, spec_hash=digest, name=experiment.name, nonce=f"{_nonce(button)}-{digest}")


def start(experiment: Experiment, button: str) -> None:
    """Queue an experiment and go to its page."""
    routes.open_run(submit(experiment, button))


def _nonce(button: str) -> str:
    kept = st.session_state.get("nonces", {})
    text, pressed = kept.get(button, ("", 0.0))
    now = time.time()
    if now - pressed > SAME_PRESS:
        text, pressed = uuid.uuid4().hex, now
    st.session_state["nonces"] = {**kept, button: (text, pressed)}
    return str(text)


def reseeded(spec: dict[str, Any]) -> Experiment:
    """The same experiment with the next seed that no run has used yet."""
    experiment = parse(spec)
    known = {run.spec_hash for run in cache.store().runs()}
    while experiment.hash() in known:
        experiment = experiment.model_copy(update={"seed": experiment.seed + 1})
    return experiment


def twin(experiment: Experiment) -> Run | None:
    """A run of the very same experiment that is finished, or still on its way."""
    store, digest = cache.store(), experiment.hash()
    return store.finished_with(digest) or next(
        (run for run in store.runs() if run.live and run.spec_hash == digest), None
    )
