"""One run as it is read from the store, with its state made true."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.runs.processes import Process
from core.spec import FORMAT

STALLED, LOST = 10.0, 60.0
"""Seconds without a heartbeat after which a run counts as stalled, and as lost."""

ACTIVE = ("starting", "running", "stopping")
"""Stored states in which a process owns the run."""

LIVE = ("queued", "starting", "running", "stalled", "stopping")
"""States in which the run is still going to change by itself."""

ENDED = ("cancelled", "done", "failed", "lost")
"""Stored states in which a run has come to its end."""

VANISHED = "The process vanished. Resume to go on where it stopped."
SILENT = "There was no sign of life for over a minute. Resume to go on where it stopped."

Origin = Literal["local", "imported", "showcase"]


@dataclass(frozen=True)
class Run:
    """A run at the moment when it was read.

    Attributes:
        id: matches [a-z0-9-]{1,64}.
        state: queued, starting, running, stalled, stopping, cancelled, done, failed, lost or incompatible.
        phase: what is being done, for people.
        progress: share of the work that is done, 0 to 1.
        eta_seconds: time left, where it can be told.
        message: one sentence: the error, or what to know about how it ended.
        created, queued, started, ended, heartbeat: Unix seconds. `queued` is None where the run never waited in the
            queue; `started` and `ended` are those of the last attempt.
        steps: the StepRefs, in order; empty until they are planned.
        position: place in the queue, 1 = next; None when it does not wait.
        owner: the process that works or worked on it.
    """

    id: str
    name: str
    state: str
    phase: str
    progress: float
    eta_seconds: float | None
    message: str
    created: float
    queued: float | None
    started: float | None
    ended: float | None
    heartbeat: float | None
    spec: dict[str, Any]
    spec_hash: str
    steps: list[dict[str, Any]]
    result: dict[str, Any] | None
    device: str
    origin: str
    position: int | None
    owner: Process | None

    @property
    def live(self) -> bool:
        """Whether it still changes by itself."""
        return self.state in LIVE

    @property
    def finished(self) -> bool:
        """Whether it came to an end, good or bad."""
        return not self.live

    @property
    def seconds(self) -> float:
        """How long the last attempt took, or takes until now."""
        if self.started is None:
            return 0.0
        return (self.ended or (time.time() if self.live else self.heartbeat) or self.started) - self.started


def read(row: Mapping[str, Any], now: float, position: int | None = None) -> Run:
    """Make a Run of a row of the table.

    Args:
        row: every column of `tables.runs`.
        now: Unix seconds.
        position: its place in the queue.
    """
    owner = None if row["pid"] is None else Process(row["pid"], row["born"], row["host"])
    state, message = _truth(row, owner, now)
    taken = {name: row[name] for name in Run.__annotations__ if name in row}
    return Run(**{**taken, "state": state, "message": message, "position": position, "owner": owner})


def _truth(row: Mapping[str, Any], owner: Process | None, now: float) -> tuple[str, str]:
    """The state and the message that hold now, whatever the row's last writer could still write."""
    state, message = row["state"], row["message"]
    if state not in ENDED and row["format"] != FORMAT:
        return "incompatible", f"Made by another version of Poisonscope (format {row['format']}, this one is {FORMAT})."
    if state not in ACTIVE:
        return state, message
    if owner is not None and owner.here and not owner.alive():
        return "lost", VANISHED
    silent = now - (row["heartbeat"] or row["created"])
    if silent > LOST:
        return "lost", SILENT
    if silent > STALLED and state != "stopping":
        return "stalled", message
    return state, message
