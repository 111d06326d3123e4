"""The Lab's choice of what victims start from, and of how often everything is tried."""

from typing import Any

import streamlit as st

from app import forms
from app.components import say
from core import describe, registry, settings
from core.spec import Experiment, Pretraining, Training

SCENARIOS = {
    "from_scratch": ("From scratch", "New weights; every layer learns. The hardest case for an attacker."),
    "fine_tune": ("Fine-tune", "Pretrained weights; every layer goes on learning."),
    "transfer": ("Transfer", "Pretrained layers stay frozen; only a new last layer learns."),
}
SAME = ":same"
"""Stands for a part of the same images where a data set is chosen; no data set is called so."""
SAID_SAME = "A part of the same images, which victims never see"
FEW = 20
"""Trials of an attack on single images below which a rate says little."""
TRIALS = {
    "keys": "Independent draws of the attack: other poisons, and where one test image is attacked, another one. A rate "
    "over several keys says what the attack does, and not what one lucky draw did.",
    "victims": "Models trained per arm, each with its own seed: one model is one draw as well.",
}


def scenario(old: str, key: str) -> str:
    """From new weights, from pretrained ones, or on frozen features."""
    names = list(SCENARIOS)
    return str(
        st.radio(
            "Victims start",
            names,
            index=names.index(old) if old in names else 0,
            format_func=lambda name: SCENARIOS[name][0],
            captions=[words for _, words in SCENARIOS.values()],
            key=key,
            help="Where the weights come from before a victim sees its first, perhaps poisoned, image.",
        )
    )


def pretraining(old: dict[str, Any], prefix: str, known: forms.Known) -> dict[str, Any]:
    """Where pretrained weights come from: which images, and which training."""
    fields = Pretraining.model_fields
    names = [SAME, *registry.names("datasets")]
    current = old["data"]["name"] if old["data"] else SAME
    titles = {name: SAID_SAME if name == SAME else describe.title("datasets", {"name": name}) for name in names}
    name = st.selectbox(
        "Pretrained on",
        names,
        index=names.index(current),
        format_func=titles.__getitem__,
        key=f"{prefix}.data:name",
        help="The images on which the network is trained, without poison, before it is handed to the victims.",
    )
    held = {"data": None, "part": old["part"]}
    if name == SAME:
        held["part"] = forms.widget("pretrained_part", fields["part"], old["part"], f"{prefix}.part", known)
    else:
        values = old["data"] if name == current else settings.defaults("datasets", name)
        drawn = forms.draw(registry.load("datasets", name), values, f"{prefix}.data.{name}", forms.Known())
        held["data"] = {"name": name, **drawn}
    with st.expander("How it is pretrained"):
        held["training"] = forms.draw(Training, old["training"], f"{prefix}.training", known)
        held["defended"] = forms.widget("defended", fields["defended"], old["defended"], f"{prefix}.defended", known)
    return held


def trials(old: dict[str, Any], attack: dict[str, Any] | None, prefix: str, known: forms.Known) -> dict[str, Any]:
    """Keys, victims and the seed, and what a rate will be counted over."""
    fields = Experiment.model_fields
    held: dict[str, Any] = {"keys": old["keys"]}  # which mean nothing without an attack, and are kept
    shown = [name for name in ("keys", "victims", "seed") if attack is not None or name != "keys"]
    for name, place in zip(shown, st.columns(3, gap="small"), strict=False):
        with place:
            key, help = f"{prefix}.{name}", TRIALS.get(name, "")
            held[name] = forms.widget(name, fields[name], old[name], key, known, help)
    if attack is not None:
        say.small(_counted(attack["name"], held["keys"], held["victims"]))
    return held


def _counted(attack: str, keys: int, victims: int) -> str:
    product = f"{keys} {'key' if keys == 1 else 'keys'} × {victims} {'victim' if victims == 1 else 'victims'}"
    if getattr(registry.load("attacks", attack), "family", "") != "targeted":
        models = "1 model" if keys * victims == 1 else f"{keys * victims:,} models"
        return f"{product}: {models} per arm, each judged on all test images that the attack wants."
    trials = keys * victims
    few = f" Below {FEW} it says little." if trials < FEW else ""
    return f"{product}: success is counted over {trials:,} {'trial' if trials == 1 else 'trials'}.{few}"
