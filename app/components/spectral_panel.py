"""The class under the lens on a run's own page: its map, its scores with a cut, its suspects, and the way to more."""

import numpy as np
import streamlit as st

from app import cache, routes
from app.components import cut, frame, lens_controls, lens_map, say
from app.components.chosen_images import tiles
from app.components.images import wall
from app.components.look import Look
from core.charts import lens
from core.figures import spectral
from core.runs.view import RunView

SUSPECTS = 9
"""As many as stand in one line."""


@st.fragment
def panel(seen: RunView, defenses: list[str]) -> None:
    """The whole section; it reruns alone."""
    look = lens_controls.quiet(seen, defenses)
    rows = cache.class_rows(look.seen, look.label, look.defense)
    names = seen.class_names or []
    why = "holds most poisons" if look.truth else "is the most lopsided"
    say.small(f"Of all classes, “{names[look.label]}” {why}.")
    if not len(rows.rows) or rows.coordinates is None:
        say.empty("No projection", "Switch on the spectral analysis in the Lab and run again.")
        return
    left, right = st.columns([11, 9], gap="medium")
    with right:
        kept = scores(look, rows)
    with left:
        lens_map.picture(look, rows, removed(rows, kept))
    if rows.scores is not None:
        st.markdown("**Most suspicious rows**")
        places = np.argsort(-rows.scores, kind="stable")[:SUSPECTS]
        shown = rows.rows[places]
        poison = rows.poison[places] if look.truth else None
        st.html(wall(tiles(seen, shown, np.full(len(shown), look.label), poison=poison, removed=None), look.tile))
    st.page_link(
        routes.page("spectral"),
        label="Choose rows, see other classes, be the defender",
        icon=":material/bubble_chart:",
        query_params={"run": seen.run.id, "cls": f"{look.label}: {names[look.label]}"}
        | ({} if frame.truth() else {"truth": "false"}),
    )


def removed(rows: cache.ClassRows, kept: float | None) -> np.ndarray | None:
    """(m,) bool: what the cut removes; what the filter itself did while nobody moved it."""
    return rows.flagged if kept is None or rows.scores is None else cut.above(rows.scores, kept)


def scores(look: Look, rows: cache.ClassRows) -> float | None:
    """The histogram with its line; where somebody left it, or None while it was not moved."""
    st.markdown("**Suspicion scores of this class** · drag the line")
    if rows.scores is None:
        say.empty("No filter scored these rows", "Add a defense such as spectral signatures in the Lab.")
        return None
    own = cut.own_cut(rows.scores, rows.flagged)
    poison = rows.poison if look.truth else None
    kept = cut.histogram(rows.scores, poison=poison, own=own, key=f"cut-{look.place}-{look.defense}")
    say.small("Scores only: the model was retrained with the filter’s own cut. The rings follow your line.")
    return kept


def values(look: Look) -> None:
    """The class's singular values beside those of the others."""
    found = look.seen.singular_values
    if found is None:
        return
    st.markdown("**Singular values**")
    shown = np.asarray(found[:, : lens.VALUES])
    st.plotly_chart(
        spectral.singular_values(shown, look.label, big=look.big).update_layout(height=215),
        key=f"values-{look.place}",
        config={"displayModeBar": False},
        alt=f"Largest singular values of this class: {', '.join(f'{v:.1f}' for v in found[look.label][:5])}.",
    )
