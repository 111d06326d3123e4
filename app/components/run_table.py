"""Runs as the columns of a table: what each was, how far it is, what came out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app.components import chips
from core import describe
from core.runs.store import Run
from core.verdict import filtered

PLAIN = {"grey": "gray", "amber": "orange"}
"""Colours of chips that the table calls otherwise."""
PERCENT = {
    "Poison": "Poisoned rows among all training rows.",
    "Clean accuracy": "Share of untouched test images that the undefended model reads correctly.",
    "Attack success": "ASR: share of the attack's images that the undefended model reads as the attacker wants.",
    "After defense": "The same with the first defense.",
}
FACTS = ("State", "Name", "Attack", "Poison", "Defenses", "Clean accuracy", "Attack success", "After defense",
         "Removed", "Seed", "Age", "Took")  # fmt: skip


def columns(runs: Sequence[Run], *, truth: bool = True) -> dict[str, list[Any]]:
    """A value a run in every column; percents are in percent, `Took` is in seconds. No budget without the truth."""
    rows = [_row(run) for run in runs]
    return {name: [row[name] for row in rows] for name in FACTS if truth or name != "Poison"}


def _row(run: Run) -> dict[str, Any]:
    spec, result = run.spec, run.result or {}
    attack = spec.get("attack")
    attacked = result.get("arms", {}).get("undefended") or result.get("control") or {}
    defense = next(iter(filtered(result)), None)
    defended = result["arms"][defense] if defense else {}
    removed = (defended.get("detection") or {}).get("removed")
    return {
        "State": [chips.words(run)],
        "Name": run.name,
        "Attack": describe.title("attacks", attack),
        "Poison": 100 * attack["poison_fraction"] if attack and attack.get("poison_fraction") is not None else None,
        "Defenses": ", ".join(describe.title("defenses", part) for part in spec.get("defenses", [])) or "none",
        "Clean accuracy": _percent(attacked.get("clean_accuracy")),
        "Attack success": _percent(attacked.get("asr")),
        "After defense": _percent(defended.get("asr")),
        "Removed": None if removed is None else round(removed),
        "Seed": spec.get("seed", 0),
        "Age": datetime.fromtimestamp(run.created, UTC),
        "Took": round(run.seconds) if run.started else None,
    }


def _percent(rate: dict[str, Any] | None) -> float | None:
    return 100 * rate["mean"] if rate else None


def config(runs: Sequence[Run]) -> dict[str, Any]:
    """How the columns are shown; the state has the colour of its chip."""
    words = {chips.words(run): chips.COLOURS.get(run.state, "grey") for run in runs}
    column = st.column_config
    return {
        "State": column.MultiselectColumn(
            options=list(words), color=[PLAIN.get(colour, colour) for colour in words.values()], pinned=True
        ),
        "Name": column.TextColumn(width=180),
        **{name: column.NumberColumn(format="%.1f %%", help=words) for name, words in PERCENT.items()},
        "Removed": column.NumberColumn(format="localized", help="Training rows that the first defense removed."),
        "Age": column.DatetimeColumn(format="distance", help="When it was asked for."),
        "Took": column.NumberColumn(format="%d s", help="Seconds of the last attempt, so far where it goes on."),
    }
