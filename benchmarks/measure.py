"""One line of the table: what was measured, how often, and what it may be."""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import device

BENCHMARK = False


@dataclass(frozen=True)
class Measure:
    """What was measured.

    Attributes:
        name: begins with its kind.
        unit: `seconds`, `megabytes` or `requests`.
        values: one per turn.
        budget: what the median may be at most; None where nothing was promised.
        facts: what else there is to say; {what: value}.
        note: a sentence for who reads the result.
        peak: the most memory of the process that was measured, in megabytes; None where it was not looked at.
    """

    name: str
    unit: str
    values: list[float]
    budget: float | None
    facts: dict[str, float] = field(default_factory=dict)
    note: str = ""
    peak: float | None = None

    def result(self) -> dict[str, Any]:
        """As `harness.timed` has it; `load` is how many processes wanted a core in the last minute."""
        low, median, high = (float(value) for value in np.percentile(self.values, [5, 50, 95]))
        return {
            "name": self.name, "unit": self.unit, "ours": {"median": median, "low": low, "high": high},
            "reference": None, "ratio": None, "device": device.describe("cpu"), "rounds": len(self.values),
            "agreement": {}, "budget": self.budget, "kept": None if self.budget is None else median <= self.budget,
            "facts": {**self.facts, "load": os.getloadavg()[0]}, "note": self.note,
            "memory": None if self.peak is None else {"ours": {"process": self.peak}, "alone": True},
        }  # fmt: skip
