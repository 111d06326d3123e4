"""Report: a run as one page to take away: what is on it, how it looks, and its files."""

from urllib.parse import urlencode

import streamlit as st

from app import cache, routes
from app.components import actions, chips, frame, live, say, which_run
from core import settings
from core.errors import PoisonscopeError
from core.home import home
from core.report import make, sheet
from core.report import page as written
from core.report.parts import SECTIONS, Report, Wanted
from core.runs.store import Run

HEIGHT = 900
"""Pixels of the preview."""


def page() -> None:
    """The page."""
    run = which_run.asked("Report", "report")
    if run is None:
        return
    which_run.heading(run, "Report")
    if run.result is None:
        _nothing(run)
        return
    words, parts = st.columns([2, 3], gap="large")
    with parts:
        truth = _truth()
        try:
            whole = _whole(str(home()), run.id, _fingerprint(run), truth, run)
        except PoisonscopeError as error:
            say.empty("No report", str(error))
            return
        sections = _sections(run, whole)
    with words:
        wanted = _words(run, sections, truth)
    report = make.narrowed(whole, run, wanted)
    _missing(run)
    _downloads(run, report)
    _present(run)
    say.section("Preview")
    with st.container(border=True):
        st.iframe(written.page(report), height=HEIGHT, alt=f"Preview of the report “{report.title}”")


def _nothing(run: Run) -> None:
    if run.live:
        say.empty("No report yet", "The run is on its way. This page shows its report as soon as there are results.")
        st.fragment(_wait, run_every=live.OTHERS)(run.id)
    else:
        ended = "Resume it, or look at what it has left behind." if run.state in actions.RESUMABLE else "Repeat it."
        say.empty("No report", f"The run came to no result. {ended}")


def _wait(run_id: str) -> None:
    run = cache.store().run(run_id)
    if run.result is not None or not run.live:
        st.rerun()
    say.small(f"{run.phase or chips.words(run)} · {run.progress:.0%}")


# ---- what is on it


def _truth() -> bool:
    """Whether the report tells the truth: only where the page itself may."""
    shown = frame.truth()
    chosen = st.toggle(
        "Tell what only the attacker knows",
        value=True,
        key="tell",
        bind="query-params",
        disabled=not shown,
        help="Off: which rows are poisons, how many of them were caught, and what the attacker wanted are not in the "
        "file at all. “Reveal truth” in the sidebar switches it off too.",
    )
    return shown and bool(chosen)


@st.cache_resource(max_entries=4, show_spinner="Putting the report together …")
def _whole(folder: str, run_id: str, fingerprint: int, truth: bool, _run: Run) -> Report:
    return make.make(cache.store(), _run, Wanted(truth=truth))


def _fingerprint(run: Run) -> int:
    """Changes whenever a report might: the run, the files that are there, and the runs that may stand on its curves."""
    store = cache.store()
    files = tuple(store.artifacts.has(step["key"]) for step in run.steps)
    return hash((run.name, run.state, run.ended, files, tuple((each.id, each.state) for each in store.runs())))


def _sections(run: Run, whole: Report) -> tuple[str, ...]:
    """Names of those that somebody wants, of those that this run can fill."""
    offered = [section.name for section in whole.sections]
    chosen = st.pills(
        "Sections",
        offered,
        selection_mode="multi",
        default=offered,
        format_func=SECTIONS.__getitem__,
        key=f"sections-{run.id}-{whole.wanted.truth}",
        wrap=True,
    )
    say.small("The verdict and what to keep in mind are always on it.")
    return tuple(chosen)


def _words(run: Run, sections: tuple[str, ...], truth: bool) -> Wanted:
    title = st.text_input("Title", placeholder=run.name, key="title", max_chars=120)
    author = st.text_input("Author", key="author", max_chars=120)
    help = "Stands below the verdict; an empty line begins a paragraph."
    notes = st.text_area("Notes", key="notes", height=120, help=help)
    return Wanted(title, author, notes, sections, truth)


def _missing(run: Run) -> None:
    lacking = [step["label"] for step in run.steps if not cache.store().artifacts.has(step["key"])]
    if lacking:
        st.warning(
            f"The files of {len(lacking)} of {len(run.steps)} steps are not stored here, so some figures are not on "
            "the report. Resume or repeat the run to have them.",
            icon=":material/folder_off:",
        )


# ---- taking it away


def _downloads(run: Run, report: Report) -> None:
    name = f"poisonscope-{run.id}"
    first, second, third, last = st.columns(4)
    first.download_button(
        "Download report",
        lambda: written.page(report).encode(),
        f"{name}.html",
        "text/html",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        key="download-report",
    )
    second.download_button(
        "Numbers as CSV",
        lambda: sheet.text(report).encode(),
        f"{name}.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
        width="stretch",
        key="download-csv",
    )
    if not report.wanted.truth:
        say.small("The run’s zip and its configuration tell the truth, so they are not offered here.")
        return
    with third:
        actions.export(run, "report")
    try:
        file = settings.as_toml(settings.whole({**run.spec, "name": run.name}))
    except PoisonscopeError:
        return  # of another version; the zip has it as it was
    last.download_button(
        "Configuration as TOML",
        file,
        f"{run.id}.toml",
        "application/toml",
        icon=":material/settings:",
        on_click="ignore",
        width="stretch",
        key="download-toml",
    )


def _present(run: Run) -> None:
    """The run in large letters and without the truth, to open here or to hand out."""
    query = {"run": run.id, "big": "true", "truth": "false"}
    with st.expander("Show it to a class", icon=":material/co_present:"):
        st.page_link(
            routes.page("result"), label="Open in presentation size, truth hidden", query_params=query,
            icon=":material/open_in_new:",
        )  # fmt: skip
        here = (st.context.url or "").rsplit("/", 1)[0]
        st.code(f"{here}/result?{urlencode(query)}", language=None)
