"""Settings against which attack success is drawn: where each lies in an experiment, and how its values are written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Value = int | float
Spec = dict[str, Any]

DIGITS = 6
"""Significant digits in which two values have to agree to be one."""


@dataclass(frozen=True)
class Axis:
    """One setting of the attack or of a defense.

    Attributes:
        setting: its name in the experiment.
        noun: what it is called within a sentence.
        title: of a chart's axis.
        asked: heading of the box in which values are typed.
        part: what stands before a value in the name of a run.
        proposals: values that a curve is made of unless somebody wants others.
        relative: whether proposals are multiples of the run's own value.
        times, unit: a value is written as `times` its number, and the unit after it.
        marks: the unit as it stands at the marks of a chart's axis.
        defense: name of the defense whose setting it is; None for the attack's.
    """

    setting: str
    noun: str
    title: str
    asked: str
    part: str
    proposals: tuple[Value, ...]
    relative: bool = False
    times: int = 1
    unit: str = ""
    marks: str = ""
    defense: str | None = None

    @property
    def name(self) -> str:
        """Tells it from every other axis."""
        return self.setting if self.defense is None else f"{self.defense}-{self.setting}"

    @property
    def label(self) -> str:
        """What is chosen, and what the link says."""
        return self.noun[0].upper() + self.noun[1:]

    # ---- where it lies

    def read(self, spec: Spec) -> Value | None:
        """The value in an experiment's mapping; None where nothing has the setting."""
        parts = [spec.get("attack")] if self.defense is None else spec.get("defenses", [])
        values = [part.get(self.setting) for part in parts if isinstance(part, dict) and self._mine(part)]
        return values[0] if values and isinstance(values[0], int | float) else None

    def put(self, spec: Spec, value: Value) -> Spec:
        """The mapping with another value."""
        return self._changed(spec, lambda part: {**part, self.setting: value})

    def without(self, spec: Spec) -> Spec:
        """The mapping without the setting."""
        return self._changed(spec, lambda part: {name: part[name] for name in part if name != self.setting})

    def _mine(self, part: Spec) -> bool:
        return self.defense is None or part["name"] == self.defense

    def _changed(self, spec: Spec, change: Callable[[Spec], Spec]) -> Spec:
        if self.defense is None:
            return {**spec, "attack": change(spec["attack"])}
        return {**spec, "defenses": [change(part) if self._mine(part) else part for part in spec["defenses"]]}

    # ---- how it is written

    def typed(self, value: Value) -> str:
        """The number as people type it: `16`, `1.5`."""
        return f"{self.times * value:g}"

    def words(self, value: Value) -> str:
        """A value as people read it: `16/255`, `1.5 %`."""
        return self.typed(value) + self.unit

    def named(self, value: Value) -> str:
        """A value that says what it is of: `epsilon 16/255`."""
        return f"{self.part} {self.words(value)}"

    @property
    def pattern(self) -> str:
        """A regular expression for what `named` returns."""
        return rf"{self.part} [\d.e+-]+{re.escape(self.unit)}"

    def parse(self, word: str) -> Value:
        """The value that somebody typed, without its unit.

        Raises:
            ValueError: it is no number.
        """
        value = float(word) / self.times
        return int(value) if value.is_integer() else rounded(value)


def rounded(value: Value) -> Value:
    """A value without the noise of arithmetic; whole numbers stay whole."""
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")


EPSILON = Axis(
    setting="epsilon",
    noun="epsilon",
    title="Epsilon: largest change of a pixel, of 255",
    asked="Values of epsilon to add, of 255",
    part="epsilon",
    proposals=(4, 8, 16, 32),
    unit="/255",
)
BUDGET = Axis(
    setting="poison_fraction",
    noun="poison budget",
    title="Poison budget: poisoned rows of all training rows",
    asked="Poison budgets to add, in %",
    part="budget",
    proposals=(0.5, 1, 2, 4),
    relative=True,
    times=100,
    unit=" %",
    marks=" %",
)
EPIC_SHARE = Axis(
    setting="share",
    noun="EPIC q",
    title="EPIC q: medoids among all rows",
    asked="Values of q to add",
    part="q",
    proposals=(0.1, 0.2, 0.3),
    defense="epic",
)
ADVERSARIAL_PART = Axis(
    setting="part",
    noun="adversarial poisoning’s p",
    title="Adversarial poisoning’s p: share of a batch that is poisoned",
    asked="Values of p to add",
    part="p",
    proposals=(0.25, 0.5, 0.75),
    defense="adversarial_poisoning",
)
SIZE = Axis(
    setting="size",
    noun="trigger size",
    title="Trigger size: side of the patch in pixels",
    asked="Trigger sizes to add, in pixels",
    part="size",
    proposals=(1, 2, 3, 5, 8),
    unit=" px",
)
AXES = (EPSILON, BUDGET, EPIC_SHARE, ADVERSARIAL_PART)
"""In the order in which they are offered."""
STRENGTHS = (BUDGET, EPSILON, SIZE)
"""What makes an attack stronger, in the order in which it is offered for a duel."""
