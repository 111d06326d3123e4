"""Putting an experiment in the queue from a button: once, however often it is pressed."""

import re
import time
import uuid
from typing import Any

import streamlit as st

from app import cache, routes
from core.runs.store import Run
from core.spec import Experiment, parse

SAME_PRESS = 4.0
"""Seconds in which a second press of a button is the same wish: a double click, or an impatient one."""
PARTED = " · "
LONGEST = 80
"""Letters of a run's name."""


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


def renamed(name: str, part: str, kind: str) -> str:
    """A run's name with a part that says what is different, in place of an earlier part of the same kind.

    Args:
        name: of the run that the new one comes from.
        part: what to say, such as `epsilon 8/255`.
        kind: a pattern that such parts match.
    """
    kept = [piece for piece in name.split(PARTED) if not re.fullmatch(kind, piece)]
    room = LONGEST - len(PARTED) - len(part)
    return PARTED.join([PARTED.join(kept)[:room].strip(), part]) if kept else part


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
