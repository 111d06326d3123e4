"""Who gets most out of few poisons: runs of one kind of attack on one set-up, by attack success per poison.

Success counts above the clean baseline's, which falls for some images without any poison. What a run has is a rate with
an interval; places that intervals do not tell apart are said as a range.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import registry
from core.describe import title
from core.errors import PoisonscopeError
from core.metrics import Rate, difference
from core.runs import labels
from core.runs.alike import Content, defenses, expected, images_of, normal
from core.runs.comparison import SETUP
from core.runs.record import Run
from core.runs.store import Store
from core.runs.view import RunView
from core.verdict import caught


@dataclass(frozen=True)
class Met:
    """What a defense made of the attack: its name, attack success and clean accuracy with it."""

    defense: str
    success: dict[str, Any]
    accuracy: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One attack.

    Attributes:
        run: the newest of those on the same images that differ in their defenses only.
        attack: its settings.
        poisons: rows that it poisoned, of one key.
        success, accuracy: rates of the model without defense.
        baseline: attack success of the clean baseline.
        gain, low, high: attack success above the baseline per poison, in points of a percent, with its 95 % interval.
        met: defenses of all runs of this attack.
    """

    run: Run
    attack: Content
    poisons: int
    success: dict[str, Any]
    accuracy: dict[str, Any]
    baseline: dict[str, Any]
    gain: float
    low: float
    high: float
    met: tuple[Met, ...]


@dataclass(frozen=True)
class Place:
    """An entry and the places that it may have: its interval reaches into those of others."""

    entry: Entry
    best: int
    worst: int


def board(store: Store, base: Content, runs: Iterable[Run]) -> list[Place]:
    """Rank runs.

    Args:
        store: where their files are.
        base: an experiment; only runs with its images, network, training and scenario, and with its kind of attack,
            can be put beside each other.
        runs: candidates, newest first.

    Returns:
        The best first; of equals the one with fewer poisons.

    Raises:
        SpecError: this version cannot read `base`.
    """
    wanted = _arena(normal(base))
    alike: dict[str, list[Run]] = {}
    for run in runs:
        if run.state != "done" or not run.result or not run.spec.get("attack"):
            continue
        try:
            content, known = normal(run.spec), expected(run.spec)
        except PoisonscopeError:
            continue
        if _arena(content) == wanted:
            rest = {name: part for name, part in content.items() if name != "defenses"}
            alike.setdefault(json.dumps([rest, known, images_of(run)], sort_keys=True), []).append(run)
    entries = [entry for same in alike.values() if (entry := _entry(store, same)) is not None]
    return places(sorted(entries, key=lambda entry: (-entry.gain, entry.poisons)))


def places(entries: list[Entry]) -> list[Place]:
    """The places that entries may have: before those that lie wholly below, behind those that lie wholly above."""
    return [
        Place(
            entry,
            1 + sum(other.low > entry.high for other in entries),
            len(entries) - sum(other.high < entry.low for other in entries),
        )
        for entry in entries
    ]


def _arena(content: Content) -> list[Any]:
    return [content.get(part) for part in SETUP] + [_family(content.get("attack"))]


def _family(attack: Content | None) -> str:
    return "" if not attack else str(getattr(registry.load("attacks", attack["name"]), "family", ""))


def _entry(store: Store, same: list[Run]) -> Entry | None:
    """The entry of runs that differ in their defenses only; None where success or poisons were not counted."""
    run = same[0]
    result = run.result or {}
    plain, control = result.get("arms", {}).get("undefended") or {}, result.get("control") or {}
    counted = next((many for each in same if (many := poisons(store, each))), None)
    if not plain.get("asr") or not control.get("asr") or counted is None:
        return None
    found = difference(_rate(plain["asr"]), _rate(control["asr"]))
    gain, low, high = (100 * each / counted for each in found)
    accuracy = plain["clean_accuracy"]
    rates = plain["asr"], accuracy, control["asr"]
    return Entry(run, run.spec["attack"], counted, *rates, gain, low, high, _met(same))


def poisons(store: Store, run: Run) -> int | None:
    """How many rows a run's first key poisoned; None where neither its files nor its result tell."""
    if any(step["kind"] == "poison" and store.artifacts.has(step["key"]) for step in run.steps):
        truth = RunView(store, run).is_poison
        if truth is not None:
            return int(np.count_nonzero(truth)) or None
    arms = (run.result or {}).get("arms", {})
    told = next((caught(arm["detection"])[1] for arm in arms.values() if arm.get("detection")), None)
    return told or None


def _met(same: list[Run]) -> tuple[Met, ...]:
    """Every defense that any of the runs has, each once."""
    parts: dict[str, tuple[Content, dict[str, Any]]] = {}
    for run in same:
        arms = (run.result or {}).get("arms", {})
        for defense in defenses(run.spec):
            arm = arms.get(defense["name"])
            if arm and arm.get("asr"):
                parts.setdefault(json.dumps(defense, sort_keys=True), (defense, arm))
    listed = [defense for defense, _ in parts.values()]
    told = labels.strengths("defenses", listed, alone=())
    return tuple(
        Met(" · ".join(filter(None, [title("defenses", defense), strength])), arm["asr"], arm["clean_accuracy"])
        for (defense, arm), strength in zip(parts.values(), told, strict=True)
    )


def _rate(told: dict[str, Any]) -> Rate:
    return Rate(told["mean"], told["low"], told["high"], told["n"])
