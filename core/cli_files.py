"""Commands that write a run to a file, read one, or say what it found: export, import, poisons, report, check."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.cli_base import AsJson, RunId, console
from core.errors import PoisonscopeError
from core.runs import archive, poisons
from core.runs.store import Store
from core.runs.view import RunView

app = typer.Typer()


@contextmanager
def _new_file(path: Path) -> Iterator[None]:
    """Around the writing of a file that must not be there yet."""
    if path.exists():
        raise PoisonscopeError(f"{str(path)!r} is there already; choose another name.")
    try:
        yield
    except OSError as error:
        raise PoisonscopeError(f"Cannot write {str(path)!r}: {error.strerror}.") from None


@app.command("export")
def export_run(run_id: RunId, path: Annotated[Path, typer.Argument(help="The zip to write.")]) -> None:
    """Write a finished run to one zip that can be imported elsewhere."""
    store = Store()
    store.run(run_id)
    with _new_file(path):
        archive.export_run(store, run_id, path)


@app.command("import")
def import_run(path: Annotated[Path, typer.Argument(help="A zip that `export` wrote.")]) -> None:
    """Add a run from a zip."""
    print(archive.import_run(Store(), path))


@app.command("poisons")
def write_poisons(
    run_id: RunId,
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The archive to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a run's poisons to one archive, which the attack `imported` takes in."""
    store = Store()
    store.run(run_id)
    with _new_file(path):
        wrote = poisons.export_poisons(store, run_id, path)
    if as_json:
        keys = [entry.model_dump() for entry in wrote.keys]
        facts = {"attack": wrote.facts.attack, "epsilon": wrote.facts.epsilon}
        print(json.dumps({"path": str(path), "bytes": path.stat().st_size, **facts, "keys": keys}))
        return
    rows = sum(entry.poisons for entry in wrote.keys)
    console().print(f"{rows} poisons of {len(wrote.keys)} keys in {path}")


@app.command("report")
def write_report(
    run_id: RunId,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Where to write it; report-RUN.html unless given.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Where to write every number on it.")] = None,
    truth: Annotated[
        bool, typer.Option("--truth/--no-truth", help="Whether it tells what only the attacker knows.")
    ] = True,
    title: Annotated[str, typer.Option(help="Its title; the run's name unless given.")] = "",
    author: Annotated[str, typer.Option(help="Who wrote it.")] = "",
    notes: Annotated[str, typer.Option(help="A text below the verdict.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write a run as one HTML page that opens offline, with live figures, and its numbers as CSV."""
    from core.report import make, page, sheet
    from core.report.parts import Wanted

    store = Store()
    made = make.make(store, store.run(run_id), Wanted(title, author, notes, truth=truth))
    wrote = {"report": output or Path(f"report-{run_id}.html")} | ({"csv": csv} if csv else {})
    with ExitStack() as files:
        for path in wrote.values():
            files.enter_context(_new_file(path))
        for what, path in wrote.items():
            content = page.page(made) if what == "report" else sheet.text(made)
            path.write_text(content, encoding="utf-8", newline="")
    if as_json:
        print(json.dumps({what: {"path": str(path), "bytes": path.stat().st_size} for what, path in wrote.items()}))
        return
    for path in wrote.values():
        print(path)


@app.command("check")
def check_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Say whether data that came as they are look poisoned, beside controls, and what that cannot mean."""
    from core import check

    store = Store()
    run = store.run(run_id)
    found = check.check(RunView(store, run))
    if found is None:
        raise PoisonscopeError(f"The run {run_id!r} is {run.state} and has not compared its controls; resume it.")
    if as_json:
        print(json.dumps(check.as_json(found)))
        return
    out = console()
    for line in (found.text, *(f"- {reason}" for reason in found.reasons)):
        out.print(line, highlight=False)
    for look in found.looks:
        out.print(f"{check.KINDS[look.name].title}: {check.place(look, found.names)}", highlight=False)
    out.print("What this cannot tell:", *(f"\n- {each}" for each in found.unknown), highlight=False)
