"""The charts of an attack on one chosen image, kept between reruns."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app import cache
from app.components import pair
from core.charts import targeted
from core.charts.chart import Chart
from core.charts.targeted import Choice
from core.home import home
from core.runs.trials import Pair

Make = Callable[[Choice], Chart | None]


@st.cache_resource(max_entries=48, show_spinner=False)
def _kept(folder: str, what: str, settings: tuple[Any, ...], _look: Choice, _make: Make) -> Chart | None:
    return _make(_look)


def _chart(what: str, look: Choice, settings: tuple[Any, ...], make: Make) -> Chart | None:
    """A chart from memory; `settings` names everything that it depends on beside the arm and the size."""
    return _kept(str(home()), what, (look.arm, look.big, *settings), look, make)


def outcomes(look: Choice, found: list[Pair]) -> Chart:
    """Every trial of the run with the chosen arm."""
    told = [(p["key"], p["victim"], p["counted"], p["predicted"].get(look.arm), p["probability"]) for p in found]
    settings = repr(told), look.seen.poison_key, look.seen.victim
    chart = _chart("outcomes", look, settings, lambda look: targeted.outcomes(look, found))
    assert chart is not None
    return chart


def crafting(look: Choice) -> Chart | None:
    """The crafting loss of the chosen key; None where the attack recorded none."""
    return _chart("crafting", look, cache.step_keys(look.seen, "poison"), targeted.crafting)


def alignment(look: Choice) -> Chart | None:
    """How the poisons' gradient aligns with the target's in the victims of the chosen key; None while none is done."""
    seen = [cache.view(look.run, look.seen.poison_key, victim) for victim in pair.victims(look.run)]
    keys = tuple(cache.step_keys(one, "train", arm=look.arm)[0] for one in seen)
    return _chart("alignment", look, keys, targeted.alignment)


def learned(look: Choice) -> Chart | None:
    """What the victims made of the target while they learned: a small plot a key, or a victim of the only key."""
    seen = look.everywhere()
    trained = tuple(cache.step_keys(one, "train", arm=look.arm)[0] for one in seen)
    controls = tuple(cache.step_keys(one, "measure", arm="control")[0] for one in seen)
    return _chart("learned", look, (*trained, *controls), targeted.learned)


def distances(look: Choice) -> Chart | None:
    """How near base images and poisons are to the target, in the eyes of the chosen victim; None while unknown."""
    return _chart("distances", look, cache.step_keys(look.seen, "distances"), targeted.distances)
