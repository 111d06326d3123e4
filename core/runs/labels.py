"""What components of an experiment are called where several stand beside each other: by what tells them apart."""

import json
from collections.abc import Sequence
from typing import Any

from core import registry, row_list
from core.axes import AXES
from core.describe import title
from core.errors import PoisonscopeError

Part = dict[str, Any]
"""A component of an experiment's mapping: its name and all settings."""

LEVELS = {
    "oblivious": "oblivious",
    "surrogate": "its surrogates know the defense",
    "step": "crafts through the defense’s step",
    "gradient_space": "hides in gradient space",
}
"""What `adaptive` means of an attack."""


def strengths(kind: str, parts: Sequence[Part], *, alone: Sequence[str] | None = None) -> list[str]:
    """What tells each of several components from the others of its name, such as `q 0.2`; empty where nothing does.

    Args:
        kind: `defenses` or `attacks`.
        parts: any number of them, of any names; equal ones are told alike.
        alone: settings that are said of one that is the only one of its name where they are not the default; all of
            them unless given.
    """
    return [
        words(kind, part, differing(kind, part, [one for one in parts if one["name"] == part["name"]], alone))
        for part in parts
    ]


def differing(kind: str, part: Part, same: Sequence[Part], alone: Sequence[str] | None) -> list[str]:
    """Settings of a component in which any of its name differ; if none do, those that are not the default."""
    apart = [name for name in part if any(one.get(name) != part.get(name) for one in same)]
    if apart:
        return apart
    usual = _defaults(kind, part["name"])
    return [name for name in part if name in usual and usual[name] != part[name] and (alone is None or name in alone)]


def words(kind: str, part: Part, settings: Sequence[str]) -> str:
    """Some settings of a component in words: `share 0.2, every 3 epochs`."""
    return ", ".join(_setting(kind, part, name) for name in settings if name in part)


def named(kind: str, part: Part, strength: str) -> str:
    """A component with what tells it from others: `EPIC · q 0.2`."""
    return " · ".join(filter(None, [title(kind, part), strength]))


def _setting(kind: str, part: Part, name: str) -> str:
    value = part[name]
    if name == "adaptive":
        return LEVELS.get(value, str(value))
    for axis in AXES:
        mine = axis.defense == part["name"] if kind == "defenses" else kind == "attacks" and axis.defense is None
        if mine and axis.setting == name and isinstance(value, int | float):
            return axis.named(value)
    said = name.replace("_", " ")
    if isinstance(value, bool):
        return said if value else f"no {said}"
    unit = _unit(kind, part["name"], name)
    if unit == row_list.UNIT:
        return row_list.said(value)
    return f"{said} {_value(value)}{unit if unit.startswith('/') else ''}"


def _value(value: Any) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    if isinstance(value, list):
        return " and ".join(map(_value, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "not set" if value is None else str(value).replace("_", " ") or "not set"


def _fields(kind: str, name: str) -> dict[str, Any]:
    """The settings that a component of this version has; none of one that it does not know."""
    try:
        return dict(registry.load(kind, name).model_fields)  # type: ignore[attr-defined]
    except PoisonscopeError:
        return {}


def _unit(kind: str, component: str, name: str) -> str:
    field = _fields(kind, component).get(name)
    extra = field.json_schema_extra if field is not None else None
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _defaults(kind: str, name: str) -> dict[str, Any]:
    fields = {key: field for key, field in _fields(kind, name).items() if not field.is_required()}
    usual = {key: field.get_default(call_default_factory=True) for key, field in fields.items()}
    found: dict[str, Any] = json.loads(json.dumps(usual, default=str))
    return found
