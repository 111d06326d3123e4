"""Lab: choose data, attack, defenses, network and training; see the poison at once; run it."""

import hashlib
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from app import forms, preview
from app.address import Address
from app.components import lab_attack, lab_setup, lab_side, say
from core import describe, presets, registry, settings
from core.errors import PoisonscopeError
from core.home import home
from core.spec import Analysis, Experiment, Training, parse

Kept = dict[str, Any]


def page() -> None:
    """The page."""
    kept = _restored()
    left, right = st.columns([11, 9], gap="large")
    with left:
        st.title("Lab")
        for note in kept["notes"]:
            say.warning(note, icon="link_off")
        _presets(kept)
        known = _known(kept["form"])
        form = _form(kept, known)
    experiment, problem = _checked(form)
    with right, st.container(key="lab-side"):
        lab_side.draw(experiment, problem, _name(kept, form), f"name:{kept['generation']}")
    kept["form"] = form
    _write_link(kept)
    # The form's upper half was drawn with what was known before its lower half was: once more, where that has changed.
    kept["again"] = not kept["again"] and _known(form) != known
    if kept["again"]:
        st.rerun()


# ---- the form's memory: the session, and the link


def _restored() -> Kept:
    """The form as the session or the link has it; a link that this page did not write itself wins."""
    kept: Kept | None = st.session_state.get("lab")
    if kept is None:
        told = Address(settings.belongs_to_form).told()
    elif (told := kept["address"].foreign()) is None:
        return kept
    notes = []
    name = told.get("preset", presets.DEFAULT)
    if name not in presets.names():
        notes.append(f"There is no preset {name[:40]!r}; the default one was taken.")
        name = presets.DEFAULT
    form, dropped = settings.read(told, settings.preset_form(presets.load(name).content))
    return _remember(name, form, notes + dropped)


def _remember(preset: str, form: settings.Form, notes: list[str]) -> Kept:
    # A new generation gives every widget a new key, so that it starts from the form and not from what it held before.
    before = st.session_state.get("lab")
    address = before["address"] if before else Address(settings.belongs_to_form)
    address.read()
    st.session_state["lab"] = {
        "preset": preset,
        "form": form,
        "notes": notes,
        "generation": before["generation"] + 1 if before else 1,
        "address": address,
        "again": False,
    }
    return st.session_state["lab"]


def _write_link(kept: Kept) -> None:
    """Put the form in the address bar: the preset, and what differs from it."""
    base = settings.preset_form(presets.load(kept["preset"]).content)
    kept["address"].write({"preset": kept["preset"], **settings.link(kept["form"], base)})


def _presets(kept: Kept) -> None:
    names = presets.names()
    known = {name: presets.load(name) for name in names}

    def change() -> None:
        name = st.session_state[key]
        _remember(name, settings.preset_form(presets.load(name).content), [])

    key = f"preset:{kept['generation']}"
    st.selectbox(
        "Start from",
        names,
        index=names.index(kept["preset"]),
        format_func=lambda name: known[name].title,
        key=key,
        on_change=change,
    )
    say.small(known[kept["preset"]].summary)


# ---- the form


def _form(kept: Kept, known: forms.Known) -> settings.Form:
    old, prefix = kept["form"], f"form:{kept['generation']}"
    form = dict(old)
    with st.container(border=True):
        say.section("1 · Data")
        form["data"] = _component("datasets", "Images", old["data"], f"{prefix}.data", known)
        _upload(
            "data", form["data"], "Or upload a folder of images as a zip: train/<class>/… and test/<class>/…", _images
        )
    with st.container(border=True):
        say.section("2 · Poison")
        form["attack"], beside_attack = lab_attack.choose(old["attack"], f"{prefix}.attack", known)
        _upload("attack", form["attack"], "Or upload the archive that a run exported, or a benchmark's files", _poisons)
    with st.container(border=True):
        say.section("3 · Defend")
        form["defenses"] = _defenses(old["defenses"], f"{prefix}.defenses", known)
    with st.container(border=True):
        say.section("4 · Train")
        form["model"] = _component("models", "Network", old["model"], f"{prefix}.model", known)
        form["scenario"] = lab_setup.scenario(old["scenario"], f"{prefix}.scenario")
        if clash := lab_attack.clash(form["attack"], form["scenario"]):
            for place in (beside_attack, st.container()):  # at both ends of what does not go together
                with place:
                    say.error(clash)
        if form["scenario"] != "from_scratch":
            form["pretraining"] = lab_setup.pretraining(old["pretraining"], f"{prefix}.pretraining", known)
            st.markdown("**How victims are trained**")
        form["training"] = forms.draw(Training, old["training"], f"{prefix}.training", known)
        form.update(lab_setup.trials(old, form["attack"], prefix, known))
        form.update(_experiment_fields(old, prefix, known))
    return form


