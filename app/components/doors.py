"""Three ways in: look at a finished attack, look for its poisons, or build one."""

from dataclasses import dataclass

import streamlit as st

from app import routes
from core import presets


@dataclass(frozen=True)
class Door:
    """A card: what it leads to, in a few words."""

    key: str
    icon: str
    title: str
    words: str
    button: str


DOORS = (
    Door(
        "see",
        ":material/visibility:",
        "See an attack",
        "A finished run: how the sticker took over while the model learned, and what the defense cost.",
        "Open the run",
    ),
    Door(
        "catch",
        ":material/search:",
        "Catch it",
        "The same training set as a defender sees it. Which images are the poisons? Nobody tells you.",
        "Find the poisons",
    ),
    Door(
        "build",
        ":material/science:",
        "Build your own",
        "Another sticker, another attack, other defenses, your own images. It trains in front of you.",
        "Open the Lab",
    ),
)


def draw(run_id: str | None) -> None:
    """The three cards; those that need the shipped run are shut without it."""
    for door, column in zip(DOORS, st.columns(3), strict=True):
        with column, st.container(border=True, key=f"door-{door.key}", height="stretch"):
            st.html(f'<h3 class="ps-door">{door.title}</h3><p class="ps-small">{door.words}</p>')
            shut = run_id is None and door.key != "build"
            hide = _hide_truth if door.key == "catch" else None
            key = f"go-{door.key}"
            if st.button(door.button, key=key, icon=door.icon, width="stretch", disabled=shut, on_click=hide):
                _go(door, run_id)


def _hide_truth() -> None:
    """Before the page is drawn: the switch is bound to the link, where nothing else may write it."""
    st.session_state["truth"] = False


def _go(door: Door, run_id: str | None) -> None:
    if door.key == "build":
        st.switch_page(routes.page("lab"), query_params={"preset": presets.DEFAULT})
    elif door.key == "catch":
        routes.open_run(str(run_id), "spectral")
    else:
        routes.open_run(str(run_id))
