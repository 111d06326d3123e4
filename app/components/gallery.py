"""The poisons beside their originals."""

import numpy as np
import streamlit as st

from app.components import frame, say
from app.components.images import triples
from core.runs.view import RunView

PAGE = 9


@st.fragment
def poisons(seen: RunView) -> None:
    """A page of poisons: original, poison, difference amplified. Nothing while the truth is hidden."""
    if not frame.truth():
        say.empty("Hidden", "Switch on “Reveal truth” in the sidebar to see the poisons beside their originals.")
        return
    truth = seen.is_poison
    rows = np.flatnonzero(truth) if truth is not None else np.zeros(0, np.int64)
    if not len(rows):
        say.empty("No poisons", "Nothing was attacked in this run.")
        return
    pages = -(-len(rows) // PAGE)
    number = st.pagination(pages, key="gallery") if pages > 1 else 1
    part = rows[(number - 1) * PAGE : number * PAGE]
    images, originals, labels, true = seen.images(part), seen.originals(part), seen.labels, seen.true_labels(part)
    names = seen.class_names or []
    if images is None or originals is None or labels is None or true is None:
        say.empty("The images are not stored here", "Resume the run to compute them again.")
        return
    words = [
        f"row {row}: {names[old]}, labelled {names[new]}"
        for row, old, new in zip(part, true, labels[part], strict=True)
    ]
    st.html(triples(originals, images, words, size=92 if frame.big() else 72, names=("original", "poison")))
    say.small(f"{(number - 1) * PAGE + 1} to {(number - 1) * PAGE + len(part)} of {len(rows):,} poisons.")
