"""One class of the poisoned training set under the lens: projection, images, scores with a cut, singular values."""

from typing import Any

import numpy as np
import streamlit as st

from app import cache
from app.components import chosen_images, cut, frame, hover, say
from app.components.look import Look
from app.components.selection import Selection
from core.charts import lens
from core.figures import palette, spectral
from core.runs.view import RunView

AXES = {"v1 × v2": (0, 1), "v1 × v3": (0, 2)}
TOOLS = {"Inspect": "pan", "Lasso": "lasso", "Box": "select"}
THUMBNAILS = 2500
"""Classes with more rows have no thumbnails under the pointer: the sheet of images would take megabytes."""
HEIGHT = 590
"""Pixels of the projection: with its legend it fits below the controls on a small screen."""


@st.fragment
def panel(seen: RunView, defenses: list[str]) -> None:
    """The whole section; it reruns alone."""
    look = _controls(seen, defenses)
    rows = cache.class_rows(look.seen, look.label, look.defense)
    if not len(rows.rows):
        say.empty("No row carries this label", "Choose another class.")
        return
    left, right = st.columns([11, 9], gap="medium")
    with right:
        kept = _scores(look, rows)
        beside = st.container(key="chosen")
        _values(look)
    removed = rows.flagged if kept is None or rows.scores is None else cut.above(rows.scores, kept)
    with left:
        chosen = _projection(look, rows, removed)
    wanted = np.flatnonzero(np.isin(rows.rows, chosen))
    with beside:
        chosen_images.beside(look, rows, removed, wanted)
    chosen_images.below(look, rows, removed, wanted)
    _table(look, rows, removed)


def _controls(seen: RunView, defenses: list[str]) -> Look:
    names = seen.class_names or []
    if st.session_state.get("cls") not in range(len(names)):
        st.session_state["cls"] = first_class(seen)
    first, second, third, fourth = st.columns([4, 3, 4, 3])
    label = first.selectbox(
        "Class",
        range(len(names)),
        index=None,  # so that the link always names the class: a default would be left out of it
        format_func=lambda i: f"{i}: {names[i]}",
        key="cls",
        bind="query-params",
    )
    axes = second.segmented_control(
        "Axes", list(AXES), default="v1 × v2", key="axes", bind="query-params", required=True
    )
    tool = third.segmented_control(
        "Tool",
        list(TOOLS),
        default="Inspect",
        key="tool",
        bind="query-params",
        required=True,
        help="Inspect: click a point. Lasso and Box: draw around many. Double click clears.",
    )
    defense = defenses[0] if defenses else None
    if len(defenses) > 1:
        defense = fourth.selectbox("Filter", defenses, format_func=palette.arm_title, key="filter")
    return Look(
        seen, label if label is not None else first_class(seen), defense, axes, tool, frame.truth(), frame.big()
    )


def first_class(seen: RunView) -> int:
    """The class to open with."""
    return lens.first_class(seen, frame.truth())


def _projection(look: Look, rows: cache.ClassRows, removed: np.ndarray | None) -> list[int]:
    """The scatter; returns the row ids that the person chose."""
    if rows.coordinates is None:
        say.empty("This run stored no projection", "Switch on the spectral analysis in the Lab and run again.")
        return []
    shown = lens.sampled(len(rows.rows), rows.flagged)
    figure = spectral.projection(
        rows.coordinates[shown],
        rows.rows[shown],
        axes=AXES[look.axes],
        poison=rows.poison[shown] if look.truth else None,
        removed=None if removed is None else removed[shown],
        dragmode=TOOLS[look.tool],
        labels=len(rows.rows) > THUMBNAILS,
        big=look.big,
    )
    if not look.big:
        figure.update_layout(height=HEIGHT)
    chosen = Selection(look.place)
    key = f"scatter-{look.place}-{list(AXES).index(look.axes)}-{look.tool}-{chosen.turn}"
    event = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("points", "lasso", "box"),
        config={
            "displaylogo": False,
            "scrollZoom": True,
            "modeBarButtonsToRemove": ["select2d", "lasso2d"],
            "toImageButtonOptions": {"scale": 3},
        },
        alt=_spoken(look, rows, removed),
    )
    of = "" if len(shown) == len(rows.rows) else f"; {len(shown):,} of {len(rows.rows):,} shown"
    say.small(f"Every point is a training image labelled as this class{of}. Point at one to see it, click to keep it.")
    if len(rows.rows) <= THUMBNAILS:
        _thumbnails(look, rows, key)
    chosen.from_chart(f"{key} {_drawn(look, removed)}", event)
    return chosen.rows


