"""Runs: what ran, what is queued, and what can be done with one or many of them."""

import html
import zlib
from collections.abc import Callable, Sequence

import streamlit as st

from app import cache, queueing, routes
from app.components import actions, chips, frame, import_run, live, run_table, say
from core import describe, presets
from core.errors import PoisonscopeError
from core.runs.store import Run
from core.spec import parse

COMPARED = (2, 6)
"""Fewest and most runs that are compared."""
OFFERED = 3
"""Presets that stand where there is no run."""
STATES = {
    "queued": "Waiting", "starting": "Loading PyTorch", "running": "Running", "stalled": "No sign",
    "stopping": "Stopping", "cancelled": "Stopped", "done": "Finished", "failed": "Failed", "lost": "Worker vanished",
    "incompatible": "Made by another version",
}  # fmt: skip
NONE = "none"
HEIGHT = 560
CHOSEN = "chosen_runs"
"""Where the session keeps the ids of the chosen runs: a table knows places only, and these change."""

Seen = list[tuple[str, str]]


def page() -> None:
    """The page."""
    st.html('<h1 class="ps-name">Runs</h1>')
    runs = cache.store().runs()
    if all(run.origin == "showcase" for run in runs):
        _empty(shipped=bool(runs))
    if runs:
        wanted = _filters(runs)
        shown = [run for run in runs if _fits(run, *wanted)]
        _buttons([run for one in st.session_state.get(CHOSEN, []) for run in shown if run.id == one])
        polls = live.OTHERS if any(run.live for run in runs) else None
        st.fragment(_table, run_every=polls)([(run.id, run.state) for run in runs], [run.id for run in shown])
    import_run.panel()


# ---- nothing yet


def _empty(*, shipped: bool) -> None:
    more = " Those below come with Poisonscope." if shipped else ""
    say.empty("No runs yet", f"Start with one of these, or build your own in the Lab.{more}")
    ready = [preset for preset in map(presets.load, presets.names()) if not preset.needs]
    for place, preset in zip(st.columns(OFFERED), ready, strict=False):
        with place, st.container(border=True, height="stretch"):
            st.markdown(f"**{describe.markdown(preset.title)}**")
            say.small(preset.summary)
            if st.button(
                "Run it",
                type="primary" if preset.name == presets.DEFAULT else "secondary",
                key=f"preset-{preset.name}",
                icon=":material/play_arrow:",
                width="stretch",
            ):
                queueing.start(parse({**preset.content, "name": preset.title}), f"preset-{preset.name}")


# ---- which runs


def _filters(runs: Sequence[Run]) -> tuple[list[str], list[str], list[str]]:
    """Names of states, attacks and defenses that somebody wants to see; an empty list is all of them."""
    attacks = {describe.title("attacks", run.spec.get("attack")) for run in runs}
    defenses = {describe.title("defenses", part) for run in runs for part in run.spec.get("defenses", [])} | {NONE}
    boxes = (("State", list(STATES.values()), "state"), ("Attack", sorted(attacks), "attack"),
             ("Defense", sorted(defenses), "defense"))  # fmt: skip
    places = st.columns(3)
    chosen = [
        place.multiselect(label, options, key=key, bind="query-params", placeholder="All")
        for place, (label, options, key) in zip(places, boxes, strict=True)
    ]
    return chosen[0], chosen[1], chosen[2]


def _fits(run: Run, states: list[str], attacks: list[str], defenses: list[str]) -> bool:
    stood = [describe.title("defenses", part) for part in run.spec.get("defenses", [])] or [NONE]
    return (
        (not states or STATES.get(run.state) in states)
        and (not attacks or describe.title("attacks", run.spec.get("attack")) in attacks)
        and (not defenses or bool(set(stood) & set(defenses)))
    )


