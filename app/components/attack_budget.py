"""What an attacker may spend: a preset to play on, a number of poisons, and how strong each of them is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import preview
from app.components import say
from core import estimate, presets, settings
from core.errors import PoisonscopeError
from core.runs import labels
from core.spec import Experiment, parse

COUNTS = (1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 60, 90, 120, 180, 240, 300, 450, 600)
"""Budgets in rows; the preset's own is among them."""
LARGEST = 0.1
"""Share of the training set that a budget is at most: more than that is no longer hidden."""
STRENGTHS: dict[str, tuple[float, ...]] = {
    "epsilon": (2, 4, 8, 12, 16, 24, 32, 64),
    "size": (1, 2, 3, 4, 5, 6, 8),
    "opacity": (0.1, 0.2, 0.3, 0.5, 0.75, 1.0),
}
"""Settings that say how strong one poison is, the first that an attack has; and values to choose from."""
ASKED = {"epsilon": "Epsilon (largest change of a pixel, of 255)", "size": "Side of the patch (pixels)"}


@dataclass(frozen=True)
class Spent:
    """What somebody wants to spend.

    Attributes:
        preset: the game: data, network, training, trials and defenses.
        experiment: the whole of it.
        rows: rows of the training set.
        poisons: the budget.
        strength: how strong a poison is, in words; empty where the attack has no such setting.
    """

    preset: presets.Preset
    experiment: Experiment
    rows: int
    poisons: int
    strength: str


def games() -> dict[str, presets.Preset]:
    """Presets that anybody can play: with an attack that has a budget, on images that need not be brought."""
    found = {name: presets.load(name) for name in presets.names()}
    return {name: preset for name, preset in found.items() if not preset.needs and "poison_fraction" in _attack(preset)}


def _attack(preset: presets.Preset) -> dict[str, Any]:
    attack = settings.preset_form(preset.content)["attack"]
    return dict(attack) if attack else {}


def choose() -> Spent:
    """Three boxes, all of them in the link.

    Raises:
        PoisonscopeError: the images cannot be read.
    """
    offered = games()
    game = _box("Play on", list(offered), "game", presets.DEFAULT, lambda name: offered[name].title)
    preset = offered[game]
    form = settings.preset_form(preset.content)
    rows = _rows(parse(form))
    own = round(form["attack"]["poison_fraction"] * rows)
    counts = sorted({own, *(count for count in COUNTS if count <= LARGEST * rows)})
    poisons = int(_slider("Budget: poisoned rows", counts, "budget", own))
    say.small(f"{poisons:,} of {rows:,} training images, {100 * poisons / rows:.2g} %.")
    attack = {**form["attack"], "poison_fraction": poisons / rows}
    name = next((name for name in STRENGTHS if name in attack), None)
    if name is not None:
        values = [value for value in sorted({attack[name], *STRENGTHS[name]}) if _legal(form, {**attack, name: value})]
        attack[name] = _slider(ASKED.get(name, name.capitalize()), values, "strength", attack[name])
    experiment = parse({**form, "attack": attack})
    words = labels.words("attacks", form["attack"] | attack, [name] if name else [])
    parts = [preset.title, f"{poisons:,} poison{'s' * (poisons != 1)}", words]
    title = " · ".join(filter(None, parts))[:80]
    return Spent(preset, experiment.model_copy(update={"name": title}), rows, poisons, words)


def _rows(experiment: Experiment) -> int:
    return preview.sample(experiment).rows or estimate.victims_rows(experiment)


def _legal(form: settings.Form, attack: dict[str, Any]) -> bool:
    try:
        parse({**form, "attack": attack})
    except PoisonscopeError:
        return False
    return True


def _box(label: str, options: list[str], key: str, first: str, words: Callable[[str], str]) -> str:
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return str(st.selectbox(label, options, options.index(first), format_func=words, key=key, bind="query-params"))


def _slider(label: str, options: list[Any], key: str, first: Any) -> Any:
    if st.session_state.get(key) not in options:  # of another game, perhaps
        st.session_state.pop(key, None)
    return st.select_slider(label, options, first, format_func=lambda value: f"{value:g}", key=key, bind="query-params")
