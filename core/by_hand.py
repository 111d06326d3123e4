"""A defense by hand: what would go if some rows went, and the experiment that removes them and trains again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import row_list
from core.spec import Experiment, parse

DEFENSE = "hand_picked"
NAMED = r"[\d,]+ rows? by hand"
"""A regular expression for what `part` returns."""
CLASSES = 4
"""Classes that a sentence names; the others are counted together."""


@dataclass(frozen=True)
class Removal:
    """What would go.

    Attributes:
        rows: how many would be removed.
        n: rows of the training set.
        classes: how many of each class that loses any, by name, the largest loss first.
        emptied: names of the classes that would lose every row.
        caught, poisons: poisons among them, and in all; None while the truth is hidden.
    """

    rows: int
    n: int
    classes: dict[str, int]
    emptied: tuple[str, ...]
    caught: int | None = None
    poisons: int | None = None


def removal(rows: np.ndarray, labels: np.ndarray, names: Sequence[str], poison: np.ndarray | None) -> Removal:
    """Count what would go.

    Args:
        rows: (m,) int64, row ids, each once.
        labels: (n,) int64, as given.
        names: of the k classes.
        poison: (n,) bool, the truth; None hides it.
    """
    gone = np.bincount(labels[rows], minlength=len(names))
    there = np.bincount(labels, minlength=len(names))
    order = np.argsort(-gone, kind="stable")
    return Removal(
        rows=len(rows),
        n=len(labels),
        classes={names[label]: int(gone[label]) for label in order if gone[label]},
        emptied=tuple(names[label] for label in order if gone[label] and gone[label] == there[label]),
        caught=None if poison is None else int(poison[rows].sum()),
        poisons=None if poison is None else int(poison.sum()),
    )


def words(found: Removal) -> str:
    """What would go, in plain words."""
    told = [f"“{name}” loses {count:,}" for name, count in list(found.classes.items())[:CLASSES]]
    if rest := list(found.classes.values())[CLASSES:]:
        many = f"{len(rest)} other classes lose" if len(rest) > 1 else "another class loses"
        told.append(f"{many} {sum(rest):,}")
    share = 100 * found.rows / found.n
    many = f"{found.rows:,} of {found.n:,} rows would go ({'under 0.1' if share < 0.05 else f'{share:.1f}'} %)"
    said = f"{many}: {', '.join(told)}."
    if found.emptied:
        said += f" Nothing of {_quoted(found.emptied)} would be left."
    return said


def cost(found: Removal) -> str:
    """What that would win and lose, which only the truth can tell; empty while it is hidden."""
    if found.caught is None or found.poisons is None:
        return ""
    lost, clean = found.rows - found.caught, found.n - found.poisons
    caught = f"{found.caught:,} of {found.poisons:,} poisons caught, {found.poisons - found.caught:,} missed"
    return f"{caught}; {lost:,} of {clean:,} clean rows lost."


def part(rows: int) -> str:
    """What a run's name says of it: `47 rows by hand`."""
    return f"{rows:,} row{'s' * (rows != 1)} by hand"


def experiment(spec: dict[str, Any], rows: np.ndarray, *, revealed: bool) -> Experiment:
    """The experiment of a run with a choice of rows beside its other defenses, in place of an earlier choice.

    All that the run has computed is found again; only what follows from the choice is new. A choice is one of rows of
    one draw of the poisons, the first: with more keys the same numbers would be other rows.

    Args:
        spec: of the run.
        rows: (m,) int64, row ids.
        revealed: whether the truth was on screen.

    Raises:
        SpecError: too many rows, or a spec that this version cannot read.
    """
    kept = [defense for defense in spec.get("defenses", []) if _name(defense) != DEFENSE]
    picked = {"name": DEFENSE, "rows": row_list.written(rows), "truth_on_screen": revealed}
    return parse({**spec, "keys": 1, "defenses": [*kept, picked]})


def _name(defense: Any) -> str:
    return str(defense["name"] if isinstance(defense, dict) else defense)


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f"“{name}”" for name in names)
