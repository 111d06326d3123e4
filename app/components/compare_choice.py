"""Which runs the page Compare puts beside each other: a baseline and up to six runs, as the link says them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import state
from app.address import Address
from core import describe
from core.runs import comparison
from core.runs.store import Run
from core.verdict import filtered

MOST = 6
"""Runs that may be chosen: more are no comparison for the eye."""
BASE, RUNS = "compare-base", "compare-chosen"
"""Keys of the two boxes."""
PARAMETERS = ("base", "runs", "run")


@dataclass(frozen=True)
class Choice:
    """What is compared.

    Attributes:
        base: the baseline.
        chosen: the runs that were chosen, the baseline first; empty where everything that fits stands beside it.
        every: all runs, newest first.
        notes: a sentence for everything in the link that had to be left out.
    """

    base: Run
    chosen: tuple[Run, ...]
    every: tuple[Run, ...]
    notes: tuple[str, ...]

    @property
    def candidates(self) -> tuple[Run, ...]:
        """The runs that may stand beside the baseline."""
        return self.chosen or self.every

    def beside(self, told: comparison.Comparison) -> tuple[Run, ...]:
        """The runs to show one by one: those chosen, else the first that stand beside the baseline."""
        return self.chosen or (self.base, *(run for run in told.standing if run.id != self.base.id))[:MOST]


def choose(every: Sequence[Run]) -> Choice:
    """Draw the two boxes.

    Args:
        every: all runs, newest first; at least one.
    """
    by_id = {run.id: run for run in every}
    kept = _restored(by_id)

    def change() -> None:
        kept["base"], kept["runs"], kept["notes"] = st.session_state[BASE], list(st.session_state[RUNS]), []

    st.session_state[BASE], st.session_state[RUNS] = kept["base"], kept["runs"]
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        st.selectbox("Baseline", list(by_id), format_func=lambda one: _named(by_id[one]), key=BASE, on_change=change)
    with right:
        st.multiselect(
            "Runs beside it",
            list(by_id),
            format_func=lambda one: _named(by_id[one]),
            key=RUNS,
            on_change=change,
            max_selections=MOST,
            placeholder="Everything that can stand beside it",
        )
    chosen = dict.fromkeys([kept["base"], *kept["runs"]]) if kept["runs"] else {}
    kept["address"].write({"base": kept["base"]} | ({"runs": ",".join(kept["runs"])} if kept["runs"] else {}))
    return Choice(by_id[kept["base"]], tuple(by_id[one] for one in chosen), tuple(every), tuple(kept["notes"]))


def _restored(by_id: dict[str, Run]) -> dict[str, Any]:
    """What was chosen before, or what a link says that this page did not write itself."""
    kept = st.session_state.get("compare")
    if kept is None:
        kept = {"address": Address(lambda name: name in PARAMETERS), "base": None, "runs": [], "notes": []}
        st.session_state["compare"] = kept
        told = kept["address"].told()
    else:
        told = kept["address"].foreign()
    if told is not None:
        kept["address"].read()
        asked = list(dict.fromkeys(filter(None, told.get("runs", "").split(","))))
        base = told.get("base") or told.get("run") or (asked[0] if asked else None)
        kept["notes"] = [_missing(one) for one in dict.fromkeys([*asked, base]) if one and one not in by_id]
        kept["runs"], kept["base"] = [one for one in asked if one in by_id], base
    if len(kept["runs"]) > MOST:
        kept["notes"].append(f"{MOST} runs are compared at once; the others were left out.")
    kept["runs"] = [one for one in kept["runs"] if one in by_id][:MOST]
    if kept["base"] not in by_id:
        kept["base"] = kept["runs"][0] if kept["runs"] else _first(by_id)
    return kept


def _missing(one: str) -> str:
    known = state.run_id(one)
    return f"There is no run {known!r}; it was left out." if known else "The link holds something that is no run’s id."


def _first(by_id: dict[str, Run]) -> str:
    """A baseline that nobody asked for: the run looked at last, if it has anything to compare, else the newest such."""
    last = st.session_state.get("last_run")
    ready = [run for run in by_id.values() if not comparison.unfinished(run)]
    defended = [run for run in ready if filtered(run.result or {})]
    if last in {run.id for run in ready}:
        return str(last)
    return (defended or ready or list(by_id.values()))[0].id


def _named(run: Run) -> str:
    """A run in a list, told from others of its name."""
    defenses = ", ".join(describe.title("defenses", one) for one in run.spec.get("defenses", [])) or "no defense"
    return f"{run.name} · {defenses} · {run.id}"
