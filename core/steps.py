"""An experiment as a small graph of steps, each computed once.

A step's key is the hash of everything that it depends on: its part of the experiment, its inputs' keys, the format's version.
Its result lies under that key. So a killed run goes on where it stopped, a defense added to a finished run trains only what
is new, and thirty people with the same settings cost one training.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from core import device as devices
from core import estimate
from core.defenses.base import Defense
from core.errors import Cancelled
from core.results import summary
from core.runs.artifacts import Artifacts
from core.seeds import derive
from core.spec import Experiment, digest
from core.work import Work


@dataclass(frozen=True)
class Step:
    """One thing to compute.

    Attributes:
        kind: data, poison, train, measure, features, spectral, score or filter.
        key: where its result lies.
        label: what a person reads while it runs.
        needs: the steps whose results it reads.
        weight: expected seconds.
        arm, poison_key, victim, defense: which of several it is; None where that means nothing.
    """

    kind: str
    key: str
    label: str
    needs: tuple["Step", ...]
    weight: float
    arm: str | None = None
    poison_key: int | None = None
    victim: int | None = None
    defense: str | None = None

    def has(self, kind: str) -> bool:
        """Whether a step of that kind is among the direct needs."""
        return any(need.kind == kind for need in self.needs)

    def find(self, kind: str) -> "Step":
        """The direct need of a kind."""
        return next(need for need in self.needs if need.kind == kind)

    def reference(self) -> dict[str, Any]:
        """What a run remembers of the step."""
        fields = ("key", "kind", "label", "arm", "poison_key", "victim", "defense")
        return {name: getattr(self, name) for name in fields}


class Events(Protocol):
    """Whoever watches a run."""

    def planned(self, steps: list[dict[str, Any]], device: str) -> None:
        """The run's steps in order, and where they are computed."""

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        """What is being done, how much of the run is done (0 to 1), and the seconds that are left."""

    def point(self, **point: Any) -> None:
        """A point of the curves: arm, poison_key, victim, epoch, loss, clean_accuracy, asr, seconds."""

    def cancelled(self) -> bool:
        """Whether the run was asked to stop."""


def plan(experiment: Experiment) -> list[Step]:
    """All steps of an experiment, each after those that it needs."""
    steps = list(_unfold(experiment))
    return list({step.key: step for step in steps}.values())


def _unfold(experiment: Experiment) -> Iterator[Step]:
    dump = experiment.model_dump(mode="json")
    cost = estimate.costs(experiment)
    fingerprint = experiment.data.fingerprint()  # type: ignore[attr-defined]
    data = Step("data", digest(["data", dump["data"], fingerprint]), "Prepare the images", (), cost.data)
    yield data

    def train(arm: str, label: str, victim: int, poison: Step | None = None, kept: Step | None = None) -> Step:
        needs = tuple(step for step in (data, poison, kept) if step is not None)
        part = "random" if kept is not None and arm.endswith("_random") else "flagged"
        seed = derive(experiment.seed, "victim", victim)
        content = ["train", [step.key for step in needs], part, dump["model"], dump["training"], seed]
        key = poison.poison_key if poison else None
        return Step("train", digest(content), label, needs, cost.train, arm, key, victim, kept.defense if kept else None)

    controls = [train("control", "Train without poison (control)", victim) for victim in range(experiment.victims)]
    if experiment.attack is None:
        yield from controls
        return
    poisons = [
        Step(
            "poison", digest(["poison", data.key, dump["attack"], experiment.seed, key]), "Poison the training set",
            (data,), cost.poison, poison_key=key,
        )
        for key in range(experiment.keys)
    ]  # fmt: skip
    for poison in poisons:
        yield poison
        for victim in range(experiment.victims):
            undefended = train("undefended", "Train on the poisoned set", victim, poison)
            yield undefended
            yield from _looked_at(experiment, data, poison, undefended)
            for defense, settings in zip(experiment.defenses, dump["defenses"], strict=True):
                yield from _filtered(experiment, defense, settings, data, poison, undefended, train)
    yield from controls
    for poison in poisons:
        for victim, control in enumerate(controls):
            key = digest(["measure", control.key, poison.key])
            needs = (data, poison, control)
            yield Step("measure", key, "Test the control", needs, cost.look, "control", poison.poison_key, victim)


