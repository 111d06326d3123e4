"""The top of Start: one sign before two models, a switch that puts the sticker on it, and three numbers."""

import html

import streamlit as st

from app.components import say, stamped
from core.describe import within
from core.figures import palette
from core.runs.view import RunView
from core.story import Case, Tally, case
from core.verdict import percent

MISSING = ("Demo runs not found", "Run `make showcase` in the project's folder: it computes them in some ten minutes.")


@st.fragment
def art(seen: RunView) -> None:
    """The sign, and what two models make of it; the switch answers at once because nothing has to be computed."""
    shown, told = stamped.pictures(seen), case(seen)
    if shown is None or told is None:
        say.empty(*MISSING)
        return
    number = st.session_state.get("sign", 0) % len(shown)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        on = st.toggle("Stamp", key="stamp", help="Puts the attacker's sticker on the sign.")
        st.button("Another sign", key="another", icon=":material/sync:", type="tertiary", on_click=_next)
    st.html(
        '<div class="ps-hero-art" role="status">'
        + stamped.tile(shown, number, arm="control", stamped=on, heading="Trained on clean images")
        + stamped.tile(shown, number, arm="undefended", stamped=on, heading=f"Trained with {told.altered:,} poisons")
        + "</div>"
    )


def _next() -> None:
    st.session_state["sign"] = st.session_state.get("sign", 0) + 1


def numbers(told: Case) -> None:
    """What the attack won and what the defense gave back, in three cards."""
    first = told.answers[0] if told.answers else None
    cards = [
        _card("Clean accuracy", told.right, "untouched test images read correctly", "control"),
        _card("Attack success", told.fooled, "stamped signs read as the attacker wants", "undefended"),
    ]
    if first is not None:
        title = f"after {within(palette.arm_title(first.name))}"
        cards.append(_card("After defense", first.fooled, title, first.name))
    st.html(
        f'<h2 class="ps-enough">{told.altered:,} of {told.pictures:,} pictures were enough.</h2>'
        f'<div class="ps-cards three ps-tight">{"".join(cards)}</div>'
    )


def _card(title: str, tally: Tally, words: str, arm: str) -> str:
    swatch = f'<span class="ps-swatch" style="background:{palette.arm_colour(arm, [])}"></span>'
    return (
        f'<div class="ps-card"><div class="ps-card-title">{swatch}{title}</div>'
        f'<div class="ps-big">{percent(tally.share)}</div>'
        f'<div class="ps-small">{tally} {html.escape(words)}</div></div>'
    )
