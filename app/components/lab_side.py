"""The Lab's right side: what the poison looks like, how long the run will take, and the button."""

import html

import streamlit as st

from app import cache, preview, queueing, routes, state
from app.components import chips, images, say
from core.attacks.base import Attack
from core.errors import PoisonscopeError
from core.spec import Experiment, parse


def draw(experiment: Experiment | None, problem: str, usual_name: str, key: str) -> None:
    """The whole side.

    Args:
        experiment: what the form means; None where it means nothing yet.
        problem: why it means nothing, in one sentence.
        usual_name: of the run, unless the person gives another one.
        key: of the name's box.
    """
    if experiment is None:
        st.error(problem, icon=":material/error:")
    else:
        _preview(experiment)
    name = st.text_input("Run name", placeholder=usual_name, max_chars=80, key=key)
    if experiment is not None:
        _offer(experiment.model_copy(update={"name": name.strip() or usual_name}))
    else:
        st.button("Run attack and defense", type="primary", disabled=True, width="stretch")


def _preview(experiment: Experiment) -> None:
    attack = experiment.attack
    if attack is None:
        say.empty("No attack chosen", "Only the clean baseline will be trained.")
        return
    assert isinstance(attack, Attack)
    try:
        data = preview.sample(experiment)
        training, test = preview.poisoned(attack, data, 1), preview.shown(attack, data, 2)
    except preview.NotFetched as missing:
        say.empty("No preview yet", str(missing))
        if st.button("Download the images now", icon=":material/download:", width="stretch"):
            _fetch(experiment)
        return
    except PoisonscopeError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.markdown("**A training image, poisoned**")
    st.html(images.triples(training.clean, training.changed, training.words, size=88))
    st.markdown("**Test images, with the trigger**")
    st.html(images.triples(test.clean, test.changed, test.words, size=88, names=("clean", "triggered")))


def _fetch(experiment: Experiment) -> None:
    try:
        preview.sample(experiment, fetch=True)
    except PoisonscopeError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _offer(experiment: Experiment) -> None:
    from core import estimate

    known = queueing.twin(experiment)
    if known is not None:
        words = "is finished" if known.finished else "is on its way"
        st.info(f"This very experiment {words}: nothing needs to be computed again.", icon=":material/task_alt:")
        if st.button("Open that run", type="primary", width="stretch", key="same"):
            routes.open_run(known.id)
        if st.button("Run it with another seed", width="stretch"):
            queueing.start(queueing.reseeded(experiment.model_dump(mode="json")), "lab-again")
        return
    trainings = _trainings(experiment)
    models = "1 model" if trainings == 1 else f"{trainings} models"
    if st.button("Run attack and defense", type="primary", width="stretch", key="run"):
        queueing.start(experiment, "lab")
    machine = html.escape(cache.machine().device or "this machine")
    say.small_html(f"About <b>{chips.duration(estimate.seconds(experiment))}</b> on {machine}, {models} to train.")
    say.small("The address bar holds the whole form: copy it to share.")


def _trainings(experiment: Experiment) -> int:
    from core.steps import plan

    # Which data are trained on does not change the number, and the drawn ones need no look at any file.
    drawn = parse({"data": state.DRAWN}).data
    return sum(step.kind == "train" for step in plan(experiment.model_copy(update={"data": drawn})))
