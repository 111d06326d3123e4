"""A whole experiment as the few settings in which it differs from a preset: what a link or a command line holds."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core import presets, registry, toml
from core.errors import PoisonscopeError
from core.spec import parse

CHOICES = {"data": "datasets", "model": "models", "attack": "attacks"}
"""Parts of an experiment that are one component, and the kind that they are chosen from."""
TABLES = ("training", "analysis", "pretraining")
PLAIN = ("keys", "victims", "seed", "device", "scenario")
NO_ATTACK = "none"
DRAWN = "signs"
"""The data set that needs nothing from anybody."""
UNNAMED = "not named yet"
"""Stands for what only the person can say while everything else is checked."""

Form = dict[str, Any]
"""An experiment's whole mapping: every setting, defaults written out."""


def whole(content: Mapping[str, Any]) -> Form:
    """Every setting of an experiment, defaults written out.

    Raises:
        SpecError: the mapping is no legal experiment.
    """
    return parse(dict(content)).model_dump(mode="json")


def defaults(kind: str, name: str) -> dict[str, Any]:
    """A component's settings when nothing is said, its name among them; what must be said is empty."""
    fields = {
        key: "" if field.is_required() else field.get_default(call_default_factory=True)
        for key, field in registry.load(kind, name).model_fields.items()  # type: ignore[attr-defined]
    }
    return {"name": name, **json.loads(json.dumps(fields, default=str))}


def encoded(value: Any) -> str:
    """A setting as the text of a link: JSON, but plain words without quotes."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, separators=(",", ":"))


def decoded(text: str) -> Any:
    """The opposite of `encoded`."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def link(form: Form, preset: Form) -> dict[str, str]:
    """The settings in which a form differs from its preset, by path, such as `attack.poison_fraction`.

    A component other than the preset's is named (`attack=badnets`) and compared with that component's own defaults.
    """
    told: dict[str, str] = {}
    for part, kind in CHOICES.items():
        _component(told, part, kind, form[part], preset[part])
    mine = {defense["name"]: defense for defense in form["defenses"]}
    theirs = {defense["name"]: defense for defense in preset["defenses"]}
    if list(mine) != list(theirs):
        told["defenses"] = ",".join(mine) or NO_ATTACK
    for name, defense in mine.items():
        _fields(told, f"defenses.{name}", defense, theirs.get(name) or defaults("defenses", name))
    for table in TABLES:
        _fields(told, table, form[table], preset[table])
    _fields(told, "", {key: form[key] for key in PLAIN}, preset)
    return told


def _component(told: dict[str, str], part: str, kind: str, mine: Any, theirs: Any) -> None:
    name = mine["name"] if mine else NO_ATTACK
    if name != (theirs["name"] if theirs else NO_ATTACK):
        told[part] = name
        theirs = defaults(kind, name) if mine else None
    if mine:
        _fields(told, part, mine, theirs)


