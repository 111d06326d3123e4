"""The shipped runs that lessons show, under the short names that lessons use."""

from dataclasses import dataclass

import numpy as np

from app import cache
from core import showcase
from core.errors import StoreError
from core.lessons import Step
from core.runs.store import Run
from core.runs.view import RunView

RUNS = {
    "badnets": "showcase-badnets",
    "rates": "showcase-rates-",
    "clean_label": "showcase-clean-label",
    "robust": "showcase-robust",
}
"""By the name in a lesson; one that ends in a dash stands for all whose id begins so."""


@dataclass(frozen=True)
class Screen:
    """What a widget of a lesson knows: the step, whether its answer may be seen, and a prefix for its keys."""

    step: Step
    key: str
    revealed: bool
    big: bool

    def told(self, name: str, otherwise: str) -> str:
        """A word that the step tells its widget."""
        return str(self.step.show.get(name, otherwise))


def run(name: str) -> Run:
    """A shipped run.

    Raises:
        StoreError: it is not in this store, or not finished.
    """
    found = showcase.find(cache.store(), RUNS[name])
    if found is None or found.result is None:
        raise StoreError(f"The shipped run {RUNS[name]!r} is not here.")
    return found


def family(name: str) -> list[Run]:
    """All shipped runs whose id begins alike, by how many poisons they have.

    Raises:
        StoreError: there are none.
    """
    found = [one for one in cache.store().runs() if one.id.startswith(RUNS[name]) and one.result]
    if not found:
        raise StoreError(f"The shipped runs {RUNS[name] + '…'!r} are not here.")
    return sorted(found, key=lambda one: counted(one)[1])


def view(name: str) -> RunView:
    """The stored arrays of a shipped run, first key and first victim.

    Raises:
        StoreError: it is not in this store.
    """
    return cache.view(run(name))


def counted(of: Run) -> tuple[int, int]:
    """Rows of a shipped run's training set, and how many of them are poisons.

    Raises:
        StoreError: it does not say.
    """
    seen = cache.view(of)
    told = seen.meta("shipped")
    if told is not None and "rows" in told:
        return int(told["rows"]), int(told["poisons"])
    poisons = need(seen.poison_rows, "poisons")
    return int(seen.n or 0), len(poisons)


def need(array: np.ndarray | None, what: str) -> np.ndarray:
    """An array that a widget cannot do without.

    Raises:
        StoreError: the run stored none.
    """
    if array is None:
        raise StoreError(f"The shipped run holds no {what}.")
    return array
