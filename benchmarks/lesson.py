"""How long somebody waits for the first experiment: `badnets-signs` from its start to its result.

Cold is the command `core run badnets-signs` as a new process over an empty home folder: Python and PyTorch are loaded,
images are drawn, kernels are compiled. Warm is what a click in the dashboard meets: the run goes into the queue of a
worker whose child has done all that and waits. Every turn has a home folder of its own, so that nothing is found.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import core
from benchmarks import memory
from benchmarks.measure import Measure
from core import presets, spec
from core.errors import PoisonscopeError, SpecError
from core.runs.store import Store
from core.runs.worker import WORKER

PRESET = "badnets-signs"
TURNS = 3
BUDGETS = {"warm, to its result": 25.0, "warm, to the first point of a curve": 2.0}
EVERY, IDLE, PATIENCE = 0.05, 1.0, 300.0
"""Seconds between two looks at a run; without work after which a child counts as waiting; until a turn has failed."""
ROOT = Path(core.__file__).parent.parent


@dataclass
class Seen:
    """What was seen of one run: seconds since it was asked for, by what they are until; and megabytes."""

    seconds: dict[str, float] = field(default_factory=dict)
    megabytes: float = 0.0

    def note(self, what: str, begun: float) -> None:
        """The first time counts."""
        self.seconds.setdefault(what, time.perf_counter() - begun)


def measured(only: str | None) -> Iterator[dict[str, Any]]:
    """Run the lesson cold and warm.

    Args:
        only: `cold` or `warm`; None for both.

    Yields:
        Results like those of `harness.timed`, with "budget" and "kept".

    Raises:
        SpecError: there is nothing of that name.
        PoisonscopeError: a run failed.
    """
    kinds: dict[str, Callable[[Store], Seen]] = {"cold": cold, "warm": warm}
    if only is not None and only not in kinds:
        raise SpecError(f"Of lesson there is no {only!r}; legal are {', '.join(kinds)}.")
    for kind in [kind for kind in kinds if only in (None, kind)]:
        turns = []
        for _ in range(TURNS):
            with tempfile.TemporaryDirectory(prefix="poisonscope-bench-", ignore_cleanup_errors=True) as folder:
                store = Store(Path(folder))
                turns.append(kinds[kind](store))
                store.close()
        peak = max(turn.megabytes for turn in turns)
        for what in turns[0].seconds:
            name = f"{kind}, to {what}"
            values = [turn.seconds[what] for turn in turns]
            yield Measure(name, "seconds", values, BUDGETS.get(name), peak=peak).result()


def cold(store: Store) -> Seen:
    """The command in a new process, until that has ended."""
    begun, seen = time.perf_counter(), Seen()
    process = _start((sys.executable, "-m", "core", "run", PRESET, "--json"), store)
    _watch(store, begun, seen, lambda: process.poll() is None, psutil.Process(process.pid))
    seen.note("its result", begun)
    return _ended_well(store, seen)


def warm(store: Store) -> Seen:
    """The run in the queue of a worker, until it is done; `a waiting child` is until that worker was ready."""
    begun, seen = time.perf_counter(), Seen()
    worker = _start(WORKER, store)
    try:
        child = _waiting_child(psutil.Process(worker.pid), store)
        seen.note("a waiting child", begun + IDLE)
        content = spec.parse(presets.load(PRESET).content)
        begun = time.perf_counter()
        run = store.queue(content.model_dump(mode="json"), spec_hash=content.hash(), name=content.name)
        _watch(store, begun, seen, lambda: not store.run(run).finished, child)
        seen.note("its result", begun)
    finally:
        worker.terminate()
        worker.wait()
    return _ended_well(store, seen)


def _start(command: tuple[str, ...], store: Store) -> "subprocess.Popen[bytes]":
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=store.environment(), stdin=silent, stdout=silent, stderr=silent)


def _watch(store: Store, begun: float, seen: Seen, going: Callable[[], bool], process: psutil.Process) -> None:
    """Look at a run until it ends. Epoch 0 is the network as it was drawn, where curves begin; epoch 1 has trained."""
    while going():
        if time.perf_counter() - begun > PATIENCE:
            raise PoisonscopeError(f"The lesson took more than {PATIENCE:.0f} seconds; nothing is measured.")
        if "the first trained epoch" not in seen.seconds:
            epochs = [point["epoch"] for run in store.runs() for point in store.points(run.id)]
            if epochs:
                seen.note("the first point of a curve", begun)
            if any(epochs):
                seen.note("the first trained epoch", begun)
        seen.megabytes = max(seen.megabytes, memory.resident(process.pid))
        time.sleep(EVERY)


def _waiting_child(worker: psutil.Process, store: Store) -> psutil.Process:
    """The worker's child, once it has drawn the images and then done nothing for a second."""
    deadline = time.monotonic() + PATIENCE
    busy, since = -1.0, time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(EVERY)
        children = worker.children()
        if not children or not any((store.home / "steps").glob("*/meta.json")):
            continue
        now = sum(children[0].cpu_times()[:2])
        if now > busy:
            busy, since = now, time.monotonic()
        elif time.monotonic() - since > IDLE:
            return children[0]
    raise PoisonscopeError(f"The worker had no child that waits after {PATIENCE:.0f} seconds; nothing is measured.")


def _ended_well(store: Store, seen: Seen) -> Seen:
    """Raises: PoisonscopeError, the run was not done."""
    run = store.runs()[0]
    if run.state != "done":
        raise PoisonscopeError(f"The lesson was {run.state}: {run.message}")
    return seen
