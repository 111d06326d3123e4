"""Rows that stand alone in gradient space at the chosen epoch, and whether effective poisons do so more often."""

from typing import Any

import numpy as np
import streamlit as st

from app.components import gradient_data, gradient_map, say, selection
from app.components.gradient_look import GradientLook
from app.components.selection_table import table
from core.metrics import Rate, wilson
from core.verdict import percent

PICTURED = 12


def panel(look: GradientLook) -> None:
    """Statement, table, and the images of the lines that are chosen in it."""
    say.section(f"Rows that stand alone after epoch {look.epoch}")
    sizes = look.space.sizes
    if sizes is None:
        words = "They appear when the clusters of this key and victim are measured." if look.run.live else (
            "Resume or repeat the run to measure the clusters."
        )  # fmt: skip
        say.empty("Not measured", words)
        return
    alone = np.flatnonzero(sizes[look.at] == 1)
    say.small(
        f"Every class is covered by medoids, {percent(look.space.share or 0)} of all rows; a row stands alone where "
        f"its medoid stands for nobody else. {len(alone):,} of {len(look.space.labels):,} rows do."
    )
    if look.truth:
        st.markdown(statement(look))
    if not len(alone):
        say.empty("Nobody stands alone", "Choose another epoch.")
        return
    left, right = st.columns([7, 5], gap="large")
    with left:
        picked = _table(look, alone)
    with right, st.container(key="alone-wall"):
        say.small("Choose lines of the table to see their images." if not len(picked) else "Chosen in the table:")
        shown = picked[:PICTURED] if len(picked) else alone[:PICTURED]
        st.html(gradient_map.images_of(look, shown))
        if not len(picked) and len(alone) > len(shown):
            say.small(f"The first {len(shown)} of {len(alone):,}.")


def statement(look: GradientLook) -> str:
    """How often effective poisons stand alone, and clean rows of their class, in one sentence."""
    space, at = look.space, look.at
    assert space.sizes is not None
    alone = space.sizes[at] == 1
    effective = space.effective(look.threshold)[at]
    if not space.telling(look.threshold)[at]:
        return (
            f"After epoch {look.epoch} most clean rows of the wanted class are within {look.threshold:g} of the "
            "target’s gradient: nearness tells nothing there, so no poison can be called effective."
        )
    if not effective.any():
        return f"After epoch {look.epoch} no poison is within {look.threshold:g} of the target’s gradient."
    clean = (space.labels == space.wanted) & ~space.poison
    if not clean.any():
        return "No clean row carries the poisons’ class, so there is nothing to compare with."
    ours = wilson(int((alone & effective).sum()), int(effective.sum()))
    theirs = wilson(int((alone & clean).sum()), int(clean.sum()))
    return (
        f"**{_words(ours)} of the effective poisons** stand alone, against **{_words(theirs)} of the clean rows** of "
        f"their class{_ratio(ours, theirs)}."
    )


def _words(rate: Rate) -> str:
    return f"{percent(rate.mean)} ({percent(rate.low)} to {percent(rate.high)}, n = {rate.n:,})"


def _ratio(ours: Rate, theirs: Rate) -> str:
    if theirs.mean == 0:
        return "" if ours.mean == 0 else ": none of these does"
    return f": {ours.mean / theirs.mean:.1f} times as often"


def _table(look: GradientLook, alone: np.ndarray) -> np.ndarray:
    """The table; returns the rows chosen in it."""
    space, at = look.space, look.at
    if look.truth:
        alone = alone[np.argsort(space.distances[at, alone], kind="stable")]
    columns: dict[str, list[Any]] = {
        "row": alone.tolist(),
        "class": [look.name(label) for label in space.labels[alone].tolist()],
        "cluster size": [1] * len(alone),
    }
    if look.truth:
        columns["distance to the target"] = space.distances[at, alone].tolist()
        columns["truth"] = _truths(look, alone)
    if look.arm is not None:
        when = gradient_data.dropping(look.seen)[look.arm][alone].tolist()
        columns["dropped after epoch"] = [None if epoch < 0 else epoch for epoch in when]
    alt = f"{len(alone)} rows that stand alone after epoch {look.epoch}."
    return table(selection.of(look.seen), f"alone-{look.place}-{look.epoch}", columns, height=330, alt=alt)


def _truths(look: GradientLook, rows: np.ndarray) -> list[str]:
    effective = look.space.effective(look.threshold)[look.at] & look.space.telling(look.threshold)[look.at]
    return [
        ("effective poison" if effective[row] else "poison") if look.space.poison[row] else "clean"
        for row in rows.tolist()
    ]