def _fields(told: dict[str, str], prefix: str, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    for key, value in mine.items():
        path, other = f"{prefix}.{key}" if prefix else key, theirs.get(key)
        if isinstance(value, dict) and isinstance(other, dict) and "name" not in value:
            _fields(told, path, value, other)  # a table in a table; a component in one goes as a whole
        elif key != "name" and value != other:
            told[path] = encoded(value)


def read(parameters: Mapping[str, str], preset: Form) -> tuple[Form, list[str]]:
    """A form from a link, and a sentence for everything in the link that had to be dropped.

    Args:
        parameters: of the link; unknown ones that carry no dot are somebody else's and are left alone.
        preset: the form that the link builds on.

    Returns:
        (form, notes). The form is always legal as far as the preset is.
    """
    notes: list[str] = []
    form = _chosen(parameters, preset, notes)
    settings = [(path, decoded(text)) for path, text in parameters.items() if _is_setting(path)]
    together = _with(form, settings)
    if together is not None and (legal := _legal(together)) is not None:
        return legal, notes
    # Two settings may be legal only together, so what failed in the first pass gets a second chance.
    waiting = settings
    for _ in range(2):
        failed = []
        for path, value in waiting:
            trial = _with(form, [(path, value)])
            legal = _legal(trial) if trial is not None else None
            if legal is None:
                failed.append((path, value))
            else:
                form = legal
        waiting = failed
    notes += [f"{path}={encoded(value)[:40]} is not a legal setting here and was left out." for path, value in waiting]
    return form, notes


def belongs_to_form(parameter: str) -> bool:
    """Whether a parameter of a link is the form's, and not a page's own switch."""
    return parameter in {*CHOICES, "preset", "defenses"} or _is_setting(parameter)


def _is_setting(path: str) -> bool:
    return path in PLAIN or ("." in path and path.split(".", 1)[0] in {*CHOICES, *TABLES, "defenses"})


def _chosen(parameters: Mapping[str, str], preset: Form, notes: list[str]) -> Form:
    """The preset with the components that the link names, each at its defaults where it is not the preset's."""
    form: Form = json.loads(json.dumps(preset))
    for part, kind in CHOICES.items():
        name = parameters.get(part)
        if name is None or name == (form[part] or {}).get("name", NO_ATTACK):
            continue
        if part == "attack" and name == NO_ATTACK:
            form[part] = None
        elif name in registry.names(kind):
            form[part] = defaults(kind, name)
        else:
            notes.append(f"There is no {name[:40]!r} among the {kind}; the preset's was kept.")
    if "defenses" in parameters:
        form["defenses"] = _defenses(parameters["defenses"], form["defenses"], notes)
    return form


def _defenses(text: str, present: list[dict[str, Any]], notes: list[str]) -> list[dict[str, Any]]:
    by_name = {defense["name"]: defense for defense in present}
    chosen = {}
    for name in filter(None, text.split(",")):
        if name in registry.names("defenses"):
            chosen[name] = by_name.get(name) or defaults("defenses", name)
        elif name != NO_ATTACK:
            notes.append(f"There is no {name[:40]!r} among the defenses; it was left out.")
    return list(chosen.values())


def _with(form: Form, settings: Iterable[tuple[str, Any]]) -> Form | None:
    """A copy of the form after assignments; None where a path leads nowhere."""
    result: Form = json.loads(json.dumps(form))
    for path, value in settings:
        *folders, last = path.split(".")
        place: Any = result
        for folder in folders:
            if isinstance(place, list):
                place = next((item for item in place if item["name"] == folder), None)
            else:
                place = place.get(folder)
        if not isinstance(place, dict) or last == "name" or last not in place:
            return None
        place[last] = value
    return result


def _legal(form: Form) -> Form | None:
    """The form as the experiment would write it, or None where it is not one. Data may still wait to be named."""
    data, waiting = form["data"], _waiting(form["data"])
    try:
        legal = whole({**form, "data": {**data, **dict.fromkeys(waiting, UNNAMED)}})
    except PoisonscopeError:
        return None
    return {**legal, "data": {**legal["data"], **dict.fromkeys(waiting, "")}}


def _waiting(data: Mapping[str, Any]) -> list[str]:
    """Settings of a data set that only the person can give, such as a path, and has not."""
    fields = registry.load("datasets", data["name"]).model_fields  # type: ignore[attr-defined]
    return [key for key, field in fields.items() if field.is_required() and not data.get(key)]


def preset_form(content: Mapping[str, Any]) -> Form:
    """The form that a preset starts with; data that the person has yet to name stay open.

    Raises:
        SpecError: the preset is illegal beyond that.
    """
    data = content.get("data", DRAWN)
    data = {"name": data} if isinstance(data, str) else data
    form = {**content, "data": data}
    legal = _legal(form) if data.get("name") in registry.names("datasets") else None
    return whole(content) if legal is None else legal


def command(form: Form, presets: Mapping[str, Form]) -> list[str] | None:
    """The shortest command line that repeats an experiment from a preset.

    Returns:
        Words for a shell, unquoted; None where no preset leads there by plain assignments.
    """
    best: list[str] | None = None
    for name, preset in presets.items():
        told = link(form, preset)
        if any(path.startswith("defenses.") for path in told) or NO_ATTACK in (
            told.get("attack"),
            told.get("defenses"),
        ):
            continue
        words = [name]
        for path, text in told.items():
            words += ["--set", f"{path}=[{text}]" if path == "defenses" else f"{path}={text}"]
        if best is None or len(words) < len(best):
            best = words
    return best and ["python", "-m", "core", "run", *best]


def shortest(form: Form) -> list[str] | None:
    """As `command`, from the presets that come with Poisonscope."""
    return command(form, {name: preset_form(presets.load(name).content) for name in presets.names()})


def as_toml(form: Form) -> str:
    """A whole experiment as the file that the command line reads."""
    return toml.text({**form, "attack": form["attack"] or NO_ATTACK})
