"""A report of a run, put together from what its result and its files hold."""

import time
from collections.abc import Callable
from dataclasses import replace

from core import describe
from core.errors import StoreError
from core.flags import tellable
from core.given import unknown
from core.report import methods, pictures, results, settings
from core.report.parts import Block, Report, Section, Wanted
from core.runs.record import Run
from core.runs.store import Store
from core.runs.view import RunView
from core.verdict import verdict

ORIGINS = {"imported": " · imported", "showcase": " · showcase run made by this project"}

Maker = Callable[[RunView, bool], list[Block]]
MAKERS: dict[str, Maker] = {
    "numbers": results.numbers,
    "defenses": results.defenses,
    "learning": pictures.learning,
    "trials": pictures.trials,
    "lens": pictures.lens,
    "gradients": pictures.gradients,
    "poisons": pictures.poisons,
    "sweep": pictures.sweeps,
    "methods": methods.cards,
    "settings": settings.table,
    "again": settings.again,
}
"""What fills each section: a run and whether the truth may be told -> blocks, none where there is nothing to say."""


def make(store: Store, run: Run, wanted: Wanted | None = None) -> Report:
    """Put a report together.

    Args:
        store: where the run is.
        run: one that has a result.
        wanted: what the report is to hold; everything unless given.

    Raises:
        StoreError: the run has no result, or one that this version cannot read.
    """
    wanted = wanted or Wanted()
    if unknown(run.spec):
        wanted = replace(wanted, truth=False)
    if run.result is None:
        raise StoreError(f"The run {run.id!r} is {run.state} and has no result; a report needs one.")
    seen = RunView(store, run)
    try:
        said = verdict(run.result, seen.class_names or (), truth=wanted.truth)
        blocks = {name: make(seen, wanted.truth) for name, make in MAKERS.items() if name in wanted.sections}
    except (KeyError, TypeError, IndexError) as error:  # an imported result may be anything
        raise StoreError(f"The result of the run {run.id!r} is not one of this version ({error!r:.100}).") from None
    ended = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.ended)) if run.ended else "not ended yet"
    return Report(
        wanted,
        wanted.title.strip() or run.name,
        describe.facts(run, truth=wanted.truth),
        f"Run {run.id} · {run.result.get('device') or 'device unknown'} · {ended}{ORIGINS.get(run.origin, '')}",
        said,
        tellable(run.result.get("flags", []), truth=wanted.truth),
        [Section(name, found) for name, found in blocks.items() if found],
    )


def narrowed(report: Report, run: Run, wanted: Wanted) -> Report:
    """The same report with another title, author and notes, and with fewer sections; nothing is computed again.

    Args:
        report: made with all sections, and with the truth or without it as `wanted` says.
        run: the one that it is about.
        wanted: what it is to hold.
    """
    kept = [section for section in report.sections if section.name in wanted.sections]
    return replace(report, wanted=wanted, title=wanted.title.strip() or run.name, sections=kept)
