"""Bring your own: pictures, a network for them, or features; what comes is checked, kept, and looked at for poison."""

import html
from typing import Any

import streamlit as st

from app import forms, queueing, routes
from app.ahead import ahead
from app.components import say
from core import bring, describe, presets, registry, remembered, settings, spec
from core.bring import Given
from core.errors import PoisonscopeError
from core.home import home

PICTURES, NETWORK, FEATURES = "Pictures", "Pictures and a network", "Features"
KINDS = (PICTURES, NETWORK, FEATURES)
LEAD = (
    "Bring a data set that may be poisoned. It stays on this machine, is checked before it is kept, and is looked at "
    "as any run is: on Spectral, on Images, in a report, and with an answer on “Is it poisoned?”."
)
SIZES = (16, 32, 48, 64, 96, 128, 224)
LAYOUT = """my-data.zip
├── cat/0001.png
├── cat/0002.png
├── dog/0001.png
└── poisons.csv"""
SHOWN = 5
"""Classes that are named; the others are counted."""


def page() -> None:
    """The page."""
    st.title("Bring your own")
    st.html(f'<p class="ps-lead">{LEAD}</p>')
    kind = st.segmented_control("What do you bring?", KINDS, default=PICTURES, key="bring", bind="query-params",
                                required=True)  # fmt: skip
    left, right = st.columns([11, 9], gap="large")
    with left, st.container(border=True):
        given = _features() if kind == FEATURES else _pictures()
        model, weights = _network(given, own=kind == NETWORK) if kind != FEATURES else ("linear", "")
    with right, st.container(key="brought"):
        if given is None:
            _what(str(kind))
            return
        _found(given)
        _offer(given, model, weights, waits=kind == NETWORK and not weights)


# ---- what comes


def _pictures() -> Given | None:
    file = st.file_uploader(
        "A zip of class folders",
        type=["zip"],
        key="bring-zip",
        help="One folder a class, pictures in it; or train/class/… and test/class/…, then nothing is held back.",
    )
    size = st.select_slider(
        "Side of the pictures (pixels)",
        SIZES,
        value=32,
        key="bring-size",
        help="Pictures are cut to their middle square and resampled; those of this size stay as they are.",
    )
    with st.expander("Does anybody know which are poisons?"):
        say.small("A poisons.csv in the zip is found by itself. Otherwise list the files here, one a line.")
        listed = st.text_area("Known poisons", key="bring-truth", height=120, placeholder="cat/0002.png")
    if file is None:
        return None
    return _checked(_images_of, file, size, listed.strip() or None)


def _features() -> Given | None:
    file = st.file_uploader(
        "An .npz with features (n, d) and labels (n,)",
        type=["npz"],
        key="bring-npz",
        help="Of the layer before the last, as numpy.savez writes them; poison (n,) of booleans if somebody knows.",
    )
    return None if file is None else _checked(_features_of, file)


def _checked(read: Any, file: Any, *more: Any) -> Given | None:
    try:
        found: Given = read(str(home()), file.file_id, *more, file)
    except PoisonscopeError as error:
        say.error(error)
        return None
    return found


@st.cache_resource(max_entries=8, show_spinner="Checking the pictures …")
def _images_of(folder: str, file_id: str, size: int, truth: str | None, _file: Any) -> Given:
    return bring.images(_file.getvalue(), home() / "uploads", size=size, truth=truth)


@st.cache_resource(max_entries=8, show_spinner="Checking the features …")
def _features_of(folder: str, file_id: str, _file: Any) -> Given:
    return bring.features(_file.getvalue(), home() / "uploads")


