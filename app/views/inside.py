"""Inside the step: one batch of a defense that poisons its own batches, at the epoch that a person chooses."""

import html

import streamlit as st

from app import cache, routes
from app.components import actions, frame, inside_batch, inside_look, inside_words, say, which_run
from app.components.gradient_look import drawn
from app.components.inside_look import InsideLook
from core.charts import practice
from core.figures import palette
from core.runs.store import Run

PRESET = "robust-signs"
LOOK = 5.0
"""Seconds between two looks at a run on its way."""


def page() -> None:
    """The page."""
    run = which_run.asked("Inside the step", "inside", inside_look.arms)
    if run is None:
        return
    which_run.heading(run, f"Inside a step of {run.name}")
    if not inside_look.arms(run):
        say.empty(
            "No step to look into",
            "No defense of this run makes poisons of its own. Adversarial poisoning does, in every batch: open a run "
            "that has it, or the preset below, which meets the poisons of gradient matching with it.",
        )
        which_run.offer("inside", inside_look.arms)
        target = {"preset": PRESET}
        st.page_link(routes.page("lab"), label="The preset in the Lab", icon=":material/science:", query_params=target)
        return
    st.fragment(_browse, run_every=LOOK if run.live else None)(run.id)


def _browse(run_id: str) -> None:
    """All of it; it reruns alone."""
    run = cache.store().run(run_id)
    arm = inside_look.arms(run)[0]
    record = inside_look.seen(run).practice(arm)
    if record is None:
        _nothing(run, arm)
        return
    left, right = st.columns([6, 7], gap="large")
    with left:
        epoch = _epoch([int(epoch) for epoch in record["epochs"]])
        settings = inside_look.settings(run, arm)
        look = InsideLook(run, inside_look.seen(run), arm, settings, record, epoch, frame.truth(), frame.big())
        st.html(f'<div class="ps-verdict plain" role="status">{html.escape(inside_words.facts(look))}</div>')
    with right:
        st.markdown(inside_words.method(look))
        st.markdown(f"**{inside_words.OWN}**")
    inside_batch.panel(look)
    left, right = st.columns(2, gap="large")
    course = practice.course(look.record, look.at, look.measure, big=look.big)
    none = ("No alignment", "This practice attack takes no steps towards a goal: its perturbation is drawn at random.")
    with left:
        drawn("How the practice attack gets on", course, f"course-{run.id}", none)
    with right:
        drawn("What it does to the loss", practice.losses(look.record, look.at, big=look.big), f"losses-{run.id}", none)


def _epoch(epochs: list[int]) -> int:
    if len(epochs) == 1:
        st.markdown(f"**Epoch {epochs[0]}**")
        return epochs[0]
    if st.session_state.get("epoch") not in epochs:  # of another run, perhaps
        st.session_state.pop("epoch", None)
    return int(
        st.select_slider(
            "Stop training at epoch",
            epochs,
            epochs[len(epochs) // 2],
            key="epoch",
            bind="query-params",
            help="The first batch of these epochs is kept, of the first key and victim.",
        )
    )


def _nothing(run: Run, arm: str) -> None:
    """Why there is nothing to see."""
    title, seen = palette.arm_title(arm), inside_look.seen(run)
    if run.spec.get("scenario") != "from_scratch" and run.spec["pretraining"].get("defended") == "only":
        say.empty(
            "The victims’ steps were not defended",
            f"In this run {title} took part in pretraining only, whose batches are not kept.",
        )
    elif seen.step("train", arm=arm) is not None:
        say.empty(
            "Nothing was recorded",
            "This run was made before batches were kept. Run it again with another seed, under More on the run’s page: "
            "what is computed once is not computed twice.",
        )
    elif run.live:
        say.empty("Not yet", f"The batches appear here when the first model is trained with {title}.")
    else:
        say.empty("The batches are not stored here", "Resume or repeat the run: they are kept while a model learns.")
        if run.state in actions.RESUMABLE:
            with st.columns([1, 4])[0]:
                actions.resume(run, "inside")
