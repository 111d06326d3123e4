"""Who watches a run, and how the progress of several steps at once becomes one."""

import threading
import time
from typing import Any, Protocol

from core.errors import Cancelled


class Events(Protocol):
    """Whoever watches a run."""

    def planned(self, steps: list[dict[str, Any]], device: str) -> None:
        """The run's steps in order, and where they are computed."""

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        """What is being done, how much of the run is done (0 to 1), and the seconds that are left."""

    def point(self, **point: Any) -> None:
        """A point of the curves: arm, poison_key, victim, epoch, loss, clean_accuracy, asr, seconds."""

    def concluded(self, result: dict[str, Any]) -> None:
        """All that is measured is known; only maps, which take their time, are still to come."""

    def cancelled(self) -> bool:
        """Whether the run was asked to stop."""


class Nobody:
    """Events that nobody watches."""

    def planned(self, steps: list[dict[str, Any]], device: str) -> None:
        """Nobody asks."""

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        """Nobody asks."""

    def point(self, **point: Any) -> None:
        """Nobody asks."""

    def concluded(self, result: dict[str, Any]) -> None:
        """Nobody asks."""

    def cancelled(self) -> bool:
        """Nobody stops it."""
        return False


class Watch:
    """Stands between steps that run at the same time and whoever watches the run; may be called from any thread."""

    def __init__(self, events: Events, weights: dict[str, float]) -> None:
        """Begin to watch.

        Args:
            events: who is told.
            weights: expected seconds of every step, by key.
        """
        self._events, self._weights = events, weights
        self._done = dict.fromkeys(weights, 0.0)
        self._texts: dict[str, str] = {}
        self._said = ""
        self._found = 0.0
        self._abandoned = False
        self._begun = time.monotonic()
        self._lock = threading.Lock()

    def found(self, key: str) -> None:
        """A step was computed earlier."""
        self._done[key] = 1.0
        self._found += self._weights[key]

    def step(self, key: str, fraction: float, text: str) -> None:
        """A step is `fraction` (0 to 1) done and does `text`; at 1 it is finished."""
        with self._lock:
            self._done[key] = fraction
            self._texts.pop(key, None)
            if fraction < 1:
                self._texts[key] = text
            total = sum(self._weights.values()) or 1.0
            behind = sum(weight * self._done[key] for key, weight in self._weights.items())
            self._said = " · ".join(self._texts.values()) or self._said  # between two steps the last text stays
            self._events.phase(self._said, behind / total, self._seconds_left(total, behind))

    def _seconds_left(self, total: float, behind: float) -> float:
        """At the pace so far; at the expected pace before a tenth is done."""
        spent, fresh = time.monotonic() - self._begun, behind - self._found
        pace = spent / fresh if fresh > 0.1 * total else 1.0
        return (total - behind) * pace

    def point(self, **point: Any) -> None:
        """Pass on a point of the curves."""
        with self._lock:
            self._events.point(**point)

    def cancelled(self) -> bool:
        """Whether the run was asked to stop, or failed in another step."""
        if self._abandoned:
            return True
        with self._lock:
            return self._events.cancelled()

    def abandon(self) -> None:
        """Let the steps that still run stop."""
        self._abandoned = True

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled where the run was asked to stop."""
        if self.cancelled():
            raise Cancelled("Stopped by request.")