def _network(given: Given | None, *, own: bool) -> tuple[Any, str]:
    """The kind of network, and where its weights are kept if somebody brings them."""
    names = list(registry.names("models"))
    name = st.selectbox(
        "Network",
        names,
        index=names.index("small_cnn"),
        format_func=lambda each: describe.title("models", {"name": each}),
        key="bring-model",
        help="Its features are looked at. The controls train new ones of this kind, with weights or without.",
    )
    kind: Any = registry.load("models", name)
    held = forms.draw(kind, settings.defaults("models", name), f"bring-model.{name}", forms.Known())
    model = {"name": name, **held}
    if not own:
        return model, ""
    file = st.file_uploader("Its weights, trained on these pictures", type=["safetensors"], key="bring-weights")
    if file is None or given is None:
        return model, ""
    try:
        network = spec.component("models", model)
        return model, bring.weights(file.getvalue(), home() / "uploads", network, given)
    except (PoisonscopeError, ValueError) as error:
        say.error(error)
        return model, ""


# ---- what is made of it


def _what(kind: str) -> None:
    say.empty("Nothing brought yet", "What is in the file stands here before anything is computed.")
    if kind == FEATURES:
        st.code('numpy.savez("features.npz", features=f, labels=y)', language="python")
    else:
        st.code(LAYOUT, language=None)
        say.small("poisons.csv only if somebody knows: one file a line, such as cat/0002.png.")
        say.small("Nothing in a file is run. Files that lead outside of the zip, links and bombs are refused.")


def _found(given: Given) -> None:
    names = list(given.classes)
    what = "pictures" if given.images else "rows of features"
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td class="num">{given.classes[name]:,}</td></tr>'
        for name in names[:SHOWN]
    )
    more = f"<p>and {len(names) - SHOWN:,} more classes</p>" if len(names) > SHOWN else ""
    held = "Some more of every class are held back, to see whether a network learned anything."
    title = f"{given.rows:,} {what} in {len(names)} classes to look at"
    st.html(
        f'<div class="ps-card"><div class="ps-card-title">{title}</div>'
        f'<table class="ps-arms"><tbody>{rows}</tbody></table>{more}<p class="ps-small">{held}</p></div>'
    )
    if given.poisons is None:
        say.small("Nobody knows which of them are poisons: no page will count any.")
    else:
        say.small(
            f"{given.listed:,} of all rows are listed as poisons. “Reveal truth” shows them; the looks never see it."
        )


def _offer(given: Given, model: Any, weights: str, *, waits: bool) -> None:
    blind = given.poisons is not None and st.toggle(
        "Leave the list of poisons out",
        key="bring-blind",
        help="No page will know it then, as with any other data set.",
    )
    usual = f"Brought: {given.rows:,} rows, {len(given.classes)} classes"
    name = st.text_input("Run name", placeholder=usual, max_chars=80, key="bring-name").strip() or usual
    try:
        asked = bring.experiment(given, name=name, model=model, weights=weights, blind=blind)
    except PoisonscopeError as error:
        say.error(error)
        return
    known = queueing.twin(asked)
    if known is not None:
        st.info("This was looked at before: nothing needs to be computed again.", icon=":material/task_alt:")
        if st.button("Open the answer", type="primary", width="stretch", key="bring-same"):
            routes.open_run(known.id, "check")
    elif st.button("Look for poison", type="primary", width="stretch", key="bring-run", disabled=waits,
                   icon=":material/troubleshoot:"):  # fmt: skip
        routes.open_run(queueing.submit(asked, "bring"), "check")
    if waits:
        say.small("Waiting for the weights of the network.")
    else:
        remembered.keep_rows(asked.data, given.rows)
        found = ahead([asked])
        say.small(
            f"About {describe.duration(found.seconds)} here: {found.trainings} networks are trained and compared."
        )
    if given.images and st.button("Poison it in the Lab", width="stretch", key="bring-lab", icon=":material/science:"):
        data = {f"data.{key}": settings.encoded(value) for key, value in given.data.items() if key != "name"}
        query = {"preset": presets.DEFAULT, "data": given.data["name"], **data}
        st.switch_page(routes.page("lab"), query_params=query)
