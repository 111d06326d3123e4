"""Gradients: where training rows pull the network, epoch by epoch, and which of them end up alone there."""

import numpy as np
import streamlit as st

from app import cache, routes, trials
from app.components import (
    frame,
    gradient_alone,
    gradient_charts,
    gradient_data,
    gradient_map,
    pair,
    say,
    which_run,
)
from app.components.gradient_data import Space
from app.components.gradient_look import GradientLook, drawn, kept
from core.analysis import effective
from core.given import is_given
from core.runs import sweep
from core.runs.store import Run
from core.runs.view import RunView

LOOK = 5.0
"""Seconds between two looks at a run on its way."""


def page() -> None:
    """The page."""
    run = which_run.asked("Gradients", "gradients", trials.is_targeted)
    if run is None:
        return
    which_run.heading(run, f"Gradients of {run.name}")
    if is_given(run.spec):
        say.empty(
            "No gradient space",
            "It is drawn around the gradient of one chosen target image, and nobody knows whom an attacker "
            "of these data is after. How many rows stand alone in it is on “Is it poisoned?”.",
        )
        st.page_link(routes.page("check"), label="Is it poisoned?", query_params={"run": run.id})
        return
    if not trials.is_targeted(run):
        say.empty(
            "No gradient space",
            "It is drawn around the gradient of one chosen target image, and this run’s attack has no such target. "
            "Open a run that has one, or choose an attack such as gradient matching in the Lab.",
        )
        which_run.offer("gradients", trials.is_targeted)
        return
    st.fragment(_browse, run_every=LOOK if run.live else None)(run.id)


def _browse(run_id: str) -> None:
    """All of it; it reruns alone."""
    run = cache.store().run(run_id)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seen = pair.boxes(run)
        space = gradient_data.space(seen)
        look = None if space is None else _choices(run, seen, space)
    if look is None:
        _nothing(run)
        return
    left, right = st.columns([8, 5], gap="medium")
    with left:
        say.section("Map of the gradients")
        gradient_map.panel(look)
    with right:
        say.section("Epoch by epoch")
        drawn("This key and victim", kept(gradient_charts.beside, look), f"beside-{look.place}", ("", ""))
    gradient_alone.panel(look)
    _pooled(look)


def _nothing(run: Run) -> None:
    if run.live:
        say.empty("Not yet", "The gradients appear here when the first model without defense is trained.")
    else:
        say.empty(
            "The gradients are not stored here",
            "Resume or repeat the run: they are kept while a model is trained on the poisoned set.",
        )


def _choices(run: Run, seen: RunView, space: Space) -> GradientLook:
    epochs = [int(epoch) for epoch in space.epochs]
    if st.session_state.get("epoch") not in epochs:  # of another run, perhaps
        st.session_state.pop("epoch", None)
    epoch = st.select_slider(
        "Epoch",
        epochs,
        opening(run, space, truth=frame.truth()),
        key="epoch",
        bind="query-params",
        width=190,
        help="After which epoch. Gradients are kept at a few of them; the map starts here, charts and table show it.",
    )
    threshold = effective.THRESHOLD
    if frame.truth():
        threshold = st.slider(
            "Effective up to this distance",
            0.05,
            1.5,
            effective.THRESHOLD,
            0.05,
            key="near",
            bind="query-params",
            width=220,
            help="A poison is effective where its gradient is at most this far from the target’s; 2 is the most.",
        )
    arms = list(gradient_data.dropping(seen))
    arm = arms[0] if arms else None
    if len(arms) > 1:
        if st.session_state.get("arm") not in arms:
            st.session_state.pop("arm", None)
        arm = st.selectbox(
            "Dropped by",
            arms,
            format_func=lambda name: gradient_charts.arm_name(name, seen.arms),
            key="arm",
            bind="query-params",
            width=200,
        )
    return GradientLook(run, seen, space, int(epoch), float(threshold), arm, frame.truth(), frame.big())


def opening(run: Run, space: Space, *, truth: bool) -> int:
    """The epoch to open with: nearest to the end of the warm-up, or in the middle.

    With the truth it is one of those that tell poisons from clean rows; which these are would tell something of it.
    """
    told = space.epochs[space.telling(effective.THRESHOLD)] if truth else space.epochs
    epochs = told if len(told) else space.epochs
    warm = [each["warm_up"] for each in run.spec.get("defenses", []) if isinstance(each, dict) and "warm_up" in each]
    if warm:
        return int(epochs[np.abs(epochs - warm[0]).argmin()])
    return int(epochs[len(epochs) // 2])


def _pooled(look: GradientLook) -> None:
    say.section("All keys and victims")
    if not gradient_data.dropping(look.seen):
        waits = "Appears when the first model is trained with it." if look.run.live else "Add EPIC in the Lab."
        say.empty("No rows were dropped while training", f"No training defense took part. {waits}")
    later = ("Not yet", "Appears when the first model is trained.")
    left, right = st.columns(2, gap="large")
    with left:
        drawn("Attack success while learning", kept(gradient_charts.success, look), f"success-{look.run.id}", later)
    if look.truth and gradient_data.dropping(look.seen):
        none = ("Nothing to compare", "No poison is effective at this threshold, or no arm dropped rows.")
        with right:
            drawn("Who was dropped, and when", kept(gradient_charts.dropped, look), f"dropped-{look.run.id}", none)
        with left:
            drawn(
                "Poisons caught for rows dropped", kept(gradient_charts.against, look), f"against-{look.run.id}", none
            )
    if sweep.axes(look.run):
        with st.container(horizontal=True, vertical_alignment="center"):
            say.small(
                "One run holds one setting of each defense; how success depends on settings is on the run’s page:"
            )
            st.page_link(routes.page("result"), label="How much does it take?", query_params={"run": look.run.id})
