"""The Lab's right side: what the poison looks like, how long the run will take, and the button."""

import streamlit as st

from app import preview, queueing, routes
from app.ahead import ahead, told
from app.components import images, say
from core.attacks.base import Attack
from core.attacks.targeted import Targeted
from core.errors import PoisonscopeError
from core.spec import Experiment

TARGET, BASE = 132, 88
"""Width of an image on screen, in pixels."""


def draw(experiment: Experiment | None, problem: str, usual_name: str, key: str) -> None:
    """The whole side.

    Args:
        experiment: what the form means; None where it means nothing yet.
        problem: why it means nothing, in one sentence.
        usual_name: of the run, unless the person gives another one.
        key: of the name's box.
    """
    if experiment is None:
        say.error(problem)
    else:
        shown(experiment)
    name = st.text_input("Run name", placeholder=usual_name, max_chars=80, key=key)
    if experiment is not None:
        _offer(experiment.model_copy(update={"name": name.strip() or usual_name}))
    else:
        st.button("Run attack and defense", type="primary", disabled=True, width="stretch")


def shown(experiment: Experiment) -> None:
    """What the poison of an experiment looks like, as far as that can be told before it runs."""
    attack = experiment.attack
    if attack is None:
        say.empty("No attack chosen", "Only the clean baseline will be trained.")
        return
    assert isinstance(attack, Attack)
    try:
        SHOWN[attack.family](attack, experiment, preview.sample(experiment))
    except preview.NotFetched as missing:
        say.empty("No preview yet", str(missing))
        if st.button("Download the images now", icon=":material/download:", width="stretch"):
            _fetch(experiment)
    except PoisonscopeError as error:
        say.error(error)


def _trigger(attack: Attack, experiment: Experiment, data: preview.Sample) -> None:
    training, test = preview.poisoned(attack, data, 1), preview.shown(attack, data, 2)
    st.markdown("**A training image, poisoned**")
    st.html(images.triples(training.clean, training.changed, training.words, size=BASE))
    st.markdown("**Test images, with the trigger**")
    st.html(images.triples(test.clean, test.changed, test.words, size=BASE, names=("clean", "triggered")))


def _target(attack: Attack, experiment: Experiment, data: preview.Sample) -> None:
    """What can be told of an attack on one image without crafting: whom it is after, and what it will change."""
    assert isinstance(attack, Targeted)
    key = preview.key_images(attack, data, experiment.seed)
    st.markdown("**The test image that is to be misread**" + (", key 1" if experiment.keys > 1 else ""))
    said = f"{key.true}, to be read as {key.wanted}"
    st.html(images.wall([images.Tile(key.target, said, f"The target: {said}")], size=TARGET))
    st.markdown(f"**{_which(key)}**")
    bases = [images.Tile(base, key.wanted, f"A training image of {key.wanted}") for base in key.bases]
    st.html(images.wall(bases, size=BASE))
    examples = "" if key.exact else " These are examples: which images are taken is decided when all of them are read."
    say.small(
        f"All are of the class “{key.wanted}” and keep that label; no pixel moves by more than {attack.epsilon} of "
        f"255. The changes are crafted in the run.{examples}"
    )


def _which(key: preview.KeyImages) -> str:
    if not key.exact:
        many = f"{key.poisons:,} training images" if key.poisons and key.poisons > 1 else "Training images"
        return f"{many} like these will be changed"
    if key.poisons == len(key.bases):
        return f"The training {'image' if key.poisons == 1 else 'images'} that will be changed"
    return f"{len(key.bases)} of the {key.poisons:,} training images that will be changed"


def _noise(attack: Attack, experiment: Experiment, data: preview.Sample) -> None:
    pairs = preview.poisoned(attack, data, 6)
    st.markdown("**Training images and their new labels**")
    tiles = [images.Tile(image, words, words) for image, words in zip(pairs.changed, pairs.words, strict=True)]
    st.html(images.wall(tiles, size=BASE))
    say.small("No pixel is changed, and test images are shown as they are.")


def _file(attack: Attack, experiment: Experiment, data: preview.Sample) -> None:
    pairs = preview.from_file(attack, data)
    if pairs is None:
        say.empty("No preview yet", "Poisons from a file are shown once a run has read the images that they belong to.")
        return
    st.markdown("**Poisons of the file, beside the images that they replace**")
    st.html(images.triples(pairs.clean, pairs.changed, pairs.words, size=BASE))


def _given(attack: Attack, experiment: Experiment, data: preview.Sample) -> None:
    say.empty(
        "Nothing is poisoned here", "The images are looked at as they come. “Bring your own” does that in one go."
    )


SHOWN = {"trigger": _trigger, "targeted": _target, "noise": _noise, "imported": _file, "given": _given}
"""How the attacks of a family are previewed."""


def _fetch(experiment: Experiment) -> None:
    try:
        preview.sample(experiment, fetch=True)
    except PoisonscopeError as error:
        say.error(error)
        return
    st.rerun()


def _offer(experiment: Experiment) -> None:
    known = queueing.twin(experiment)
    if known is not None:
        words = "is finished" if known.finished else "is on its way"
        st.info(f"This very experiment {words}: nothing needs to be computed again.", icon=":material/task_alt:")
        if st.button("Open that run", type="primary", width="stretch", key="same"):
            routes.open_run(known.id)
        if st.button("Run it with another seed", width="stretch"):
            queueing.start(queueing.reseeded(experiment.model_dump(mode="json")), "lab-again")
        return
    if st.button("Run attack and defense", type="primary", width="stretch", key="run"):
        queueing.start(experiment, "lab")
    try:
        say.small_html(f"{told(ahead([experiment]))}.")
    except PoisonscopeError as error:
        say.small(str(error))
    say.small("The address bar holds the whole form: copy it to share.")
