"""Widgets about spectral signatures, on the shipped backdoor."""

import streamlit as st

from app import cache
from app.components import cut, say
from app.lessons import draw, facts, shipped
from app.lessons.shipped import Screen
from core.charts import lens
from core.describe import within
from core.errors import StoreError
from core.figures import palette, spectral


def projection(screen: Screen) -> None:
    """The most conspicuous class on its top singular vectors."""
    seen = shipped.view("badnets")
    label = lens.suspicious_class(seen)
    rows = cache.class_rows(seen, label, None)
    if rows.coordinates is None:
        raise StoreError("The shipped run holds no projection.")
    poison = rows.poison if screen.revealed else None
    figure = spectral.projection(rows.coordinates, rows.rows, poison=poison, big=screen.big)
    figure.update_layout(height=round(1.25 * 430) if screen.big else 430)
    name = (seen.class_names or [])[label]
    truth = f" {int(rows.poison.sum())} of them are poisons." if screen.revealed else ""
    words = f"{len(rows.rows):,} rows labeled “{name}”, along the two top singular vectors of their features.{truth}"
    draw.figure(screen, figure, words)
    say.small(words)


def scores(screen: Screen) -> None:
    """The suspicion scores of that class, with a cut to drag."""
    seen = shipped.view("badnets")
    defense = facts.defense(seen)
    rows = cache.class_rows(seen, lens.suspicious_class(seen), defense)
    if rows.scores is None:
        raise StoreError("The shipped run holds no scores.")
    own = cut.own_cut(rows.scores, rows.flagged)
    st.markdown("**Suspicion scores of the class** · drag the line")
    cut.histogram(rows.scores, poison=rows.poison if screen.revealed else None, own=own, key=f"{screen.key}-cut")
    say.small(f"The line starts where {within(palette.arm_title(defense))} cut. Only what is right of it would go.")