def _known(form: settings.Form) -> forms.Known:
    """Class names and size of the data set, as far as it can be looked at now, whoever attacks it and how."""
    for scenario in (form["scenario"], "from_scratch"):
        experiment, _ = _checked({**form, "attack": None, "defenses": [], "scenario": scenario})
        if experiment is None:
            continue
        try:
            data = preview.sample(experiment)
        except PoisonscopeError:
            continue
        return forms.Known(data.train.class_names, data.rows)
    return forms.Known()


def _component(kind: str, label: str, old: dict[str, Any], prefix: str, known: forms.Known) -> dict[str, Any]:
    names = list(registry.names(kind))
    titles = {name: describe.title(kind, {"name": name}) for name in names}
    current = old["name"]
    name = st.selectbox(label, names, index=names.index(current), format_func=titles.__getitem__, key=f"{prefix}:name")
    cls: Any = registry.load(kind, name)
    if summary := getattr(cls, "summary", ""):
        say.small(summary)
    if caution := getattr(cls, "caution", ""):
        st.info(caution, icon=":material/science:")
    values = old if name == current else settings.defaults(kind, name)
    return {"name": name, **forms.draw(cls, values, f"{prefix}.{name}", known)}


def _defenses(old: list[dict[str, Any]], prefix: str, known: forms.Known) -> list[dict[str, Any]]:
    names = list(registry.names("defenses"))
    classes: dict[str, Any] = {name: registry.load("defenses", name) for name in names}
    present = {defense["name"]: defense for defense in old}
    chosen = st.multiselect(
        "Defenses",
        names,
        default=list(present),
        format_func=lambda name: str(classes[name].title),
        key=f"{prefix}:names",
        placeholder="None",
    )
    result = []
    for name in chosen:
        say.small_html(f"<b>{html.escape(classes[name].title)}.</b> {html.escape(classes[name].summary)}")
        values = present.get(name) or settings.defaults("defenses", name)
        result.append({"name": name, **forms.draw(classes[name], values, f"{prefix}.{name}", known)})
    return result


def _experiment_fields(old: settings.Form, prefix: str, known: forms.Known) -> dict[str, Any]:
    fields, held = Experiment.model_fields, {}
    with st.expander("Device and analysis"):
        held["device"] = forms.widget("device", fields["device"], old["device"], f"{prefix}.device", known)
        held["analysis"] = forms.draw(Analysis, old["analysis"], f"{prefix}.analysis", known)
    return held


def _upload(part: str, held: dict[str, Any] | None, words: str, keep: Callable[[bytes], Path]) -> None:
    """Let a person bring a zip where a part of the form wants a path."""
    if held is None or "path" not in held:
        return
    kept = st.session_state["lab"]
    given = st.file_uploader(words, type=["zip"], key=f"zip:{part}:{kept['generation']}")
    if given is None:
        return
    try:
        path = keep(given.getvalue())
    except PoisonscopeError as error:
        say.error(error)
        return
    _remember(kept["preset"], {**kept["form"], part: {**held, "path": str(path)}}, [])
    st.rerun()


def _images(content: bytes) -> Path:
    from core.datasets import zips

    return zips.unpack(content, home() / "uploads" / hashlib.sha256(content).hexdigest()[:20])


def _poisons(content: bytes) -> Path:
    from core.attacks.imported import received

    return received(content, home() / "uploads")


def _checked(form: settings.Form) -> tuple[Experiment | None, str]:
    """The experiment that the form means, or one sentence that says why it means none."""
    if form["data"].get("path") == "":
        return None, "Choose a folder of images: type its path under Data, or upload a zip."
    if (form["attack"] or {}).get("path") == "":
        return None, "Choose a file of poisons: type its path under Poison, or upload it."
    # Nothing is pretrained from scratch: what was chosen for it stays in the form, but is no other experiment.
    content = {key: value for key, value in form.items() if key != "pretraining" or form["scenario"] != "from_scratch"}
    try:
        return parse(content), ""
    except PoisonscopeError as error:
        return None, str(error).removeprefix("the experiment: ")


def _name(kept: Kept, form: settings.Form) -> str:
    """What the run is called unless the person says otherwise."""
    preset = presets.load(kept["preset"])
    same = not settings.link(form, settings.preset_form(preset.content))
    data, attack = describe.title("datasets", form["data"]), describe.title("attacks", form["attack"])
    return (preset.title if same else f"{attack} on {data.lower()}")[:80]
