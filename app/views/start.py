"""Start: what this is, a finished attack to play with, three ways in, and the newest runs."""

import html

import streamlit as st

from app import cache, queueing, routes
from app.components import actions, chips, doors, frame, hero, import_run, numbers, say
from core import describe, showcase
from core.runs.store import Run
from core.story import case

SHOWN = "showcase-badnets"
"""The shipped run that this page shows."""
RUNS = 8


def page() -> None:
    """The page."""
    run = showcase.find(cache.store(), SHOWN)
    seen = None if run is None else cache.view(run)
    told = None if seen is None else case(seen)
    words, picture = st.columns([11, 9], gap="large", vertical_alignment="center")
    with words:
        st.html(
            '<h1 class="ps-title">Poison a training set. Watch the model learn the wrong thing. Try to stop it.</h1>'
            '<p class="ps-lead">Everything runs on this machine. You cannot break it.</p>'
        )
        _buttons()
    with picture:
        if seen is None or told is None:
            say.empty(*hero.MISSING)
        else:
            hero.art(seen)
    if told is not None:
        hero.numbers(told)
    doors.draw(None if told is None else SHOWN)
    _runs()
    import_run.panel()


def _buttons() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="start-buttons"):
        _big_button()
        with st.container(horizontal=True, width="content"):
            if st.button("Show it to a stakeholder", key="story", icon=":material/slideshow:"):
                st.switch_page(routes.page("story"))
            if st.button("Learn", key="learn", icon=":material/school:"):
                st.switch_page(routes.page("learn"))


def _big_button() -> None:
    if not st.button(
        "Poison a model now",
        type="primary",
        key="poison-now",
        icon=":material/play_arrow:",
        disabled=bool(cache.machine().problem),
        help="Traffic signs, a small stamp, spectral signatures: under a minute.",
    ):
        return
    from core import presets
    from core.spec import parse

    preset = presets.load(presets.DEFAULT)
    experiment = parse({**preset.content, "name": preset.title})
    live = next((run for run in cache.store().runs() if run.live and run.spec_hash == experiment.hash()), None)
    if live:
        routes.open_run(live.id)
    # A finished one would be found again in a second; another seed is another training to watch.
    queueing.start(queueing.reseeded(experiment.model_dump(mode="json")), "start")


# ---- the newest runs


def _runs() -> None:
    runs = cache.store().runs()
    own = [run for run in runs if run.origin != showcase.ORIGIN]
    say.section("Your newest runs")
    if own:
        looking = 2 if any(run.live for run in own) else None
        st.fragment(_list, run_every=looking)([run.id for run in own if run.live])
    else:
        say.empty("No runs yet", "Press “Poison a model now”, or change anything in the Lab and run that.")
    shipped = [run for run in runs if run.origin == showcase.ORIGIN]
    if shipped:
        with st.expander(f"Finished runs that come with Poisonscope ({len(shipped)})", icon=":material/inventory_2:"):
            for run in sorted(shipped, key=lambda one: one.created):
                _line(run)


def _list(live_before: list[str]) -> None:
    own = [run for run in cache.store().runs() if run.origin != showcase.ORIGIN]
    if live_before and not any(run.live for run in own):
        st.rerun()
    for run in own[:RUNS]:
        _line(run)
    if len(own) > RUNS:
        label = f"All {len(own):,} runs"
        st.page_link(routes.page("runs"), label=label, icon=":material/list:")


def _line(run: Run) -> None:
    with st.container(border=True, key=f"run-{run.id}"):
        words, figures, buttons = st.columns([6, 4, 3], vertical_alignment="center")
        facts = html.escape(describe.facts(run, truth=frame.truth()))
        words.html(
            f'<div><span class="ps-run-name">{html.escape(run.name)}</span> {chips.chip(run)}</div>'
            f'<div class="ps-run-facts">{facts} · {chips.age(run.created)}</div>'
        )
        text = numbers.key_numbers(run.result) if run.result else html.escape(run.message or run.phase)
        figures.html(f'<div class="ps-run-numbers">{text}</div>')
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Open", key=f"open-{run.id}"):
                routes.open_run(run.id)
            actions.menu(run, "list")
