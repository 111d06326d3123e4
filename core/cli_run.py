"""A run in this process: its steps and store are the dashboard's, its progress a bar on standard error."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from core import checks
from core.errors import PoisonscopeError
from core.runs.recorder import Recorder, perform
from core.runs.store import Store
from core.spec import Experiment


def performed(experiment: Experiment) -> dict[str, Any]:
    """Run an experiment to its end.

    Returns:
        The result with the run's id, its name and the seconds that it took.

    Raises:
        PoisonscopeError: one sentence that says why it did not come to its end.
        KeyboardInterrupt: Ctrl-C stopped it, or came too late to: what was to follow it does not.
    """
    problem = checks.torch_problem()
    if problem:
        raise PoisonscopeError(problem)
    from core.execution import execute

    store = Store()
    run_id = store.start(experiment.model_dump(mode="json"), spec_hash=experiment.hash(), name=experiment.name)
    begun = time.monotonic()
    recorder = Bar(store, run_id)
    with interruptible(recorder) as interrupted:
        perform(recorder, lambda content, artifacts, events: execute(experiment, artifacts, events))
    run = store.run(run_id)
    if interrupted:
        raise KeyboardInterrupt
    if run.state != "done" or run.result is None:
        raise PoisonscopeError(run.message or f"The run {run_id} was {run.state}.")
    return {"run": run_id, "name": run.name, "seconds": round(time.monotonic() - begun, 2), **run.result}


@contextmanager
def interruptible(recorder: Recorder) -> Iterator[list[int]]:
    """Ctrl-C asks the run to stop, as the dashboard's button does; pressed again, it interrupts on the spot.

    Raised in the middle of the pool of threads, a KeyboardInterrupt can leave one of its locks held for ever.

    Yields:
        The signals that came; empty where none did.
    """
    seen: list[int] = []

    def ask(number: int, _frame: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, before)
        recorder.stop()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


class Bar(Recorder):
    """Writes to the store like the worker's child, and draws a bar on standard error."""

    def __init__(self, store: Store, run_id: str) -> None:
        super().__init__(store, run_id)
        columns = (
            BarColumn(20),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("Loading", total=1.0)

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        super().phase(text, fraction, eta_seconds)
        left = f" ({eta_seconds:.0f} s left)" if eta_seconds is not None else ""
        self._bar.update(self._task, completed=fraction, description=f"{text}{left}")

    def __enter__(self) -> "Bar":
        super().__enter__()  # the heart beats: without it others take the run for lost, and cannot stop it
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        super().__exit__(*error)
