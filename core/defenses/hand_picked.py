"""Hand-picked rows: remove what a person chose, and retrain."""

import numpy as np
from pydantic import field_validator

from core import row_list
from core.defenses.base import Fact, Filter, View
from core.errors import PoisonscopeError
from core.spec import setting


class HandPicked(Filter):
    """Remove exactly the rows that somebody listed.

    Source: none; it makes a defense of what a person sees on a map of the training set, so that it is measured as every
        other filter is, with as many rows removed at random beside it.
    """

    title = "Hand-picked rows"
    summary = "A person looked at the training set and listed the rows to remove; the list is the whole defense."
    source = "A person's own choice; no paper"
    fails_when = (
        "The person picks the wrong rows: it is one person's choice, made by eye, on one drawing of one training set. "
        "It does not carry over to other keys or seeds, whose poisons lie elsewhere, and nobody can look through a "
        "large set this way."
    )

    rows: str = setting(
        "",
        f"Rows to remove, counted from 0, such as 3,7,12-19; at most {row_list.MOST:,}. Empty: none.",
        unit=row_list.UNIT,
    )
    truth_on_screen: bool = setting(
        False,
        "Whether the truth was on screen while rows were picked; what comes out then says nothing about a defender.",
        advanced=True,
    )

    @field_validator("rows", mode="before")
    @classmethod
    def _one_form(cls, value: object) -> object:
        return row_list.legal(value)

    @property
    def knows(self) -> tuple[Fact, ...]:
        return ("poison_rows",) if self.truth_on_screen else ()

    def scores(self, view: View) -> np.ndarray:
        """1 for a listed row, 0 for any other.

        Raises:
            PoisonscopeError: a listed row is not in the training set.
        """
        rows, n = row_list.read(self.rows), len(view.labels)
        if len(rows) and rows[-1] >= n:
            raise PoisonscopeError(
                f"hand_picked lists row {rows[-1]}, but this training set has rows 0 to {n - 1}; take it off the list."
            )
        scores = np.zeros(n)
        scores[rows] = 1
        return scores

    def flag(self, scores: np.ndarray, view: View) -> np.ndarray:
        return scores > 0
