"""One class of the poisoned training set: its singular directions, its scores, its singular values."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.charts.chart import Chart
from core.figures import palette, spectral
from core.runs.view import RunView

POINTS = 10_000
"""Rows of a class that are drawn; of more, an even sample that keeps everything removed."""
VALUES = 8
"""Singular values that are drawn: those beyond say nothing about a back door."""


def suspicious_class(seen: RunView) -> int:
    """The class whose rows are most lopsided along their first singular vector; 0 where that is not known.

    A few poisons far off on one side make it so. The first singular value over the second does not tell: it is as
    large where a class falls into two halves, such as signs before the sky and signs before a wood.
    """
    coordinates, labels, values = seen.projection, seen.labels, seen.singular_values
    if coordinates is None or labels is None or values is None:
        return 0
    return int(np.argmax([lopsidedness(coordinates[labels == label, 0]) for label in range(len(values))]))


def lopsidedness(values: np.ndarray) -> float:
    """Skewness of (n,) numbers without its sign: 0 where both sides of the mean look alike, or all are the same."""
    centred = values.astype(np.float64) - values.mean() if len(values) else np.zeros(1)
    spread = float((centred**2).mean())
    return abs(float((centred**3).mean())) / spread**1.5 if spread > 0 else 0.0


def first_class(seen: RunView, truth: bool) -> int:
    """The class to look at first: what most poisons claim to be, or the most conspicuous one while that is hidden."""
    poison, labels = seen.is_poison, seen.labels
    if truth and poison is not None and labels is not None and poison.any():
        return int(np.bincount(labels[poison]).argmax())
    return suspicious_class(seen)


def sampled(n: int, flagged: np.ndarray | None) -> np.ndarray:
    """Places of the rows that are drawn.

    Args:
        n: rows of the class.
        flagged: (n,) bool, rows that must be among them; None where nothing is removed.

    Returns:
        (m,) int64, ascending.
    """
    if n <= POINTS:
        return np.arange(n)
    even = np.linspace(0, n - 1, POINTS).astype(np.int64)
    return even if flagged is None else np.union1d(even, np.flatnonzero(flagged))


@dataclass(frozen=True)
class Lens:
    """What is looked at.

    Attributes:
        label: the class, as labelled after poisoning.
        defense: the filter whose scores and removals are shown; None without one.
        truth: whether poisons are marked.
    """

    seen: RunView
    label: int
    defense: str | None
    truth: bool

    @property
    def name(self) -> str:
        """The class by its name."""
        names = self.seen.class_names or []
        return names[self.label] if self.label < len(names) else f"class {self.label}"

    @property
    def rows(self) -> np.ndarray:
        """(m,) int64: the rows of the class; none where the images are not stored."""
        labels = self.seen.labels
        return np.zeros(0, np.int64) if labels is None else np.flatnonzero(labels == self.label)

    def scores(self) -> np.ndarray | None:
        """(m,) float64, or None where nothing scored the rows."""
        scores = None if self.defense is None else self.seen.scores(self.defense)
        return None if scores is None else np.asarray(scores[self.rows])

    def removed(self) -> np.ndarray | None:
        """(m,) bool, or None where nothing was removed."""
        flagged = None if self.defense is None else self.seen.flagged(self.defense)
        return None if flagged is None else np.asarray(flagged[self.rows])

    def poison(self) -> np.ndarray | None:
        """(m,) bool, or None where that is hidden or unknown."""
        poison = self.seen.is_poison if self.truth else None
        return None if poison is None else poison[self.rows]


def projection(look: Lens) -> Chart | None:
    """The rows on their class's top two singular vectors; None where the run stored no projection."""
    coordinates, rows = look.seen.projection, look.rows
    if coordinates is None or not len(rows):
        return None
    places, removed, poison = np.asarray(coordinates[rows]), look.removed(), look.poison()
    shown = sampled(len(rows), removed)
    figure = spectral.projection(
        places[shown],
        rows[shown],
        poison=None if poison is None else poison[shown],
        removed=None if removed is None else removed[shown],
    )
    ringed = "" if removed is None else " A ring marks what the defense removed."
    marked = "" if poison is None else f" {int(poison.sum()):,} of them are poisons, drawn as crosses."
    said = f"{len(rows):,} training images are labelled “{look.name}”; {len(shown):,} are shown."
    table: dict[str, list[Any]] = {"row": rows.tolist()}
    table |= {f"v{i + 1}": places[:, i].round(4).tolist() for i in range(places.shape[1])}
    if (scores := look.scores()) is not None:
        table["suspicion score"] = scores.tolist()
    for name, chosen in (("removed", removed), ("poison", poison)):
        if chosen is not None:
            table[name] = chosen.astype(int).tolist()
    return Chart(
        figure,
        f"{said} Each is a point on the two directions in which the class's features vary most: what stands apart was "
        f"learned for another reason.{ringed}{marked}",
        f"{said}{marked}",
        table,
    )


def scores(look: Lens) -> Chart | None:
    """How many rows of the class have which score, and from where on rows were removed; None without scores."""
    found, removed, poison = look.scores(), look.removed(), look.poison()
    if found is None or not len(found):
        return None
    cut = float(found[removed].min()) if removed is not None and removed.any() else None
    edges = spectral.bins(found)
    groups = {"Rows": np.ones(len(found), bool)} if poison is None else {"Clean rows": ~poison, "Poisons": poison}
    counts = {name: np.histogram(found[chosen], edges)[0].tolist() for name, chosen in groups.items()}
    who = palette.arm_title(look.defense or "")
    right = "" if cut is None else " Rows to the right of the dotted rule were removed, as far as the budget allowed."
    return Chart(
        spectral.score_histogram(found, poison=poison, cut=cut),
        f"The higher the score, the more suspicious {who} finds a row.{right}",
        f"Histogram of the suspicion scores that {who} gave to {len(found):,} rows.",
        {"score from": edges[:-1].tolist(), "score to": edges[1:].tolist(), **counts},
    )


def values(look: Lens) -> Chart | None:
    """The class's singular values beside those of the others; None where the run stored none."""
    found = look.seen.singular_values
    if found is None:
        return None
    shown = np.asarray(found[:, :VALUES])
    names = look.seen.class_names or [f"class {label}" for label in range(len(shown))]
    told = ", ".join(f"{value:.1f}" for value in shown[look.label][:5])
    return Chart(
        spectral.singular_values(shown, look.label),
        "A first value far above the second, and above the other classes' (dashes), means that one direction explains "
        "what makes some rows of this class different.",
        f"Largest singular values of “{look.name}”: {told}.",
        {"singular vector": list(range(1, shown.shape[1] + 1))}
        | {f"{label}: {name}": shown[label].tolist() for label, name in enumerate(names[: len(shown)])},
    )
