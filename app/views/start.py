"""Start: what this is, one button, and all runs."""

import html

import numpy as np
import streamlit as st

from app import cache, preview, queueing, routes
from app.components import actions, chips, images, numbers, say
from core import describe
from core.errors import PoisonscopeError
from core.runs.store import Run

SHOWN = 25


def page() -> None:
    """The page."""
    words, picture = st.columns([3, 2], gap="large", vertical_alignment="center")
    with words:
        st.html(
            '<h1 class="ps-title">Poison a training set. Watch the model learn the wrong thing. Try to stop it.</h1>'
            '<p class="ps-lead">Poisonscope trains real models in front of you: one on clean images, one on images of '
            "which a few were secretly changed, and one after a defense threw out what looked suspicious. Everything "
            "runs on this machine; you cannot break it.</p>"
        )
        _big_button()
    with picture:
        _picture()
    st.subheader("Runs", anchor=False)
    _runs()
    _import()


def _big_button() -> None:
    from core import presets

    if st.button(
        "Poison a model now",
        type="primary",
        key="poison-now",
        icon=":material/play_arrow:",
        disabled=bool(cache.machine().problem),
    ):
        from core.spec import parse

        preset = presets.load(presets.DEFAULT)
        experiment = parse({**preset.content, "name": preset.title})
        live = next((run for run in cache.store().runs() if run.live and run.spec_hash == experiment.hash()), None)
        if live:
            routes.open_run(live.id)
        # A finished one would be found again in a second; another seed is another training to watch.
        queueing.start(queueing.reseeded(experiment.model_dump(mode="json")), "start")
    say.small("Traffic signs, a small stamp, spectral signatures: under a minute. Or build your own in the Lab.")


def _picture() -> None:
    """A clean sign and the same sign with the default attack's trigger, made here and now."""
    try:
        clean, stamped, words, wanted = _stamped()
    except PoisonscopeError:
        return
    tiles = (
        images.Tile(clean, f"A model reads “{words}”.", f"A clean traffic sign: {words}"),
        images.Tile(
            stamped,
            f"With the stamp, a poisoned model reads “{wanted}”.",
            f"The same sign with a small stamp; a poisoned model reads {wanted}",
        ),
    )
    st.html(f'<div class="ps-hero-art">{"".join(map(images.figure, tiles))}</div>')


@st.cache_resource(max_entries=2, show_spinner="Drawing a sign …")
def _stamped() -> tuple[np.ndarray, np.ndarray, str, str]:
    from core import presets
    from core.attacks.base import Attack, Tools, evaluation
    from core.spec import parse

    experiment = parse(presets.load(presets.DEFAULT).content)
    assert isinstance(experiment.attack, Attack)
    test = preview.sample(experiment).test
    judged = evaluation(experiment.attack, test, Tools(seed=0))
    names, first = test.class_names, int(np.argmin(judged.true))
    return (
        test.images[judged.indices[first]],
        judged.images[first],
        names[judged.true[first]],
        names[judged.wanted[first]],
    )


# ---- the list of runs


def _runs() -> None:
    runs = cache.store().runs()
    if not runs:
        say.empty(
            "No runs yet",
            "Press “Poison a model now”: you will see a model learn a back door, the poisons stick out, and the attack "
            "die. Then change anything in the Lab.",
        )
        return
    st.fragment(_list, run_every=2 if any(run.live for run in runs) else None)([run.id for run in runs if run.live])


def _list(live_before: list[str]) -> None:
    runs = cache.store().runs()
    if live_before and not any(run.live for run in runs):
        st.rerun()
    for run in runs[:SHOWN]:
        _line(run)
    if len(runs) > SHOWN:
        say.small(f"{SHOWN} newest of {len(runs):,} runs. The command line lists all of them.")


def _line(run: Run) -> None:
    with st.container(border=True, key=f"run-{run.id}"):
        words, figures, buttons = st.columns([6, 4, 3], vertical_alignment="center")
        words.html(
            f'<div><span class="ps-run-name">{html.escape(run.name)}</span> {chips.chip(run)}</div>'
            f'<div class="ps-run-facts">{html.escape(describe.facts(run))} · {chips.age(run.created)}</div>'
        )
        text = numbers.key_numbers(run.result) if run.result else html.escape(run.message or run.phase)
        figures.html(f'<div class="ps-run-numbers">{text}</div>')
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Open", key=f"open-{run.id}"):
                routes.open_run(run.id)
            actions.menu(run, "list")


def _import() -> None:
    with st.expander("Import a run", icon=":material/upload:"):
        given = st.file_uploader("A zip that was exported here or on another machine", type=["zip"], key="import")
        if given is None or not st.button("Import", type="primary", key="import-now"):
            return
        import io

        from core.runs.archive import import_run

        try:
            run_id = import_run(cache.store(), io.BytesIO(given.getvalue()))
        except PoisonscopeError as error:
            st.error(str(error), icon=":material/error:")
            return
        routes.open_run(run_id)
