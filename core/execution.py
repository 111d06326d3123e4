"""Runs the steps of an experiment: what is missing is computed, what was done earlier is found."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from core import device as devices
from core import remembered
from core.defenses.base import TrainingDefense
from core.results import summary
from core.runs.artifacts import Artifacts
from core.spec import Component, Experiment, parse
from core.steps import Step, plan
from core.train import trial
from core.watch import Events, Nobody, Watch
from core.work import Work

POINT = ("epoch", "loss", "clean_accuracy", "asr", "seconds")
"""What a point of a curve tells, of all that a training notes about an epoch."""


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
    device = devices.pick(experiment.device)
    steps = plan(experiment, device)
    trial.ensure(device)
    events.planned([step.reference() for step in steps], devices.describe(device))
    watch = Watch(events, {step.key: step.weight for step in steps})
    work = Work(experiment, artifacts, watch, device)
    missing = []
    for step in steps:
        if artifacts.has(step.key):
            _replay(step, artifacts, watch)
            watch.found(step.key)
        else:
            missing.append(step)
    maps = [step for step in missing if step.kind == "embedding"]
    measured = [step for step in missing if step.kind != "embedding"]
    trainings = sum(step.kind in ("train", "surrogate", "pretrain", "poison") for step in measured)
    _run_all(measured, devices.lanes(trainings, device), work, watch)
    _remember(measured, experiment, work.took)
    result = summary(experiment, [step.reference() for step in steps], artifacts, devices.describe(device))
    if maps:
        events.concluded(result)
        _run_all(maps, 1, work, watch)
        _remember(maps, experiment, work.took)
    return result


def warm_up(artifacts: Artifacts) -> None:
    """Pay before anybody waits for it: find the fastest arithmetic, draw the default images, compile kernels."""
    experiment = parse({"training": {"epochs": 1}, "defenses": []})
    data = plan(experiment)[0]
    device = devices.pick("auto")
    trial.ensure(device)
    work = Work(experiment, artifacts, Watch(Nobody(), {data.key: 1.0}), device)
    if not artifacts.has(data.key):
        work.run(data)
    work.rehearse(data)


def _run_all(steps: list[Step], lanes: int, work: Work, watch: Watch) -> None:
    """Run each step as soon as those that it needs are finished, the earlier one first where several could start."""
    waiting, running = {step.key: step for step in steps}, dict[Future[None], Step]()
    with ThreadPoolExecutor(lanes, thread_name_prefix="step") as pool:
        try:
            while waiting or running:
                unfinished = waiting.keys() | {step.key for step in running.values()}
                ready = [step for step in waiting.values() if not any(need.key in unfinished for need in step.needs)]
                for step in ready[: lanes - len(running)]:
                    watch.raise_if_cancelled()
                    running[pool.submit(work.run, waiting.pop(step.key))] = step
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    step = running.pop(future)
                    future.result()
                    _replay(step, work.artifacts, watch, since=-1)  # the last epoch's rates are of all images now
        except BaseException:
            watch.abandon()  # the other steps stop after their epoch instead of running to their end for nothing
            raise


def _replay(step: Step, artifacts: Artifacts, watch: Watch, since: int = 0) -> None:
    """Show the curve of a training that was done earlier, as it was kept, from an epoch on."""
    if step.kind == "train":
        for epoch in artifacts.meta(step.key)["epochs"][since:]:
            point = {name: epoch[name] for name in POINT}
            watch.point(arm=step.arm, poison_key=step.poison_key or 0, victim=step.victim, **point)


def _remember(steps: list[Step], experiment: Experiment, took: dict[str, float]) -> None:
    """Keep what each kind of step took beside other steps, for the next estimate."""
    kinds: dict[tuple[str, str | None, str | None], list[float]] = {}
    for step in steps:
        kinds.setdefault((step.kind, step.arm, step.defense), []).append(took[step.key])
    told = {each.name: each for each in experiment.defenses}
    for (kind, arm, name), found in kinds.items():
        seconds, defense = sum(found) / len(found), told.get(name or "")
        if kind == "train":
            _remember_training(experiment, arm, defense, seconds / experiment.training.epochs)
        elif kind == "pretrain":
            if getattr(experiment.attack, "knowledge", "") != "black_box":  # else some are of another kind
                each = seconds / experiment.pretraining.training.epochs
                remembered.keep_pretraining_epoch(experiment, each, defense)
        elif kind == "poison":
            remembered.keep_crafting(experiment, seconds)
        elif kind != "surrogate":
            remembered.keep_look(experiment, kind, seconds, defense if kind in ("score", "filter") else None)


def _remember_training(experiment: Experiment, arm: str | None, defense: Component | None, seconds: float) -> None:
    """Keep an epoch of the plain training, or of one with a defense; of what stands beside those nothing is kept."""
    brought = bool(getattr(experiment.attack, "weights", ""))
    if arm == ("control" if experiment.attack is None else "undefended") and not brought:
        remembered.keep_epoch(experiment, seconds)
    elif isinstance(defense, TrainingDefense) and arm == defense.name and experiment.defends_training:
        remembered.keep_epoch(experiment, seconds, defense=defense)
