"""Which rows of a training set somebody wants to see, and in which order; all of it stands in the link."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app import cache
from core.figures import palette

ALL = -1
"""Stands for all classes."""
TRUTHS = ("All", "Poisons", "Clean rows")
MARKS = ("All rows", "Flagged and removed", "Not flagged", "Removed by the random filter")
ORDERS = ("By row number", "Most suspicious first", "Least suspicious first")


@dataclass(frozen=True)
class Shown:
    """What passes.

    Attributes:
        rows: ids, in order.
        defense: whose marks and scores count; None where the run has none.
        asked: a text that differs between any two sets of filters.
    """

    rows: np.ndarray
    defense: str | None
    asked: str


def bar(every: cache.AllRows, names: Sequence[str], truth: bool) -> Shown:
    """Draw the filter bar, and filter.

    Args:
        every: all rows.
        names: of the classes.
        truth: whether it may be asked who is poison; where it may not, a link that asks is not heard.
    """
    defenses = list(every.scores)
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        labels = [ALL, *range(len(names))]
        label = _box(
            "Class", labels, "label", width=190, format_func=lambda i: "All" if i == ALL else f"{i}: {names[i]}"
        )
        kind = TRUTHS[0]
        if truth and every.poison.any():
            kind = st.segmented_control(
                "Truth",
                TRUTHS,
                default=TRUTHS[0],
                required=True,
                key="kind",
                bind="query-params",
            )
        defense = defenses[0] if defenses else None
        if len(defenses) > 1:
            defense = _box("Defense", defenses, "by", width=210, format_func=palette.arm_title)
        mark, rank, order = MARKS[0], (0, 100), ORDERS[0]
        if defense is not None:
            if defense in every.flagged:
                mark = _box(palette.arm_title(defense), MARKS, "mark", width=250)
            rank = st.slider(
                "Suspicion, in % of all rows",
                0,
                100,
                (0, 100),
                key="rank",
                bind="query-params",
                width=210,
                help="0: the least suspicious row of the training set; 100: the most suspicious one.",
            )
            order = _box("Order", ORDERS, "order", width=210)
    passed = _of_class(every, label) & _of_truth(every, kind)
    if defense is not None:
        passed &= _marked(every, defense, mark) & _ranked(every, defense, rank)
    rows = np.flatnonzero(passed)
    if defense is not None and order != ORDERS[0]:
        sign = -1 if order == ORDERS[1] else 1
        rows = rows[np.argsort(sign * every.scores[defense][rows], kind="stable")]
    return Shown(rows, defense, f"{label}-{kind}-{defense}-{mark}-{rank}-{order}")


def _box(label: str, options: Sequence[Any], key: str, **more: Any) -> Any:
    if st.session_state.get(key) not in options:  # another run's, perhaps
        st.session_state.pop(key, None)
    return st.selectbox(label, options, key=key, bind="query-params", **more)


def _of_class(every: cache.AllRows, label: int) -> np.ndarray:
    return np.ones(len(every.labels), bool) if label == ALL else every.labels == label


def _of_truth(every: cache.AllRows, kind: str) -> np.ndarray:
    return np.ones(len(every.labels), bool) if kind == TRUTHS[0] else every.poison == (kind == TRUTHS[1])


def _marked(every: cache.AllRows, defense: str, mark: str) -> np.ndarray:
    if mark == MARKS[0]:
        return np.ones(len(every.labels), bool)
    if mark == MARKS[3]:
        return every.random[defense]
    return every.flagged[defense] == (mark == MARKS[1])


def _ranked(every: cache.AllRows, defense: str, rank: tuple[int, int]) -> np.ndarray:
    ranks = every.ranks[defense]
    return (ranks >= rank[0]) & (ranks <= rank[1])
