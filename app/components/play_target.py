"""The Play page of an attack on one chosen image: nothing to stamp, but what every model makes of that image."""

from typing import Any

import numpy as np
import streamlit as st

from app.components import frame, pair, play_answers, say
from app.components.images import Tile, wall
from core.figures import palette
from core.runs.store import Run
from core.runs.view import RunView
from core.verdict import percent

TARGET = 160
"""Width of the target on screen, in pixels."""


def panel(run: Run) -> None:
    """The target, and what the models of one trial read."""
    say.empty(
        "There is nothing to stamp",
        "This attack has no trigger: its poisons make the model misread one chosen picture, exactly as it is. Below is "
        "that picture, and what every model reads. A trigger to try has one of the runs at the end of this page.",
    )
    if not frame.truth():
        say.small("Which picture it is only the attacker knows: switch on “Reveal truth” in the sidebar to see it.")
        return
    seen = pair.pick(run)
    trial = next(
        (
            each
            for each in (run.result or {}).get("pairs", [])
            if (each["key"], each["victim"]) == (seen.poison_key, seen.victim)
        ),
        None,
    )
    images, names = seen.array("data", "test_images"), seen.class_names
    if trial is None or images is None or names is None or not 0 <= trial["target"] < len(images):
        say.small("The picture and its answers are there when the run is finished.")
        return
    left, right = st.columns([2, 5], gap="large")
    true, wanted = names[trial["true"]], names[trial["wanted"]]
    with left:
        said = f"{true}, to be read as {wanted}"
        st.html(wall([Tile(np.array(images[trial["target"]]), said, f"The target: {said}")], TARGET))
    with right:
        arms = _arms(seen, trial)
        st.html(f'<div class="ps-play">{"".join(_card(trial, arm, arms, names) for arm in arms)}</div>')


def _arms(seen: RunView, trial: dict[str, Any]) -> list[str]:
    known = ["control", *(arm for arm in seen.arms if arm != "control" and not arm.endswith(tuple(palette.TWINS)))]
    return [arm for arm in known if arm in trial["predicted"]]


def _card(trial: dict[str, Any], arm: str, arms: list[str], names: list[str]) -> str:
    label, wanted = int(trial["predicted"][arm]), int(trial["wanted"])
    state = "right" if label == trial["true"] else "fooled" if label == wanted else "wrong"
    sure = trial["probability"].get(arm)
    words = "" if sure is None else f"{percent(sure)} for “{names[wanted]}”"
    return play_answers.card(arm, arms, state, names[label], words)
