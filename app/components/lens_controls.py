"""The choices of the spectral page: class, axes, colours, tool and filter, all of them in the link."""

import streamlit as st

from app.components import frame
from app.components.look import AXES, COLOURS, TOOLS, Look
from core.charts import lens
from core.figures import palette
from core.runs.view import RunView

INSPECT = "Inspect: click a point. Lasso and Box: draw around many. Double click clears."


def controls(seen: RunView, defenses: list[str]) -> Look:
    """Draw them in one line, and return what they hold.

    Args:
        seen: the run.
        defenses: filters that scored the rows.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="lens-controls"):
        label = _class(seen)
        axes = st.segmented_control(
            "Components", list(AXES), default="v1 × v2", key="axes", bind="query-params", required=True, width="content"
        )
        defense = _filter(defenses)
        colour = _colour(seen, defense)
        chosen = tool()
    return Look(seen, label, defense, str(axes), chosen, colour, frame.truth(), frame.big())


def quiet(seen: RunView, defenses: list[str]) -> Look:
    """What the page opens with, without any control."""
    truth = frame.truth()
    defense = defenses[0] if defenses else None
    axes, first, colour = next(iter(AXES)), next(iter(TOOLS)), "truth" if truth else "label"
    return Look(seen, lens.first_class(seen, truth), defense, axes, first, colour, truth, frame.big())


def tool() -> str:
    """The tool of a map; the same for all maps."""
    return str(
        st.segmented_control(
            "Tool",
            list(TOOLS),
            default="Inspect",
            key="tool",
            bind="query-params",
            required=True,
            width="content",
            help=INSPECT,
        )
    )


def _class(seen: RunView) -> int:
    names = seen.class_names or []
    first = lens.first_class(seen, frame.truth())
    if st.session_state.get("cls") not in range(len(names)):
        st.session_state["cls"] = first
    label = st.selectbox(
        "Class",
        range(len(names)),
        index=None,  # so that the link always names the class: a default would be left out of it
        format_func=lambda i: f"{i}: {names[i]}",
        key="cls",
        bind="query-params",
        width=190,
    )
    return first if label is None else int(label)


def _filter(defenses: list[str]) -> str | None:
    if len(defenses) < 2:
        return defenses[0] if defenses else None
    if st.session_state.get("by") not in defenses:
        st.session_state.pop("by", None)
    return str(
        st.selectbox("Filter", defenses, format_func=palette.arm_title, key="by", bind="query-params", width=200)
    )


def _offered(defense: str | None) -> list[str]:
    needs_scores = ("score", "removed")
    return [
        colour
        for colour in COLOURS
        if (colour != "truth" or frame.truth()) and (colour not in needs_scores or defense is not None)
    ]


def _colour(seen: RunView, defense: str | None) -> str:
    offered = _offered(defense)
    if st.session_state.get("colour") not in offered:  # another page's, or of a truth that is hidden by now
        st.session_state.pop("colour", None)
    first = offered.index("truth") if "truth" in offered else 0
    return str(
        st.selectbox(
            "Colour by", offered, first, format_func=COLOURS.__getitem__, key="colour", bind="query-params", width=130
        )
    )
