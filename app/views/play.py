"""Play: put a trigger on any picture and see at once what every model of a finished run makes of it."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import ahead, cache, queueing, routes, trying
from app.components import actions, drawing, frame, play_answers, play_controls, play_target, say, which_run
from app.components.play_answers import Answers
from app.components.play_state import Play
from app.components.stage import stage
from core import describe
from core.errors import PoisonscopeError
from core.runs.store import Run
from core.runs.view import RunView
from core.spec import parse

LOOK = 5.0
"""Seconds between two looks at a run on its way."""
CHOICES = 40
"""Runs to choose from."""
STILL = "This trigger covers the whole picture, so there is nothing to move."


def page() -> None:
    """The page."""
    runs = [run for run in cache.store().runs() if run.state == "done"][:CHOICES]
    ready = [run for run in runs if trying.playable(cache.view(run))]
    if not st.query_params.get("run") and not st.session_state.get("last_run") and ready:
        st.query_params["run"] = next((run.id for run in ready if run.id == "showcase-badnets"), ready[0].id)
    run = which_run.asked("Play", "play")
    if run is None:
        return
    which_run.heading(run, f"Try it on {run.name}")
    seen = cache.view(run)
    if _nothing(run, seen):
        _others(run, ready)
        return
    st.fragment(_play)(run.id)
    _others(run, ready)


def _play(run_id: str) -> None:
    """Everything but the heading; it reruns alone."""
    play = Play(cache.view(cache.store().run(run_id)))
    for note in play.kept["notes"]:
        say.warning(note, icon="link_off")
    play_controls.pictures(play)
    play_controls.look(play)
    drawn = play_controls.is_drawn(play)
    left, right = st.columns([13, 15] if drawn else [6, 8], gap="large")
    with left:
        # The picture is drawn last, with what the widgets below it say.
        place, beside = st.columns([9, 10], gap="small") if drawn else (st.container(), left)
        play_controls.shape(play, beside)
        _to_lab(play)
    try:
        picture = trying.stamped(play.now, play.attack, play.image, play.names)
        _stage(play, place, picture)
        with right:
            _answer(play, picture)
    except PoisonscopeError as error:
        with right:
            say.error(error)
    if not frame.truth():
        say.small("Reveal truth is off: this run’s own trigger and what it is for stay hidden. Can you find them?")
    play.write()


def _stage(play: Play, place: DeltaGenerator, picture: np.ndarray) -> None:
    now = play.now

    def moved(row: int, column: int, held: bool) -> None:
        play.kept["held"] = held
        play.patch(row=row, column=column)

    movable = now.stamped and not now.whole
    shows = "your photo" if play.true is None else f"“{play.names[play.true]}”"
    with place:
        stage(
            play.image if movable else picture,
            now.patch if movable else None,
            said=f"A picture, {shows}"
            + (", with a trigger: arrow keys move it, with Shift by four pixels" if movable else ""),
            still=STILL if now.stamped else "The trigger is off.",
            moved=moved,
            key=play.key("stage"),
        )


def _answer(play: Play, picture: np.ndarray) -> None:
    arms, both = trying.arms(play.seen), np.stack([play.image, picture])
    answers = np.stack([trying.answers(play.seen, arm, both) for arm in arms])
    told = Answers(arms, play.names, answers[:, 0], answers[:, 1], play.true, play.wanted, play.now.stamped)
    with st.container(key="play-answers"):
        st.html(play_answers.html_of(told))


def _to_lab(play: Play) -> None:
    """Poison with this trigger: the Lab with the run's settings and this patch."""
    if play.now.whole:
        return
    hidden = frame.hidden()
    words = "Opens the Lab with this run’s settings and this trigger as its attack."
    if st.button(
        "Send to the Lab",
        key=play.key("lab"),
        icon=":material/science:",
        width="stretch",
        disabled=hidden,
        help=actions.TELLS if hidden else words,
    ):
        actions.to_lab(trying.experiment(play.seen, play.now.patch))


# ---- nothing to try


def _nothing(run: Run, seen: RunView) -> bool:
    """Whether there is nothing to try on a run; it is said then."""
    attack = trying.attack_of(run)
    if drawing.awaited(seen):
        drawing.wait(seen)
    elif run.live:
        say.empty("The run has not come that far", "Its models can be asked when it is finished.")
    elif run.spec.get("attack") is None:
        say.empty("Nothing was poisoned", "This run has no attack, so no model has learned a trigger.")
    elif run.state != "done":
        say.empty("The run did not finish", "Resume it, and its models can be asked.")
    elif seen.targeted:
        play_target.panel(run)
    elif attack is not None and attack.family == "noise":
        say.empty("There is nothing to stamp", "This attack changes labels and no picture, so it has no trigger.")
    elif seen.array("data", "test_images") is None or not trying.arms(seen):
        _unstored(run)
    else:
        return False
    return True


def _unstored(run: Run) -> None:
    say.empty("The models of this run are not stored here", "It was shipped or imported without them.")
    try:
        experiment = parse({**run.spec, "name": run.name})
        words = ahead.told(ahead.ahead([experiment]))
    except PoisonscopeError as error:
        say.small(f"This version cannot repeat the run: {error}")
        return
    if st.button("Train them again", type="primary", key="train-again", icon=":material/replay:"):
        queueing.start(experiment, f"play-{run.id}")
    say.small_html(f"{words}; what is there already is used again.")


def _others(run: Run, ready: list[Run]) -> None:
    """Other runs to try."""
    others = [each for each in ready if each.id != run.id]
    if not others:
        return
    st.markdown("**Try another run**")
    with st.container(horizontal=True):
        for other in others[:6]:
            st.page_link(
                routes.page("play"),
                label=describe.markdown(other.name),
                icon=":material/toys:",
                query_params={"run": other.id},
            )
