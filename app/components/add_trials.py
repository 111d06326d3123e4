"""More keys and more victims for a finished run: a larger run of the same experiment, in which only the rest is new."""

import streamlit as st

from app import queueing, routes
from app.ahead import ahead, told
from app.components import say
from core.errors import PoisonscopeError
from core.given import is_given
from core.runs.store import Run
from core.spec import Experiment, parse

MOST = 100
"""Keys, and victims, that an experiment may have."""
PART = r"\d+ keys?, \d+ victims?|\d+ victims?"
HELP = {
    "keys": "A key is an independent draw of the attack: other poisons and, where one image is attacked, another one.",
    "victims": "A victim is a model with a seed of its own; every arm gets as many. One model is one draw.",
}


def panel(run: Run) -> None:
    """The whole section of a finished run; nothing where the data are what they are, and nothing can be drawn anew."""
    if is_given(run.spec):
        return
    try:
        experiment = parse({**run.spec, "name": run.name})
    except PoisonscopeError:
        return  # "Do it again" says why
    say.section("More trials")
    say.small(
        "One draw may be luck. Add keys or victims: the larger run finds everything that this one computed, and only "
        "what is new is computed."
    )
    st.fragment(_form)(run, experiment)


def _form(run: Run, experiment: Experiment) -> None:
    first, second, beside = st.columns([2, 2, 5], gap="medium", vertical_alignment="bottom")
    more = {"victims": _more("Add victims", experiment, "victims", second if experiment.attack else first, run)}
    if experiment.attack is not None:
        more["keys"] = _more("Add keys", experiment, "keys", first, run)
    larger = experiment.model_copy(update={name: getattr(experiment, name) + count for name, count in more.items()})
    if not any(more.values()):
        beside.button("Run with more trials", disabled=True, key="more-now", icon=":material/add:")
        say.small(f"Now: {size(experiment)}.")
        return
    larger = larger.model_copy(update={"name": queueing.renamed(run.name, size(larger), PART)})
    known = queueing.twin(larger)
    if known is not None:
        if beside.button("Open that run", key="more-known", icon=":material/open_in_new:"):
            routes.open_run(known.id)
        say.small(f"A run with {size(larger)} {'is finished' if known.finished else 'is on its way'} already.")
        return
    pressed = beside.button(f"Run with {size(larger)}", key="more-now", icon=":material/add:")
    _cost(larger)
    if pressed:
        queueing.start(larger, f"more-{run.id}")


def _more(label: str, experiment: Experiment, name: str, place: st.delta_generator.DeltaGenerator, run: Run) -> int:
    room = MOST - getattr(experiment, name)
    key = f"more-{name}-{run.id}"
    return int(place.number_input(label, min_value=0, max_value=room, value=0, step=1, key=key, help=HELP[name]))


def _cost(larger: Experiment) -> None:
    try:
        cost = ahead([larger])
    except PoisonscopeError as error:
        say.error(error)
        return
    steps = f"{cost.ready:,} of {cost.ready + cost.missing:,} steps"
    say.small_html(f"{told(cost)}. {steps} are computed already and only read again.")


def size(experiment: Experiment) -> str:
    """Keys and victims in words; keys mean nothing without an attack."""
    victims = f"{experiment.victims} victim{'s' * (experiment.victims > 1)}"
    return f"{experiment.keys} key{'s' * (experiment.keys > 1)}, {victims}" if experiment.attack else victims
