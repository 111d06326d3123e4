"""What still has to be computed for experiments, and how long it will take on this machine."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app import cache
from core import describe
from core.home import home
from core.spec import Experiment


@dataclass(frozen=True)
class Ahead:
    """Steps by whether they are finished already, and the expected seconds of those that are not.

    Attributes:
        seconds: from the first to the last, one experiment after the other.
        ready, missing: steps; what several experiments share counts once.
        trainings: models to train among the missing ones.
    """

    seconds: float
    ready: int
    missing: int
    trainings: int

    @property
    def words(self) -> str:
        """Time, machine and models as HTML."""
        models = "1 model" if self.trainings == 1 else f"{self.trainings:,} models"
        machine = html.escape(cache.machine().device or "this machine")
        return f"About <b>{describe.duration(self.seconds)}</b> on {machine}, {models} to train"


def ahead(experiments: Sequence[Experiment]) -> Ahead:
    """Look for the steps of experiments that would be queued one after the other.

    Raises:
        PoisonscopeError: their images are not where they were.
    """
    names = tuple(f"{experiment.hash()} {experiment.device}" for experiment in experiments)
    return _ahead(str(home()), names, experiments)


# For a minute: a plan may look at thousands of files, and an estimate may be a little old.
@st.cache_resource(max_entries=64, ttl=60, show_spinner=False)
def _ahead(folder: str, names: tuple[str, ...], _experiments: Sequence[Experiment]) -> Ahead:
    from core import device, estimate
    from core.steps import plan

    has, seen, ready, seconds, trainings, missing = cache.store().artifacts.has, set[str](), 0, 0.0, 0, 0
    for experiment in _experiments:
        new = [step for step in plan(experiment) if step.key not in seen]
        seen |= {step.key for step in new}
        works = {step.key: (step.weight, [need.key for need in step.needs]) for step in new if not has(step.key)}
        long = sum(step.kind in LONG for step in new if step.key in works)
        seconds += estimate.makespan(works, device.lanes(long, cache.device(experiment.device)))
        ready, missing = ready + len(new) - len(works), missing + len(works)
        trainings += sum(step.kind in TRAININGS for step in new if step.key in works)
    return Ahead(seconds, ready, missing, trainings)


TRAININGS = ("pretrain", "surrogate", "train")
LONG = (*TRAININGS, "poison")
"""Kinds of steps of which several are computed at the same time."""
