"""The numbers of the stakeholder's story: counts from the shipped runs, and nothing that was not measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.runs import costs
from core.runs.record import Run
from core.runs.view import RunView
from core.verdict import caught, filtered


@dataclass(frozen=True)
class Tally:
    """So many of so many."""

    hits: int
    n: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.hits / self.n if self.n else 0.0

    def __str__(self) -> str:
        return f"{self.hits:,} of {self.n:,}"


@dataclass(frozen=True)
class Answer:
    """One defense, and what it costs.

    Attributes:
        name: of the defense.
        fooled: what still goes as the attacker wants.
        right: ordinary test pictures that are named correctly afterwards.
        set_aside, caught, lost: pictures taken out of the training set, altered ones among them, and good ones; None
            where the defense takes none out. Means over the draws, where there are several.
        work: how many plain trainings it takes in all.
    """

    name: str
    fooled: Tally
    right: Tally
    set_aside: int | None
    caught: int | None
    lost: int | None
    work: float


@dataclass(frozen=True)
class Case:
    """One attack, what it does where nobody does anything, and what each defense makes of it.

    Attributes:
        run: its id.
        attack: name of the attack.
        pictures, altered: rows of the training set, and those that the attacker changed; of one draw.
        untouched: what goes as the attacker wants in a model that learned from untouched pictures.
        fooled: the same after learning from altered ones.
        right_before, right: ordinary test pictures named correctly, without and with altered pictures.
        answers: the defenses of the run, in its order.
    """

    run: str
    attack: str
    pictures: int
    altered: int
    untouched: Tally
    fooled: Tally
    right_before: Tally
    right: Tally
    answers: tuple[Answer, ...]


def case(seen: RunView) -> Case | None:
    """The counts of one shipped run; None where it lacks what they are made of."""
    run, result, shipped = seen.run, seen.result, seen.meta("shipped")
    if result is None or shipped is None or not run.spec.get("attack"):
        return None
    attacked, control = result["arms"].get("undefended"), result.get("control")
    if not attacked or not control or not attacked["asr"] or not control["asr"]:
        return None
    return Case(
        run=run.id,
        attack=str(run.spec["attack"]["name"]),
        pictures=int(shipped["rows"]),
        altered=int(shipped["poisons"]),
        untouched=_tally(control["asr"]),
        fooled=_tally(attacked["asr"]),
        right_before=_tally(control["clean_accuracy"]),
        right=_tally(attacked["clean_accuracy"]),
        answers=tuple(_answer(run, name, result) for name in filtered(result)),
    )


def merged(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Cases of one and the same attack as one, with all their defenses, each once; the first run's id stays."""
    found: dict[Case, Case] = {}
    for each in cases:
        same = replace(each, run="", answers=())
        before = found.setdefault(same, replace(each, answers=()))
        known = {answer.name for answer in before.answers}
        more = tuple(answer for answer in each.answers if answer.name not in known)
        found[same] = replace(before, answers=before.answers + more)
    return tuple(found.values())


def _answer(run: Run, name: str, result: dict[str, Any]) -> Answer:
    arm = result["arms"][name]
    found = caught(arm["detection"]) if arm.get("detection") else None
    return Answer(
        name=name,
        fooled=_tally(arm["asr"]),
        right=_tally(arm["clean_accuracy"]),
        set_aside=found and found[0] + found[2],
        caught=found and found[0],
        lost=found and found[2],
        work=costs.of(result, run.steps, name).times or math.nan,
    )


def _tally(rate: dict[str, Any]) -> Tally:
    return Tally(round(rate["mean"] * rate["n"]), int(rate["n"]))


def chosen_rows(poisons: Sequence[int], n: int, altered: int, of: int, seed: int = 7) -> list[int]:
    """Rows for a wall of `of` pictures among which `altered` are poisons, in a shuffled order that stays the same.

    Args:
        poisons: rows of the poisons.
        n: rows of the training set.
        altered, of: how many of how many.
        seed: of the shuffling.
    """
    random = np.random.default_rng(seed)
    bad = np.asarray(poisons, dtype=np.int64)
    good = np.setdiff1d(np.arange(n), bad)
    chosen = np.concatenate(
        [random.choice(bad, altered, replace=False), random.choice(good, of - altered, replace=False)]
    )
    return [int(row) for row in random.permutation(chosen)]