def _features(data: Step, poison: Step, trained: Step, seconds: float) -> Step:
    key = digest(["features", trained.key])
    return Step("features", key, "Read the features", (data, poison, trained), seconds, "undefended", poison.poison_key, trained.victim)


def _looked_at(experiment: Experiment, data: Step, poison: Step, trained: Step) -> Iterator[Step]:
    if not experiment.analysis.spectral:
        return
    seconds = estimate.costs(experiment).look
    features = _features(data, poison, trained, seconds)
    yield features
    needs = (data, poison, features)
    key = digest(["spectral", features.key])
    yield Step("spectral", key, "Find singular directions", needs, seconds, "undefended", poison.poison_key, trained.victim)


def _filtered(
    experiment: Experiment, defense: Any, settings: dict[str, Any], data: Step, poison: Step, trained: Step, train: Any
) -> Iterator[Step]:
    assert isinstance(defense, Defense)
    seconds = estimate.costs(experiment).look
    features = _features(data, poison, trained, seconds)
    place = {"poison_key": poison.poison_key, "victim": trained.victim, "defense": defense.name, "arm": defense.name}
    score = Step(
        "score", digest(["score", features.key, settings, experiment.seed]), f"Score every row: {defense.title}",
        (data, poison, features), seconds, **place,
    )  # fmt: skip
    decided = Step(
        "filter", digest(["filter", score.key]), f"Flag rows: {defense.title}",
        (data, poison, features, score), seconds, **place,
    )  # fmt: skip
    yield from (features, score, decided)
    yield train(defense.name, f"Retrain after {defense.title}", trained.victim, poison, decided)
    yield train(f"{defense.name}_random", "Retrain after random removal (control)", trained.victim, poison, decided)


def execute(experiment: Experiment, artifacts: Artifacts, events: Events) -> dict[str, Any]:
    """Compute whatever is missing, in order, and sum it up.

    Args:
        experiment: what to do.
        artifacts: where finished steps are found and put.
        events: who is told.

    Returns:
        The result: device, spec, arms, control, flags (see `core.results.summary`).

    Raises:
        Cancelled: `events.cancelled()` said so, before a step or after an epoch.
        PoisonscopeError: one sentence that says what is wrong.
    """
    steps, device = plan(experiment), devices.pick(experiment.device)
    events.planned([step.reference() for step in steps], devices.describe(device))
    work = Work(experiment, artifacts, events, device)
    clock = _Clock([0.0 if artifacts.has(step.key) else step.weight for step in steps])
    for step in steps:
        if events.cancelled():
            raise Cancelled("Stopped by request.")
        if artifacts.has(step.key):
            _replay(step, artifacts, events)
        else:

            def tell(fraction: float, text: str, step: Step = step) -> None:
                events.phase(f"{step.label}: {text}" if text else step.label, *clock.at(fraction))

            tell(0.0, "")
            work.run(step, tell)
            _remember_speed(step, experiment, artifacts)
        clock.finish_step()
    return summary(experiment, [step.reference() for step in steps], artifacts, devices.describe(device))


def _replay(step: Step, artifacts: Artifacts, events: Events) -> None:
    """Show the curve of a training that was done earlier."""
    if step.kind == "train":
        for point in artifacts.meta(step.key)["epochs"]:
            events.point(arm=step.arm, poison_key=step.poison_key or 0, victim=step.victim, **point)


def _remember_speed(step: Step, experiment: Experiment, artifacts: Artifacts) -> None:
    if step.kind == "train":
        meta = artifacts.meta(step.key)
        estimate.remember(experiment, meta["rows"] * experiment.training.epochs / max(meta["seconds"], 1e-6))


class _Clock:
    """Turns progress inside steps into progress of the run and seconds left."""

    def __init__(self, weights: list[float]) -> None:
        self.weights, self.done, self.begun = weights, 0, time.monotonic()

    def at(self, fraction: float) -> tuple[float, float]:
        """Share of the run that is done, and the seconds left at the pace so far (as expected before there is a pace)."""
        behind = sum(self.weights[: self.done]) + fraction * self.weights[self.done]
        total, spent = sum(self.weights) or 1.0, time.monotonic() - self.begun
        pace = spent / behind if behind > 0.15 * total else 1.0
        return behind / total, (total - behind) * pace

    def finish_step(self) -> None:
        self.done += 1