def _drawn(look: Look, removed: np.ndarray | None) -> str:
    """What of the figure can change while its key stays; Streamlit forgets the selection then."""
    return f"{look.truth} {look.big} {0 if removed is None else removed.sum()}"


def _spoken(look: Look, rows: cache.ClassRows, removed: np.ndarray | None) -> str:
    count = 0 if removed is None else int(removed.sum())
    truth = f" {int(rows.poison.sum())} of them are poisons." if look.truth else ""
    return (
        f"{len(rows.rows)} rows of one class on singular vectors {look.axes}; {count} are removed.{truth} "
        "The table below holds the same rows."
    )


def _thumbnails(look: Look, rows: cache.ClassRows, chart: str) -> None:
    sheet = cache.sheet(look.seen, look.label, rows.rows)
    _, h, w = look.seen.image_shape or (0, 0, 0)
    hover.thumbnails(chart, rows.rows.tolist(), sheet, cache.SHEET_COLUMNS, (h, w), key=f"hover-{look.place}")


# ---- scores


def _scores(look: Look, rows: cache.ClassRows) -> float | None:
    st.markdown("**Suspicion scores of this class** · drag the line")
    if rows.scores is None:
        say.empty("No filter scored these rows", "Add a defense such as spectral signatures in the Lab.")
        kept = None
    else:
        own = cut.own_cut(rows.scores, rows.flagged)
        kept = cut.histogram(
            rows.scores, poison=rows.poison if look.truth else None, own=own, key=f"cut-{look.place}-{look.defense}"
        )
        say.small("Scores only: the model was retrained with the filter’s own cut. The rings follow your line.")
    return kept


def _values(look: Look) -> None:
    values = look.seen.singular_values
    if values is not None:
        st.markdown("**Singular values**")
        st.plotly_chart(
            spectral.singular_values(np.asarray(values[:, : lens.VALUES]), look.label, big=look.big).update_layout(
                height=215
            ),
            key=f"values-{look.place}",
            config={"displayModeBar": False},
            alt=f"Largest singular values of this class: {', '.join(f'{v:.1f}' for v in values[look.label][:5])}.",
        )


def _table(look: Look, rows: cache.ClassRows, removed: np.ndarray | None) -> None:
    """The same rows as a table, which a keyboard reaches; choosing lines there selects them."""
    with st.expander("The same rows as a table"):
        columns: dict[str, Any] = {"row": rows.rows}
        if rows.scores is not None:
            columns["suspicion score"] = rows.scores
        if removed is not None:
            columns["removed"] = removed
        if rows.coordinates is not None:
            columns |= {f"v{i + 1}": rows.coordinates[:, i] for i in range(rows.coordinates.shape[1])}
        if look.truth:
            columns["poison"] = rows.poison
        order = np.arange(len(rows.rows)) if rows.scores is None else np.argsort(-rows.scores)
        columns = {name: column[order] for name, column in columns.items()}
        key = f"table-{look.place}-{Selection(look.place).turn}"
        event = st.dataframe(
            columns, key=key, on_select="rerun", selection_mode="multi-row", hide_index=True, height=260
        )
        picked = [int(columns["row"][i]) for i in event["selection"]["rows"]]
        if Selection(look.place).command(key, picked):
            st.rerun(scope="fragment")
        if rows.scores is not None:
            st.plotly_chart(
                spectral.score_histogram(
                    rows.scores,
                    poison=rows.poison if look.truth else None,
                    cut=cut.own_cut(rows.scores, rows.flagged),
                    big=look.big,
                ),
                key=f"histogram-{look.place}",
                config={"displaylogo": False, "toImageButtonOptions": {"scale": 3}},
                alt="Histogram of the suspicion scores, to be saved as a picture.",
            )
