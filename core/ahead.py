"""What still has to be computed for experiments, and how long it will take on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass

from core import device as devices
from core import estimate
from core.runs.artifacts import Artifacts
from core.spec import Experiment
from core.steps import plan

TRAININGS = ("pretrain", "surrogate", "train")
LONG = (*TRAININGS, "poison")
"""Kinds of steps of which several are computed at the same time."""


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
    def models(self) -> str:
        """How many models there are to train, in words."""
        return "1 model" if self.trainings == 1 else f"{self.trainings:,} models"


def ahead(experiments: Sequence[Experiment], artifacts: Artifacts | None, devices_of: Sequence[str]) -> Ahead:
    """Look for the steps of experiments that would be run one after the other.

    Args:
        experiments: what is to be run.
        artifacts: where finished steps are; None: as if nothing were finished.
        devices_of: where each would be computed, such as `cpu`.

    Raises:
        PoisonscopeError: their images are not where they were.
    """
    seen, ready, seconds, trainings, missing = set[str](), 0, 0.0, 0, 0
    for experiment, device in zip(experiments, devices_of, strict=True):
        new = [step for step in plan(experiment, device) if step.key not in seen]
        seen |= {step.key for step in new}
        left = [step for step in new if artifacts is None or not artifacts.has(step.key)]
        works = {step.key: (step.weight, [need.key for need in step.needs]) for step in left}
        maps = sum(works.pop(step.key)[0] for step in left if step.kind == "embedding")  # after all others
        lanes = devices.lanes(sum(step.kind in LONG for step in left), device)
        seconds += estimate.makespan(works, lanes) + maps
        ready, missing = ready + len(new) - len(left), missing + len(left)
        trainings += sum(step.kind in TRAININGS for step in left)
    return Ahead(seconds, ready, missing, trainings)
