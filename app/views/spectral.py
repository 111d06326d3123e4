"""Spectral: every class of a poisoned training set on its top singular vectors, with scores, cut and images."""

import streamlit as st

from app.components import drawing, pair, say, spectral_panel, which_run
from core.runs.view import RunView

EXPLAINED = """
Every training image goes through the model once; what comes out before the last layer is a point in many dimensions.
Take the points of one class, move their mean to the origin, and look along the directions in which they spread most:
the top singular vectors $v_1, v_2, v_3$ of the centred matrix. A row's suspicion score is its squared coordinate
$\\langle x - \\bar x, v_1\\rangle^2$.

Poisons of a class share something that its clean rows lack, so their mean lies elsewhere. Where that shift is large
against the spread of the clean rows, the top direction points along it, and poisons stick out.

It fails where poisons are so few, or so like clean rows, that the shift drowns in the spread; and where they are so
many that they are the spread.
"""


def page() -> None:
    """The page."""
    run = which_run.asked("Spectral", "spectral")
    if run is None:
        return
    which_run.heading(run, f"Who stands apart in {run.name}?")
    seen = pair.pick(run)
    if seen.labels is None:
        _nothing(seen)
        return
    if seen.projection is None:
        say.empty("This run stored no projection", "Switch on the spectral analysis in the Lab and run again.")
    else:
        spectral_panel.panel(seen, _filters(seen))
    with st.expander("What is this, and when does it fail?"):
        st.markdown(EXPLAINED)


def _filters(seen: RunView) -> list[str]:
    """Defenses that scored the rows."""
    return list(dict.fromkeys(step["defense"] for step in seen.run.steps if step["kind"] == "score"))


def _nothing(seen: RunView) -> None:
    """There are no images: not yet, or not any more."""
    if drawing.awaited(seen):
        drawing.wait(seen)
    elif seen.run.live:
        say.empty("The run has not come that far", "Singular directions are found after the first training.")
    else:
        say.empty("Nothing to look at", "The images of this run are not stored here; resume the run to compute them.")
