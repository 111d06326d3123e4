"""A spec model as widgets: range, unit, help and folding come from the model's own fields."""

import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.spec import Part

SHARES = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.015,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.6,
    0.75,
    1.0,
)
"""Stops of a slider of a fraction: fine where budgets are small."""
SLIDER_STEPS = 300
"""Whole numbers with more legal values than this get a box to type in instead of a slider."""
NAMES = {
    "poison_fraction": "Poison rate",
    "keys": "Draws of the poisons",
    "victims": "Models per arm",
    "train": "Training images",
    "test": "Test images",
}
WIDE = ("poison_fraction", "path")
"""Fields that need the whole width: their values are long."""


@dataclass(frozen=True)
class Known:
    """What the form knows beyond the models: names for class numbers, and how many training rows there are."""

    class_names: Sequence[str] = ()
    rows: int | None = None


def label(name: str, unit: str = "") -> str:
    """A field's name on screen, its unit behind it."""
    words = NAMES.get(name) or name.replace("_", " ").capitalize()
    shown = "%" if unit == "fraction" else unit
    return f"{words} ({shown})" if shown and shown not in words.lower() else words


def draw(cls: type[Part], values: dict[str, Any], prefix: str, known: Known) -> dict[str, Any]:
    """Widgets for every field of a model, advanced ones folded; returns what they hold.

    Args:
        cls: the model.
        values: what to start from; fields that are missing start at their default.
        prefix: of the widgets' keys; another prefix is another form.
        known: see `Known`.
    """
    plain = {name: field for name, field in cls.model_fields.items() if not _extra(field).get("advanced")}
    folded = {name: field for name, field in cls.model_fields.items() if name not in plain}
    held: dict[str, Any] = {}
    slots: dict[str, Any] = {}

    def lay_out(fields: dict[str, FieldInfo]) -> None:
        places: list[Any] = []
        for name, field in fields.items():
            if name in WIDE:
                place = st.container()
            else:
                places = places or list(st.columns(2, gap="small", vertical_alignment="bottom"))
                place = places.pop(0)
            with place:
                held[name], slots[name] = _field(name, field, values, prefix, known)

    lay_out(plain)
    if folded:
        with st.expander("Advanced"):
            lay_out(folded)
    _complain(cls, held, slots)
    return held


def _complain(cls: type[Part], held: dict[str, Any], slots: dict[str, Any]) -> None:
    """Say at each widget what is wrong with it."""
    try:
        cls.model_validate(held)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = str(item["loc"][0]) if item["loc"] else next(iter(slots), "")
            message = (
                item["msg"].removeprefix("Value error, ") if held.get(name) not in ("", None) else "Still to be given."
            )
            if name in slots:
                slots[name].error(message, icon=":material/error:")


def _field(name: str, field: FieldInfo, values: dict[str, Any], prefix: str, known: Known) -> tuple[Any, Any]:
    value = values.get(name, None if field.is_required() else field.get_default(call_default_factory=True))
    held = widget(name, field, value, f"{prefix}.{name}", known)
    return held, st.empty()


def widget(name: str, field: FieldInfo, value: Any, key: str, known: Known) -> Any:
    """The widget of one field; returns what it holds."""
    kind, optional = _kind(field.annotation)
    shown: dict[str, Any] = {"label": label(name, _extra(field).get("unit", "")), "help": field.description, "key": key}
    if typing.get_origin(kind) is Literal:
        options = list(typing.get_args(kind))
        return st.selectbox(
            options=options, index=options.index(value) if value in options else 0, format_func=_words, **shown
        )
    if kind is bool:
        return st.toggle(value=bool(value), **shown)
    if kind in (int, float) and optional:
        return _optional_number(kind, field, value, shown)
    if (
        kind is int
        and name.endswith("_class")
        and known.class_names
        and isinstance(value, int)
        and value < len(known.class_names)
    ):
        numbers = list(range(len(known.class_names)))
        return st.selectbox(options=numbers, index=value, format_func=lambda n: f"{n}: {known.class_names[n]}", **shown)
    if kind is int:
        return _whole(field, value, shown)
    if kind is float:
        return (
            _share(name, field, value, shown, known)
            if _extra(field).get("unit") == "fraction"
            else _real(field, value, shown)
        )
    if typing.get_origin(kind) is tuple:
        text = st.text_input(value=", ".join(map(str, value or ())), placeholder="one, two, three", **shown)
        return [part.strip() for part in text.split(",") if part.strip()]
    text = "" if value is None else str(value)
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return st.color_picker(value=text, **shown)
    return st.text_input(value=text, **shown)


def _whole(field: FieldInfo, value: Any, shown: dict[str, Any]) -> int:
    low, high = _bounds(field, 1)
    start = int(value) if value is not None else int(low or 0)
    if low is not None and high is not None and high - low <= SLIDER_STEPS:
        return int(st.slider(min_value=int(low), max_value=int(high), value=start, **shown))
    return int(st.number_input(min_value=_int(low), max_value=_int(high), value=start, step=1, **shown))


def _real(field: FieldInfo, value: Any, shown: dict[str, Any]) -> float:
    low, high = _bounds(field, 0)
    if low == 0 and high == 1:
        return float(st.slider(min_value=0.0, max_value=1.0, value=float(value), step=0.01, **shown))
    return float(st.number_input(min_value=low, max_value=high, value=float(value), step=None, format="%g", **shown))


def _share(name: str, field: FieldInfo, value: Any, shown: dict[str, Any], known: Known) -> float:
    low, high = _bounds(field, 0)
    stops = sorted({share for share in SHARES if (low or 0) <= share <= (1 if high is None else high)} | {float(value)})

    def words(share: float) -> str:
        rows = (
            f" = {max(1, round(share * known.rows)):,} of {known.rows:,} images"
            if known.rows and name == "poison_fraction"
            else ""
        )
        return f"{100 * share:g} %{rows}"

    return float(st.select_slider(options=stops, value=float(value), format_func=words, **shown))


def _optional_number(kind: type, field: FieldInfo, value: Any, shown: dict[str, Any]) -> Any:
    low, high = _bounds(field, 1 if kind is int else 0)
    if kind is int:
        return st.number_input(
            min_value=_int(low), max_value=_int(high), value=value, step=1, placeholder="not set", **shown
        )
    return st.number_input(min_value=low, max_value=high, value=value, placeholder="not set", **shown)


def _bounds(field: FieldInfo, whole: int) -> tuple[float | None, float | None]:
    """Legal lowest and highest value; an open bound of whole numbers is closed one further in."""
    low: float | None = None
    high: float | None = None
    for rule in field.metadata:
        low = getattr(rule, "ge", low)
        high = getattr(rule, "le", high)
        if (above := getattr(rule, "gt", None)) is not None:
            low = above + whole
        if (below := getattr(rule, "lt", None)) is not None:
            high = below - whole
    return (None if low is None else float(low)), (None if high is None else float(high))


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The type of a field without None, and whether None is legal."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return kinds[0], len(kinds) < len(typing.get_args(annotation))
    return annotation, False


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)


def _words(option: Any) -> str:
    return str(option).replace("_", " ")


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
