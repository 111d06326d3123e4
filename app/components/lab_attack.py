"""The Lab's choice of an attack: triggers first, its fields in groups, and what it shares with nothing else."""

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import forms
from app.components import say
from core import describe, registry, settings
from core.errors import PoisonscopeError

FAMILIES = {
    "trigger": "Stamps a trigger: whoever shows it at test time decides what is read.",
    "targeted": "Crafts poisons against one test image: no trigger, right labels, changes of at most epsilon.",
    "noise": "Changes labels and no pixel.",
    "imported": "Takes poisons from a file.",
    "given": "Poisons nothing: the images may have come poisoned.",
}
"""What the attacks of a family do, in the order in which they are offered."""

KNOWS = ("knowledge", "surrogates", "surrogate_model")
"""What an attacker knows, and the networks that come of it."""


def ordered() -> list[str]:
    """All attacks: by family, then by title."""
    families = list(FAMILIES)

    def place(name: str) -> tuple[int, str]:
        cls = _class(name)
        return (families.index(cls.family) if cls.family in families else len(families)), str(cls.title)

    return sorted(registry.names("attacks"), key=place)


def choose(old: dict[str, Any] | None, prefix: str, known: forms.Known) -> tuple[dict[str, Any] | None, DeltaGenerator]:
    """The picker and the fields of what was picked.

    Returns:
        (the attack's settings, None where nothing attacks; a place near the picker for what speaks against it).
    """
    names = [settings.NO_ATTACK, *ordered()]
    titles = {name: describe.title("attacks", None if name == settings.NO_ATTACK else {"name": name}) for name in names}
    current = old["name"] if old else settings.NO_ATTACK
    name = st.selectbox(
        "Attack", names, index=names.index(current), format_func=titles.__getitem__, key=f"{prefix}:name"
    )
    if name == settings.NO_ATTACK:
        return None, st.empty()
    cls = _class(name)
    say.small_html(f"<b>{html.escape(FAMILIES.get(cls.family, ''))}</b> {html.escape(cls.summary)}")
    slot = st.empty()
    values = old if old and name == current else settings.defaults("attacks", name)

    def needed(field: str, held: Mapping[str, Any]) -> bool:
        return _needed(cls, field, held)

    held = forms.draw(cls, values, f"{prefix}.{name}", known, groups=_groups(cls), needed=needed)
    return {"name": name, **held}, slot


def clash(attack: dict[str, Any] | None, scenario: str) -> str:
    """Why an attack makes no sense in a scenario, in one sentence; empty where it does or cannot be told yet."""
    if attack is None:
        return ""
    fields = {key: value for key, value in attack.items() if key != "name"}
    try:
        whole = _class(attack["name"]).model_validate(fields)
    except (ValueError, PoisonscopeError):
        return ""  # said at the field that is wrong
    try:
        whole.check(scenario)
    except ValueError as error:
        return f"This does not go together: {error}."
    return ""


def _groups(cls: Any) -> dict[str, list[str]]:
    """Fields that stand together, by the title above them."""
    if cls.family != "targeted":
        return {}
    from core.attacks.targeted import Targeted

    crafting = [
        name
        for name, field in cls.model_fields.items()
        if name not in Targeted.model_fields and not (field.json_schema_extra or {}).get("advanced")
    ]
    return {"What the attacker knows": list(KNOWS), "How the poisons are crafted": crafting}


def _needed(cls: Any, field: str, held: Mapping[str, Any]) -> bool:
    """Whether a field changes anything, given the ones above it."""
    if cls.family == "noise" and field.endswith("_class"):
        return held.get("mode") == "fixed"
    if cls.family != "targeted" or field not in KNOWS:
        return True
    if field == "surrogates":
        return "surrogates" in cls.needs or "recipe" in cls.needs
    if "surrogates" not in cls.needs:
        return False
    return field != "surrogate_model" or held.get("knowledge") == "black_box"


def _class(name: str) -> Any:
    return registry.load("attacks", name)