def _table(before: Seen, ids: list[str]) -> None:
    """The table, looked at again while something lives; the whole page once when a run has changed its state."""
    runs = {run.id: run for run in cache.store().runs()}
    if [(run.id, run.state) for run in runs.values()] != before:
        st.rerun()
    shown = [runs[one] for one in ids]
    say.small_html(_queue(list(runs.values())))
    if not shown:
        say.empty("No run fits", "Take a filter away to see others.")
        return
    chosen = [one for one in st.session_state.get(CHOSEN, []) if one in ids]
    # A table of other runs is another table: under the same key its choice would fall on whoever took the places.
    key = f"runs-{zlib.crc32(' '.join(ids).encode()):08x}"
    event = st.dataframe(
        run_table.columns(shown, truth=frame.truth()),
        column_config=run_table.config(shown),
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(one) for one in chosen]}},
        hide_index=True,
        height=min(HEIGHT, 40 + 35 * len(shown)),
        placeholder="–",
        alt=f"{len(shown)} of {len(runs)} runs, newest first.",
    )
    say.small(f"{len(shown):,} of {len(runs):,} runs. Tick rows to open, compare, clone or delete them.")
    picked = [ids[place] for place in event["selection"]["rows"] if place < len(ids)]
    if picked != chosen:
        st.session_state[CHOSEN] = picked
        st.rerun()


def _queue(runs: Sequence[Run]) -> str:
    """Who is at work and who comes next, in their order, as HTML."""
    working = [run for run in runs if run.live and run.state != "queued"]
    waiting = sorted((run for run in runs if run.state == "queued"), key=lambda run: run.position or 0)
    told = [f"{_named(run)} {chips.chip(run)}" for run in (*working, *waiting)]
    return f"Queue: {' · '.join(told)}" if told else "Queue: nothing waits and nothing runs."


def _named(run: Run) -> str:
    return f"<b>{html.escape(run.name)}</b>"


# ---- what can be done with them


def _buttons(chosen: list[Run]) -> None:
    """All buttons, always in their places; those that make no sense for what is chosen wait."""
    one = chosen[0] if len(chosen) == 1 else None
    with st.container(horizontal=True, key="run-buttons", gap="xsmall"):
        if (
            st.button("Open", key="open-run", type="primary", icon=":material/open_in_new:", disabled=one is None)
            and one
        ):
            routes.open_run(one.id)
        _compare(chosen)
        actions.clone(one, "clone-run", width="content")
        with st.popover("Rename", icon=":material/edit:", disabled=one is None, key="rename-run"):
            if one:
                actions.rename(one, "runs")
        stoppable = [run for run in chosen if run.live and run.state != "stopping"]
        _each("Stop", "stop_circle", stoppable, cache.store().cancel)
        _each("Resume", "resume", [run for run in chosen if run.state in actions.RESUMABLE], cache.store().resume)
        actions.export(one if one and one.finished else None, "runs", width="content")
        ended = bool(chosen) and all(run.finished for run in chosen)
        if st.button("Delete …", key="delete-runs", icon=":material/delete:", disabled=not ended):
            actions.confirm_delete(chosen)


def _each(label: str, icon: str, runs: list[Run], act: Callable[[str], None]) -> None:
    """A button that does one thing to every chosen run that it makes sense for."""
    if not st.button(label, key=f"{label.lower()}-runs", icon=f":material/{icon}:", disabled=not runs):
        return
    try:
        for run in runs:
            act(run.id)
    except PoisonscopeError as error:  # its state has changed since the page was drawn
        say.error(error)
        return
    st.rerun()


def _compare(chosen: list[Run]) -> None:
    fewest, most = COMPARED
    fits = fewest <= len(chosen) <= most and "compare" in routes.PAGES
    help = None if fits else f"Choose {fewest} to {most} runs."
    if st.button("Compare", key="compare-runs", icon=":material/compare_arrows:", disabled=not fits, help=help):
        st.switch_page(routes.page("compare"), query_params={"runs": ",".join(run.id for run in chosen)})
