"""Deep k-NN: remove the rows whose neighbours in feature space carry another label."""

from typing import Literal

import numpy as np

from core.analysis.neighbours import votes
from core.defenses.base import Fact, Filter, View
from core.spec import setting

PER_POISON = 2
"""Neighbours per poison, if the defender is told how many there are: so many that poisons cannot outvote clean rows."""


class DeepKnn(Filter):
    """Let the nearest rows vote on every row's label, and remove the rows that are outvoted.

    Source: Peri et al., "Deep k-NN Defense Against Clean-Label Data Poisoning Attacks", ECCV Workshops 2020.
        Departures: a tie keeps the row; rows with the same votes are ranked by whether the nearest row of another class
        is nearer than the nearest of the same one, which decides about nobody.
    """

    title = "Deep k-NN"
    summary = "A poison near its target has neighbours of the target's class; rows that neighbours outvote are removed."
    source = "Peri et al. (2020), arXiv:1909.13374"
    fails_when = (
        "Poisons lie inside the class that they are labelled as, like those of gradient matching from scratch, or they "
        "are so many, or the neighbours so few, that poisons outvote clean rows. More neighbours than a class has rows "
        "remove clean rows."
    )

    neighbours: int | None = setting(
        None,
        "Neighbours that vote (k); empty: twice the number of poisons, which the defender is told.",
        unit="rows", ge=1, le=1_000_000,
    )  # fmt: skip
    vote: Literal["plurality", "majority"] = setting(
        "plurality",
        "plurality: a row goes if another label has more votes than its own, as in the paper. majority: if all other "
        "labels together have.",
    )

    @property
    def knows(self) -> tuple[Fact, ...]:
        return () if self.neighbours is not None else ("poison_count",)

    def count(self, view: View) -> int:
        """How many neighbours vote on a row."""
        wanted = self.neighbours if self.neighbours is not None else PER_POISON * view.fact("poison_count")
        return max(1, min(int(wanted), len(view.labels) - 1))

    def scores(self, view: View) -> np.ndarray:
        """By how many votes a row is outvoted, from -k to k; within a vote, up to a quarter says who lies nearer."""
        count = self.count(view)
        if len(view.labels) < 2:
            return np.zeros(len(view.labels))
        found = votes(view.features, view.labels, count)
        against = found.rival if self.vote == "plurality" else count - found.own
        return (against - found.own) + found.leaning / 4

    def flag(self, scores: np.ndarray, view: View) -> np.ndarray:
        return np.round(scores) > 0
