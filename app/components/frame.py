"""What surrounds every page: style, device, Reveal truth, Presentation size, the queue."""

import html

import streamlit as st

from app import cache, class_link
from app.components import say
from core import given
from core.runs.store import Run

BIG = "html { font-size: 21px !important; }"


def truth() -> bool:
    """Whether the ground truth may be shown; where nobody knows it, it may not."""
    return bool(st.session_state.get("truth", True)) and not class_link.hides("truth") and not unknown()


def hidden() -> bool:
    """Whether there is a truth, and it may not be shown."""
    return not truth() and not unknown()


def unknown() -> bool:
    """Whether nobody knows which rows of the page's run are poisons."""
    return bool(st.session_state.get("truth_unknown", False))


def about(run: Run) -> None:
    """Say which run the page is about; until the next page, nothing is told that nobody knows of it."""
    st.session_state["truth_unknown"] = given.unknown(run.spec)


def how() -> str:
    """How to see the truth that is hidden now."""
    if class_link.hides("truth"):
        return "This class link keeps it hidden."
    return "Switch on “Reveal truth” in the sidebar to see it."


def big() -> bool:
    """Whether the page is drawn for the back row."""
    return bool(st.session_state.get("big", False))


def draw(*, lesson: bool = False) -> None:
    """The frame; called once by every run of the script, before the page.

    Args:
        lesson: whether the page is a lesson, where Reveal decides about the truth and not the switch.
    """
    st.session_state["truth_unknown"] = False
    cache.showcase()
    cache.worker()
    machine = cache.machine()
    with st.sidebar:
        if not class_link.hides("truth"):
            st.toggle(
                "Reveal truth",
                value=True,
                key="truth",
                bind="query-params",
                disabled=lesson,
                help="In a lesson every step reveals its own truth."
                if lesson
                else "On: poisons are marked in charts and images. Off: you see what a defender sees.",
            )
        st.toggle("Presentation size", key="big", bind="query-params", help="Larger text and charts, for the back row.")
        _status()
    style = cache.asset("style.css") + (BIG if big() else "")
    st.html(f"<style>{style}</style>")
    if machine.problem:
        say.error(machine.problem)


@st.fragment(run_every=3)
def _status() -> None:
    """Device and queue, looked at again every three seconds."""
    machine = cache.machine()
    runs = [run.state for run in cache.store().runs()]
    waiting, running = (
        runs.count("queued"),
        sum(state in ("starting", "running", "stalled", "stopping") for state in runs),
    )
    queue = (
        ", ".join(f"{count} {word}" for count, word in ((running, "running"), (waiting, "waiting")) if count)
        or "nothing running"
    )
    device = machine.device or ("looking …" if machine.problem is None else "unknown")
    st.html(
        f'<div class="ps-small" role="status">Device: <b>{html.escape(device)}</b><br>'
        f'Queue: <b>{queue}</b><br><span class="ps-quiet">Everything runs on this machine.</span></div>'
    )
