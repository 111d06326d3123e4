"""What can be done with a run: rename, repeat, resume, stop, delete, export it or its poisons."""

import html
import io
import json
from typing import Any, Literal

import streamlit as st

from app import cache, queueing, routes
from app.components import frame, say
from core import presets, settings
from core.errors import PoisonscopeError
from core.runs.loss import loss
from core.runs.store import Run

Width = Literal["stretch", "content"]
RESUMABLE = ("cancelled", "failed", "lost")
TELLS = "Tells what only the attacker knows, and the truth is hidden now."
"""Why something is not to be had while the truth is hidden."""


def menu(run: Run, place: str) -> None:
    """Everything at once, folded behind one button; `place` keeps the keys of two menus of one run apart."""
    with st.popover("More", icon=":material/more_horiz:", key=f"menu-{place}-{run.id}"):
        if run.live:
            stop(run, place)
        if run.state in RESUMABLE:
            resume(run, place)
        if st.button(
            "Repeat with another seed", key=f"repeat-{place}-{run.id}", icon=":material/casino:", width="stretch"
        ):
            _repeat(run)
        rename(run, place)
        if run.result is not None:
            query = {"run": run.id}
            st.page_link(routes.page("report"), label="Report", icon=":material/description:", query_params=query)
        if run.finished:
            export(run, place)
            export_poisons(run, place)
            if st.button("Delete …", key=f"delete-{place}-{run.id}", icon=":material/delete:", width="stretch"):
                confirm_delete([run])


def rename(run: Run, place: str) -> None:
    """A box with the name and a button that takes the new one."""
    name = st.text_input("Name", value=run.name, max_chars=80, key=f"name-{place}-{run.id}")
    if st.button(
        "Rename", key=f"rename-{place}-{run.id}", icon=":material/edit:", width="stretch", disabled=not name.strip()
    ):
        cache.store().rename(run.id, name)
        st.rerun()


def clone(run: Run | None, key: str, width: Width = "stretch") -> None:
    """Open the Lab with the settings of a run; disabled where no run is meant, or the truth is hidden."""
    hidden = frame.hidden()
    pressed = st.button(
        "Clone to Lab",
        key=key,
        icon=":material/science:",
        width=width,
        disabled=run is None or hidden,
        help=TELLS if hidden else None,
    )
    if not pressed or not run:
        return
    to_lab({**run.spec, "name": run.name})


def to_lab(spec: dict[str, Any]) -> None:
    """Open the Lab with an experiment's settings."""
    try:
        form = settings.whole(spec)
    except PoisonscopeError as error:
        say.error(f"This version cannot repeat the run: {error}")
        return
    base = settings.preset_form(presets.load(presets.DEFAULT).content)
    st.switch_page(routes.page("lab"), query_params={"preset": presets.DEFAULT, **settings.link(form, base)})


def stop(run: Run, place: str) -> None:
    """The Stop button; it stays where it is, disabled, while the run is stopping."""
    stopping = run.state == "stopping"
    label = "Stopping …" if stopping else "Stop"
    if st.button(
        label, key=f"stop-{place}-{run.id}", icon=":material/stop_circle:", disabled=stopping, width="stretch"
    ):
        cache.store().cancel(run.id)
        st.rerun()


def resume(run: Run, place: str) -> None:
    """Put a stopped, failed or lost run back in the queue."""
    if st.button("Resume", key=f"resume-{place}-{run.id}", icon=":material/resume:", type="primary", width="stretch"):
        try:
            cache.store().resume(run.id)
        except PoisonscopeError as error:
            say.error(error)
            return
        st.rerun()


def _repeat(run: Run) -> None:
    try:
        experiment = queueing.reseeded({**run.spec, "name": run.name})
    except PoisonscopeError as error:
        say.error(error)
        return
    queueing.start(experiment, f"repeat-{run.id}")


def export(run: Run | None, place: str, width: Width = "stretch") -> None:
    """The run as one zip, made only when it is asked for; disabled where no run is meant, or the truth is hidden."""
    run_id, hidden = run.id if run else "none", frame.hidden()
    st.download_button(
        "Export zip",
        data=b"" if hidden else lambda: _zipped(run_id),
        file_name=f"poisonscope-{run_id}.zip",
        mime="application/zip",
        on_click="ignore",
        key=f"export-{place}-{run_id}",
        icon=":material/archive:",
        width=width,
        disabled=run is None or hidden,
        help=TELLS if hidden else None,
    )


def export_poisons(run: Run, place: str) -> None:
    """The poisons of all keys as one archive, where there are any and they may be told; another run takes them in."""
    from core.runs.poisons import has_poisons

    if not frame.truth() or not has_poisons(cache.store(), run):
        return
    st.download_button(
        "Export poisons",
        data=lambda: poisons_of(run.id),
        file_name=f"poisons-{run.id}.zip",
        mime="application/zip",
        on_click="ignore",
        key=f"poisons-{place}-{run.id}",
        icon=":material/inventory_2:",
        width="stretch",
        help="Only what the attack has crafted: for the attack “Imported poisons” of another run, or for other tools.",
    )


def poisons_of(run_id: str) -> bytes:
    """The archive, in memory."""
    from core.runs.poisons import export_poisons as write

    buffer = io.BytesIO()
    write(cache.store(), run_id, buffer)
    return buffer.getvalue()


def _zipped(run_id: str) -> bytes:
    from core.runs.archive import export_run

    buffer = io.BytesIO()
    export_run(cache.store(), run_id, buffer)
    return buffer.getvalue()


@st.dialog("Delete for good?")
def confirm_delete(runs: list[Run]) -> None:
    """Ask before runs are gone, and say what goes with them."""
    names = "".join(f"<li><b>{html.escape(run.name)}</b> ({html.escape(run.id)})</li>" for run in runs)
    gone = loss(cache.store(), runs)
    models = f"{gone.trainings:,} trained model{'s' * (gone.trainings != 1)}"
    them, back = (
        ("it", ", or a zip that you export first: Import takes it in again") if len(runs) == 1 else ("them", "")
    )
    st.html(
        f"<ul>{names}</ul><p>Gone with {them}: results, curves, logs, and {models} that no other run uses "
        f"({gone.size / 1e6:,.1f} MB). Nothing brings them back but computing them again{back}.</p>"
    )
    if len(runs) == 1:
        export(runs[0], "before-deleting")
    yes, no = st.columns(2)
    if yes.button("Delete", type="primary", width="stretch", key="delete-yes", on_click=_delete, args=(runs,)):
        if st.query_params.get("run") in [run.id for run in runs]:
            st.switch_page(routes.page("runs"))
        st.rerun()
    if no.button("Keep", width="stretch", key="delete-no"):
        st.rerun()


def _delete(runs: list[Run]) -> None:
    for run in runs:
        cache.store().delete(run.id)


def as_json(run: Run) -> str:
    """The experiment of a run as a file for the command line."""
    return json.dumps({**run.spec, "name": run.name}, indent=2)
