"""The section of the page Compare that lists the settings in which runs differ."""

import html

import streamlit as st

from app import routes
from app.components import chips, frame, say
from app.components.compare_choice import Choice
from app.components.gradient_look import handed_out
from core.charts.chart import as_csv
from core.runs.comparison import Comparison
from core.runs.differences import settings
from core.runs.store import Run

HIDDEN = "attack."
"""Settings that only the attacker knows; the attack's name is told."""


def section(choice: Choice, told: Comparison) -> None:
    """A table with a column a run, the baseline first."""
    say.section("Where the runs differ")
    runs = choice.beside(told)
    only = st.toggle(
        "Only differences", value=True, key="only", bind="query-params", help="Off: every setting of the experiments."
    )
    table = settings(runs, only_differences=only)
    if not frame.truth():
        table = {path: row for path, row in table.items() if not path.startswith(HIDDEN) or path == "attack.name"}
    if not table:
        alone = "There is one run only." if len(runs) == 1 else "Their experiments are equal."
        say.empty("No difference", alone)
        return
    st.html(_html(table, runs))
    more = len(told.standing) - len(runs)
    if more > 0 and not choice.chosen:
        say.small(f"The first {len(runs)} of {len(told.standing)} runs; choose others above.")
    columns = {"Setting": list(table)} | {
        f"{run.name} ({run.id})": [row[place] for row in table.values()] for place, run in enumerate(runs)
    }
    handed_out(as_csv(columns), "settings.csv", "settings")


def _html(table: dict[str, list[str]], runs: tuple[Run, ...]) -> str:
    head = "".join(f'<th scope="col">{_head(run, place == 0)}</th>' for place, run in enumerate(runs))
    rows = "".join(_row(path, row) for path, row in table.items())
    return (
        '<div class="ps-wide-table"><table class="ps-arms ps-sweep"><thead><tr><th scope="col">Setting</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _head(run: Run, base: bool) -> str:
    link = f'<a href="{routes.href(run.id)}" target="_self">{html.escape(run.name)}</a>'
    state = "" if run.state == "done" else chips.chip(run)
    return f'{link}<br><span class="ps-quiet">{"baseline" if base else html.escape(run.id)}</span> {state}'


def _row(path: str, row: list[str]) -> str:
    """What differs from the baseline stands out."""
    cells = "".join(f"<td>{html.escape(one)}</td>" if one == row[0] else f"<td><b>{html.escape(one)}</b></td>"
                    for one in row)  # fmt: skip
    said = path.replace(".", " › ").replace("_", " ")
    return f'<tr><th scope="row">{html.escape(said)}</th>{cells}</tr>'
