"""The process that executes one run: `python -m core.runs.child`, started ahead of need by the worker.

It imports torch first and only then waits on standard input for a run's id, so that a click reaches training at once.
End of input means that nobody needs it any more.
"""

import faulthandler
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from core.runs.artifacts import Artifacts
from core.runs.recorder import Execute, Recorder, perform
from core.runs.store import Store

NICE = 10
"""Below everything that a person waits for, the dashboard above all."""


def load_engine() -> Execute:
    """Import torch and the engine, make ready what most runs need, and return what executes a run."""
    from core import execution, spec

    execution.warm_up(Store().artifacts)

    def execute(content: dict[str, Any], artifacts: Artifacts, events: Recorder) -> dict[str, Any]:
        return execution.execute(spec.parse(content), artifacts, events)

    return execute


def main(load: Callable[[], Execute] = load_engine) -> None:
    """Load the engine, wait for one run's id on standard input, and execute that run.

    Args:
        load: takes its time and returns what executes a run.
    """
    step_back()
    faulthandler.enable()
    try:
        execute = load()
    except Exception as error:  # the run that comes will say so; nobody reads the log of a process that waits
        traceback.print_exc()
        execute = partial(_refuse, error)
    run_id = sys.stdin.readline().strip()
    if not run_id:
        return
    store = Store()
    _write_to(store, run_id)
    if store.assign(run_id, os.getpid()):
        perform(Recorder(store, run_id), execute)


def step_back() -> None:
    """Let everything that a person waits for go first.

    Linux shares the processor out among sessions before it looks at niceness within them, and this process has a
    session of its own: there the session's niceness counts.
    """
    if hasattr(os, "nice"):
        os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


def _refuse(error: Exception, _spec: dict[str, Any], _artifacts: Artifacts, _events: Recorder) -> NoReturn:
    raise error


def _write_to(store: Store, run_id: str) -> None:
    """From here on everything that this process prints, C libraries included, goes to the run's log."""
    path = store.log_path(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())


if __name__ == "__main__":
    main()
