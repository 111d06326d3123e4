"""Executing one run while writing down what happens: the child of the worker and the command line do the same."""

import errno
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.errors import Cancelled, PoisonscopeError
from core.runs.artifacts import Artifacts
from core.runs.store import Store

BEAT = 1.0
"""Seconds between two heartbeats, and so between two looks at whether to stop."""

RARELY = 0.5
"""Seconds between two writes of the progress, at least."""

Execute = Callable[[dict[str, Any], Artifacts, "Recorder"], dict[str, Any]]
"""Spec, artifacts, events -> result. Raises what went wrong."""


class Recorder:
    """The events of a run (see `core.watch.Events`), written to the store.

    As a context manager it lets the run's heart beat in a thread of its own: an epoch may take longer than the ten
    seconds after which a silent run counts as stalled.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self.ousted = False  # the run has another owner, or none, and is not ours to write to any more
        self._stop_asked = threading.Event()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._progress = threading.Lock()
        self._unwritten: tuple[str, float, float | None] | None = None
        self._written_at = -RARELY

    def planned(self, steps: list[dict[str, Any]], device: str) -> None:
        """The run begins, with these steps, on this device."""
        self.store.begin(self.run_id, os.getpid(), device, steps)

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        """What is being done; of many calls within half a second the last one is written."""
        with self._progress:
            self._unwritten = (text, fraction, eta_seconds)
            self._write_progress()

    def point(self, **point: Any) -> None:
        """One epoch of one model, written at once."""
        self.store.add_point(self.run_id, **point)

    def concluded(self, result: dict[str, Any]) -> None:
        """The result, before the run's end."""
        self.store.conclude(self.run_id, result)

    def cancelled(self) -> bool:
        """Whether to stop; costs nothing, because the heartbeat asks the store."""
        return self._stop_asked.is_set()

    def stop(self) -> None:
        """Ask the run to stop, as somebody at the keyboard does; may be called from a signal handler."""
        self._stop_asked.set()

    def __enter__(self) -> "Recorder":
        self._heart.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._heart.join()

    def _beat(self) -> None:
        while True:
            try:
                if not self.store.heartbeat(self.run_id):
                    self.ousted = True
                if self.ousted or self.store.cancel_asked(self.run_id):
                    self._stop_asked.set()
                with self._progress:
                    self._write_progress()
            except SQLAlchemyError as error:  # a full disk may have room again by the next beat
                print(f"The heartbeat could not be written: {error}", file=sys.stderr, flush=True)
            if self._ended.wait(BEAT):
                return

    def _write_progress(self) -> None:
        now = time.monotonic()
        if self._unwritten is not None and now - self._written_at >= RARELY:
            self.store.progress(self.run_id, *self._unwritten)
            self._unwritten, self._written_at = None, now


def perform(recorder: Recorder, execute: Execute) -> None:
    """Execute a run that this process owns, and record how it ended; what went wrong in detail is in the run's log.

    Raises:
        KeyboardInterrupt: the person at the keyboard stopped it, which is recorded too.
    """
    store, run_id = recorder.store, recorder.run_id
    result, interrupted = None, None
    try:
        with recorder:
            result = execute(store.run(run_id).spec, store.artifacts, recorder)
        state, message = "done", ""
    except Cancelled:
        state, message = "cancelled", ""
    except KeyboardInterrupt as error:
        state, message, interrupted = "cancelled", "", error
    except Exception as error:
        state, message = "failed", sentence(error)
        log = store.log_path(run_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    if not recorder.ousted:
        store.finish(run_id, state, message, result)
    if interrupted is not None:
        raise interrupted


def sentence(error: Exception) -> str:
    """Tell a person in one sentence what went wrong."""
    text = " ".join(str(error).split())
    if isinstance(error, PoisonscopeError):
        return text
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return "Out of memory. Try a smaller batch or network."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Make room, then resume."
    kind = type(error).__name__
    return f"{kind}: {text:.300}" if text else f"{kind}."
