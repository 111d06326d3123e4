"""A spec model as widgets: range, unit, help and folding come from the model's own fields."""

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core import describe, registry
from core.attacks import drawing
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
    "surrogates": "Surrogate networks",
    "surrogate_model": "Kind of surrogate",
    "setups": "List of set-ups",
    "part": "Part of each batch",
    "pretrained_part": "Part to pretrain on",
    "defended": "Pretrained with the defense",
    "train": "Training images",
    "test": "Test images",
}
WIDE = ("poison_fraction", "path", "knowledge")
"""Fields that need the whole width: their values are long."""
TYPED = ("epsilon", "keys", "victims", "surrogates")
"""Whole numbers that people have in mind: a box to type in, however few values are legal."""
SENTENCES = {
    "white_box": "White box: the very weights that the victim starts from",
    "grey_box": "Grey box: the kind of network and the data, but not the weights",
    "black_box": "Black box: the data only; it crafts on another kind of network",
}
"""Options whose names alone would not say enough."""
DRAWN = "drawn for every key"
"""What -1 stands for where a class may be drawn."""
CHOSEN_FROM = {"surrogate_model": "models"}
"""Fields that name a component, and of which kind."""


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


def draw(
    cls: type[Part],
    values: dict[str, Any],
    prefix: str,
    known: Known,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    needed: Callable[[str, Mapping[str, Any]], bool] = lambda name, held: True,
) -> dict[str, Any]:
    """Widgets for the fields of a model, advanced ones folded; returns what they hold.

    Args:
        cls: the model.
        values: what to start from; fields that are missing start at their default.
        prefix: of the widgets' keys; another prefix is another form.
        known: see `Known`.
        groups: fields that stand together under a title, below the others; they are never folded.
        needed: whether a field matters, given what those before it hold; one that does not is kept and not shown.
    """
    grouped = {name for names in (groups or {}).values() for name in names}
    alone = {name: field for name, field in cls.model_fields.items() if name not in grouped}
    plain = {name: field for name, field in alone.items() if not _extra(field).get("advanced")}
    folded = {name: field for name, field in alone.items() if name not in plain}
    held: dict[str, Any] = {}
    slots: dict[str, Any] = {}

    def lay_out(fields: dict[str, FieldInfo]) -> None:
        places: list[Any] = []
        for name, field in fields.items():
            if not needed(name, held):
                held[name] = _value(name, field, values)
                continue
            if name in WIDE:
                place = st.container()
            else:
                places = places or list(st.columns(2, gap="small", vertical_alignment="bottom"))
                place = places.pop(0)
            with place:
                held[name], slots[name] = _field(name, field, values, prefix, known)

    lay_out(plain)
    for title, names in (groups or {}).items():
        fields = {name: cls.model_fields[name] for name in names if name in cls.model_fields}
        if any(needed(name, held) for name in fields):
            st.markdown(f"**{title}**")
        lay_out(fields)
    if any(needed(name, held) for name in folded):
        with st.expander("Advanced"):
            lay_out(folded)
    else:
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
                slots[name].error(describe.markdown(message), icon=":material/error:")


def _field(name: str, field: FieldInfo, values: dict[str, Any], prefix: str, known: Known) -> tuple[Any, Any]:
    held = widget(name, field, _value(name, field, values), f"{prefix}.{name}", known)
    return held, st.empty()


def _value(name: str, field: FieldInfo, values: dict[str, Any]) -> Any:
    return values.get(name, None if field.is_required() else field.get_default(call_default_factory=True))


def widget(name: str, field: FieldInfo, value: Any, key: str, known: Known, help: str = "") -> Any:
    """The widget of one field, with its own words of help or others; returns what it holds."""
    kind, optional = _kind(field.annotation)
    shown: dict[str, Any] = {"label": label(name, _extra(field).get("unit", "")), "key": key}
    shown["help"] = help or field.description
    if typing.get_origin(kind) is Literal:
        options = list(typing.get_args(kind))
        if isinstance(value, str) and value not in options and str in typing.get_args(field.annotation):
            options.append(value)  # a text of its own, which only a link or another page can bring
        return st.selectbox(
            options=options, index=options.index(value) if value in options else 0, format_func=_words, **shown
        )
    if kind is bool:
        return st.toggle(value=bool(value), **shown)
    if kind in (int, float) and optional:
        return _optional_number(kind, field, value, shown)
    if name in CHOSEN_FROM:
        return _component(CHOSEN_FROM[name], value, shown)
    names = len(known.class_names)
    if kind is int and name.endswith("_class") and names and isinstance(value, int) and value < names:
        return _class(field, value, shown, known)
    if kind is int:
        return _whole(field, value, shown, typed=name in TYPED)
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


def _class(field: FieldInfo, value: int, shown: dict[str, Any], known: Known) -> int:
    """A class by number and name; -1 among them where that is legal."""
    first = -1 if _bounds(field, 1)[0] == -1 else 0
    numbers = list(range(first, len(known.class_names)))

    def words(number: int) -> str:
        return DRAWN if number < 0 else f"{number}: {known.class_names[number]}"

    return int(st.selectbox(options=numbers, index=value - first, format_func=words, **shown))


def _component(kind: str, value: Any, shown: dict[str, Any]) -> str:
    """A component by its title."""
    names = list(registry.names(kind))

    def words(name: str) -> str:
        return str(registry.load(kind, name).title)  # type: ignore[attr-defined]

    return str(
        st.selectbox(options=names, index=names.index(value) if value in names else 0, format_func=words, **shown)
    )


def _whole(field: FieldInfo, value: Any, shown: dict[str, Any], typed: bool) -> int:
    low, high = _bounds(field, 1)
    start = int(value) if value is not None else int(low or 0)
    if not typed and low is not None and high is not None and high - low <= SLIDER_STEPS:
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
    if str(option).startswith(drawing.PREFIX):
        return drawing.words(option)
    return SENTENCES.get(option) or str(option).replace("_", " ")


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
