"""As given: nothing is poisoned here, because the data set may have come poisoned."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import field_validator

from core import row_list
from core.attacks.base import Attack, Evaluation, Poisoned, Tools
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.spec import Scenario, setting


class AsGiven(Attack):
    """Leave the training set as it is, and look at it as if it were poisoned.

    Where nobody knows which images are poisons, no page and no report counts any: it is as if the truth were hidden.
    Where they are listed, they are poisons without originals. Nobody knows what the attacker wants at test time, so
    there is no attack success. With the weights of a network that was trained on these very images, that network is
    looked at instead of one that is trained here.

    Source: none.
    """

    title = "As given"
    summary = "Poisons nothing: your data set may have come poisoned, and you want to know."
    source = "No paper: nothing is poisoned here"
    threat = "Whatever somebody did to the data before it came here."
    family = "given"
    changes_labels = True  # it may have: nobody here knows

    poison_fraction: float | None = setting(  # type: ignore[assignment]
        None, "Means nothing here, because nothing is poisoned.", gt=0, le=0.5, advanced=True
    )
    truth: Literal["unknown", "listed"] = setting(
        "unknown", "unknown: nobody knows which images are poisons. listed: exactly those that are listed."
    )
    poisons: str = setting(
        "",
        "Poisons by their position in the source of the images, such as 3,7,12-19; empty: none. For truth listed.",
        unit=row_list.UNIT,
    )
    weights: str = setting(
        "", "A safetensors file of the chosen network, trained on these images; empty: one is trained.", max_length=4096
    )

    @field_validator("poisons", mode="before")
    @classmethod
    def _one_form(cls, value: object) -> object:
        return row_list.legal(value)

    def check(self, scenario: Scenario) -> None:
        if self.weights and scenario != "from_scratch":
            raise ValueError("attack.weights are those of a trained network; set scenario to from_scratch")
        if self.poisons and self.truth == "unknown":
            raise ValueError("attack.poisons lists poisons, and attack.truth is unknown; set it to listed")

    def fingerprint(self) -> str:
        """Changes with the content of the weights, and not with their place."""
        if not self.weights:
            return ""
        try:
            with Path(self.weights).expanduser().open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()[:20]
        except (OSError, ValueError):
            raise AttackError(f"There is no file of weights {self.weights!r:.300}.") from None

    def budget(self, n: int) -> int:
        """As many as are listed."""
        return len(row_list.read(self.poisons))

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        """The same set; the listed rows are reported, each as its own original."""
        listed = row_list.read(self.poisons)
        rows = np.flatnonzero(np.isin(data.indices, listed))
        if len(listed) and not len(rows):
            raise AttackError(
                f"None of the {len(listed):,} listed poisons is in this training set; the first is {listed[0]}, and "
                f"positions go from {data.indices.min()} to {data.indices.max()}."
            )
        return Poisoned(data, rows, data.images[rows], data.labels[rows])

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        """Empty: nobody knows what the attacker will show."""
        none = np.empty(0, np.int64)
        return Evaluation(test.images[:0], none, none, none)
