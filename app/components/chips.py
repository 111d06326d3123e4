"""The state of a run as a chip, and when it was made."""

import html
import time

from core.describe import duration
from core.runs.store import Run

COLOURS = {
    "queued": "grey", "starting": "blue", "running": "blue", "stalled": "amber", "stopping": "amber",
    "cancelled": "grey", "done": "green", "failed": "red", "lost": "red", "incompatible": "grey",
}  # fmt: skip


def age(created: float) -> str:
    """How long ago."""
    passed = max(0.0, time.time() - created)
    return "just now" if passed < 10 else f"{duration(passed)} ago"


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th ..."""
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def words(run: Run) -> str:
    """The state in two or three words."""
    took = duration(run.seconds) if run.seconds and run.seconds >= 1 else ""  # less: every step was there before
    quiet = duration(time.time() - run.heartbeat) if run.heartbeat else "a while"
    return {
        "queued": f"Waiting ({ordinal(run.position)})" if run.position else "Waiting",
        "starting": "Loading PyTorch",
        "running": f"Running, {run.progress:.0%}",
        "stalled": f"No sign for {quiet}",
        "stopping": "Stopping",
        "cancelled": f"Stopped after {took}" if took else "Stopped",
        "done": f"Finished in {took}" if took else "Finished",
        "failed": "Failed",
        "lost": "Worker vanished",
        "incompatible": "Made by another version",
    }.get(run.state, run.state)


def chip(run: Run) -> str:
    """The chip as HTML."""
    return f'<span class="ps-chip {COLOURS.get(run.state, "grey")}">{html.escape(words(run))}</span>'
