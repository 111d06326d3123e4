"""What the view inside the step looks at: one recorded batch of a defense that poisons its own batches."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app import cache
from core import registry
from core.errors import PoisonscopeError
from core.runs.store import Run
from core.runs.view import RunView

NOBODY = -1
"""Class of a target that is to be read as no class in particular."""


@dataclass(frozen=True)
class InsideLook:
    """What is looked at, and how.

    Attributes:
        arm: the defense.
        settings: of the defense.
        record: see `RunView.practice`.
        epoch: number of the chosen recorded epoch.
    """

    run: Run
    seen: RunView
    arm: str
    settings: dict[str, Any]
    record: dict[str, Any]
    epoch: int
    truth: bool
    big: bool

    @property
    def epochs(self) -> list[int]:
        """The recorded epochs."""
        return [int(epoch) for epoch in self.record["epochs"]]

    @property
    def at(self) -> int:
        """Place of the chosen epoch among the recorded ones."""
        return self.epochs.index(self.epoch)

    @property
    def sizes(self) -> dict[str, int]:
        """`batch`, `all` (its poisons), `shown` (of these) and `targets`."""
        return dict(self.record["sizes"])

    @property
    def shown(self) -> int:
        """How many poisons are shown; the images behind them are targets."""
        return self.sizes["shown"]

    def part(self, name: str) -> np.ndarray:
        """One array of the chosen batch, by its name in the record."""
        return np.asarray(self.record[name][self.at])

    @property
    def proxy(self) -> str:
        """The attack inside the step."""
        return str(self.settings["proxy"])

    @property
    def measure(self) -> str | None:
        """What says how well that attack does: alignment, of all weights or of the head’s, distance, or nothing."""
        known = {
            "gradient_matching": "alignment",
            "finite_difference": "alignment",
            "last_layer": "head_alignment",
            "feature_matching": "distance",
        }
        return known.get(self.proxy) if self.record["course"].shape[1] else None

    @cached_property
    def attackers(self) -> np.ndarray | None:
        """(m,) bool: which of the shown images the attacker has poisoned; None while the truth is hidden."""
        truth = self.seen.is_poison if self.truth else None
        return None if truth is None else truth[self.part("rows")]

    @cached_property
    def names(self) -> list[str]:
        """Of the classes, as far as they are known."""
        return self.seen.class_names or []

    def name(self, label: int) -> str:
        """A class by its name."""
        return self.names[label] if 0 <= label < len(self.names) else f"class {label}"

    @property
    def fakes(self) -> list[int]:
        """The classes that the shown targets are to be read as, each once."""
        return [label for label in dict.fromkeys(self.part("fake")[self.shown :].tolist()) if label != NOBODY]


def arms(run: Run) -> list[str]:
    """The defenses of a run that make poisons of their own while the model learns."""
    return [name for name in _listed(run) if _practises(name)]


def settings(run: Run, arm: str) -> dict[str, Any]:
    """The settings of one of them."""
    return next(dict(each) for each in run.spec["defenses"] if each["name"] == arm)


def seen(run: Run) -> RunView:
    """The run through the one key and victim that are recorded."""
    return cache.view(run)


def _listed(run: Run) -> list[str]:
    return [each["name"] for each in run.spec.get("defenses", [])]


def _practises(name: str) -> bool:
    try:
        return bool(getattr(registry.load("defenses", name), "practises", False))
    except PoisonscopeError:  # made by a version that had other defenses
        return False
