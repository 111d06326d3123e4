"""The command line: the same steps and the same store as the dashboard.

Every error is one sentence on standard error, with exit status 2 and no traceback; Ctrl-C ends with 130, as in a shell.
"""

import importlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core import checks, cli_bench, cli_files, presets, registry, spec
from core.cli_base import AsJson, RunId, console
from core.errors import PoisonscopeError, SpecError
from core.runs.child import step_back
from core.runs.record import Run
from core.runs.recorder import Recorder, perform
from core.runs.store import Store

app = typer.Typer(
    name="python -m core",
    help="Poisonscope: poison a training set, watch the model learn the wrong thing, try to stop it.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of all complaints about arguments; typer carries its own click and exports only the two ends of the tree."""

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended, by convention."""

Named = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the settings of this one.")]


@app.command("run")
def run_experiment(
    what: Annotated[str, typer.Argument(metavar="PRESET|FILE.toml", help="A preset's name, or a TOML or JSON file.")],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a setting, e.g. attack.poison_fraction=0.02."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run an experiment to its end; exit status 0 only when all of it is done."""
    experiment = spec.parse(_content(what, assignments or []))
    problem = checks.torch_problem()
    if problem:
        raise PoisonscopeError(problem)
    from core.steps import execute

    store = Store()
    run_id = store.start(experiment.model_dump(mode="json"), spec_hash=experiment.hash(), name=experiment.name)
    begun = time.monotonic()
    recorder = _Bar(store, run_id)
    with _interruptible(recorder) as interrupted:
        perform(recorder, lambda content, artifacts, events: execute(experiment, artifacts, events))
    run = store.run(run_id)
    if interrupted and run.state != "done":
        raise KeyboardInterrupt
    if run.state != "done" or run.result is None:
        raise PoisonscopeError(run.message or f"The run {run_id} was {run.state}.")
    result = {"run": run_id, "name": run.name, "seconds": round(time.monotonic() - begun, 2), **run.result}
    if as_json:
        print(json.dumps(result))
    else:
        _print_result(result)


def _content(what: str, assignments: list[str]) -> dict[str, Any]:
    """The mapping behind a preset or a file, after the assignments."""
    if what.endswith((".toml", ".json")):
        content = {"name": Path(what).stem, **spec.read(Path(what))}
        content.pop("preset", None)  # what a preset's file says about itself, in a copy of one
        return spec.changed(content, assignments)
    preset = presets.load(what)
    content = spec.changed(preset.content, assignments)
    for path in preset.needs:
        place: Any = content
        for part in path.split("."):
            place = place.get(part) if isinstance(place, dict) else None
        if place is None:
            raise SpecError(f"The preset {what!r} needs {path}: add --set {path}=VALUE.")
    return content


@contextmanager
def _interruptible(recorder: Recorder) -> Iterator[list[int]]:
    """Ctrl-C asks the run to stop, as the dashboard's button does; pressed again, it interrupts on the spot.

    Raised in the middle of the pool of threads, a KeyboardInterrupt can leave one of its locks held for ever.

    Yields:
        The signals that came; empty where none did.
    """
    seen: list[int] = []

    def ask(number: int, _frame: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, before)
        recorder.stop()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


class _Bar(Recorder):
    """Writes to the store like the worker's child, and draws a bar on standard error."""

    def __init__(self, store: Store, run_id: str) -> None:
        super().__init__(store, run_id)
        columns = (
            BarColumn(20),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("Loading", total=1.0)

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        super().phase(text, fraction, eta_seconds)
        left = f" ({eta_seconds:.0f} s left)" if eta_seconds is not None else ""
        self._bar.update(self._task, completed=fraction, description=f"{text}{left}")

    def __enter__(self) -> "_Bar":
        super().__enter__()  # the heart beats: without it others take the run for lost, and cannot stop it
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        super().__exit__(*error)


def _percent(rate: dict[str, Any] | None) -> str:
    return f"{rate['mean']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}]" if rate else "-"


def _print_result(result: dict[str, Any]) -> None:
    out = console()
    spanned = "95 % interval in brackets"
    table = Table(
        "arm",
        f"clean accuracy ({spanned})",
        "attack success",
        "rows removed",
        "poisons left",
        "seconds",
        title=result["name"],
    )
    control = {"control": result["control"]} if result["control"] else {}  # data that come as they are have none
    for arm, numbers in {**control, **result["arms"]}.items():
        found = numbers.get("detection", {})
        table.add_row(
            arm, _percent(numbers["clean_accuracy"]), _percent(numbers["asr"]),
            str(found.get("removed", "-")), str(found.get("poisons_left", "-")), f"{numbers['seconds']:.1f}",
        )  # fmt: skip
    out.print(table)
    for flag in result["flags"]:
        out.print(f"! {flag['message']}")
    out.print(f"run {result['run']} on {result['device']}, {result['seconds']} s")


@app.command("list")
def list_runs(as_json: AsJson = False) -> None:
    """List all runs, newest first."""
    runs = Store().runs()
    if as_json:
        print(json.dumps([_brief(run) for run in runs]))
        return
    table = Table("run", "name", "state", "progress", "seconds")
    for run in runs:
        table.add_row(run.id, run.name, run.state, f"{run.progress:.0%}", f"{run.seconds or 0:.0f}")
    console().print(table if runs else "No runs yet: python -m core run badnets-signs makes one.")


def _brief(run: Run) -> dict[str, Any]:
    names = ("id", "name", "state", "phase", "progress", "message", "created", "device", "origin", "seconds")
    return {name: getattr(run, name) for name in names}


@app.command("show")
def show_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run: its state, settings and result."""
    run = Store().run(run_id)
    if as_json:
        print(json.dumps({**_brief(run), "spec": run.spec, "result": run.result}))
    elif run.result:
        _print_result({"run": run.id, "name": run.name, "seconds": round(run.seconds or 0, 1), **run.result})
    else:
        console().print(f"{run.id} {run.name}: {run.state}, {run.phase} {run.message}")


@app.command("resume")
def resume_run(run_id: RunId) -> None:
    """Put a stopped, failed or lost run back in the queue; finished steps are not computed again."""
    Store().resume(run_id)


@app.command("cancel")
def cancel_run(run_id: RunId) -> None:
    """Ask a run to stop; what it has finished is kept."""
    Store().cancel(run_id)


@app.command("delete")
def delete_run(run_id: RunId) -> None:
    """Delete a run and the files that no other run needs."""
    Store().delete(run_id)


app.add_typer(cli_files.app)


@app.command("presets")
def list_presets(as_json: AsJson = False) -> None:
    """List the experiments that come with Poisonscope."""
    found = [presets.load(name) for name in presets.names()]
    if as_json:
        print(json.dumps([{"name": p.name, "title": p.title, "summary": p.summary, "needs": p.needs} for p in found]))
        return
    table = Table("preset", "what it shows", "needs")
    for preset in found:
        table.add_row(preset.name, preset.summary, " ".join(preset.needs))
    console().print(table)


@app.command("attacks")
def list_attacks(name: Named = None, as_json: AsJson = False) -> None:
    """List the attacks, or the settings of one."""
    _components("attacks", name, as_json)


@app.command("defenses")
def list_defenses(name: Named = None, as_json: AsJson = False) -> None:
    """List the defenses, or the settings of one."""
    _components("defenses", name, as_json)


@app.command("datasets")
def list_datasets(name: Named = None, as_json: AsJson = False) -> None:
    """List the sources of images, or the settings of one."""
    _components("datasets", name, as_json)


@app.command("models")
def list_models(name: Named = None, as_json: AsJson = False) -> None:
    """List the networks, or the settings of one."""
    _components("models", name, as_json)


def _components(kind: str, name: str | None, as_json: bool) -> None:
    if name is not None:
        schema = registry.load(kind, name).model_json_schema()  # type: ignore[attr-defined]
        settings = [{"setting": setting, **facts} for setting, facts in schema.get("properties", {}).items()]
        rows = [
            [s["setting"], str(s.get("default", "(required)")), s.get("unit", ""), s.get("description", "")]
            for s in settings
        ]
        _show(as_json, settings, ["setting", "default", "unit", "help"], rows)
        return
    classes = {each: registry.load(kind, each) for each in registry.names(kind)}
    content = [{"name": each, "title": c.title, "summary": c.summary} for each, c in classes.items()]  # type: ignore[attr-defined]
    _show(as_json, content, ["name", "title", "summary"], [list(row.values()) for row in content])


def _show(as_json: bool, content: list[dict[str, Any]], head: list[str], rows: list[list[str]]) -> None:
    if as_json:
        print(json.dumps(content))
        return
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    console().print(table)


@app.command("showcase")
def showcase(
    make: Annotated[
        bool, typer.Option("--make", help="Compute the shipped runs anew and write their zips, which takes minutes.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(metavar="RUN", help="With --make: this one alone.")] = None,
) -> None:
    """Bring the finished runs that come with Poisonscope into the store, and draw their images."""
    shipped = importlib.import_module("core.showcase")
    known = {entry.id: entry for entry in shipped.entries()}
    for name in only or ():
        if name not in known:
            raise SpecError(f"There is no shipped run {name!r}; legal are {', '.join(known)}.")
    store = Store()
    if make:
        chosen = [entry for entry in known.values() if not only or entry.id in only]
        importlib.import_module("core.showcase.make").make(store, chosen, console().print, _Bar)
        return
    step_back()  # the dashboard starts this beside its first page
    told = shipped.load(store) + importlib.import_module("core.showcase.draw").draw(store)
    for line in told or [f"{len(known)} shipped runs are there."]:
        console().print(line)


@app.command("worker")
def work() -> None:
    """Take queued runs in turn until interrupted; the dashboard starts one by itself."""
    from core.runs.worker import serve

    serve(Store())


app.add_typer(cli_bench.app)


def main() -> None:
    """Run the command line and turn every error into one sentence."""
    try:
        problem = checks.python_problem()
        if problem:
            raise PoisonscopeError(problem)
        code = app(standalone_mode=False)
        if code == INTERRUPTED:  # typer catches KeyboardInterrupt and hands this over
            print("Stopped.", file=sys.stderr)
        sys.exit(code if isinstance(code, int) else 0)
    except PoisonscopeError as error:
        print(error, file=sys.stderr)
    except OSError as error:  # the home folder or a file that was named
        print(f"Cannot use {error.filename!r}: {error.strerror or error}.", file=sys.stderr)
    except _UsageProblem as error:
        text = error.format_message()  # type: ignore[attr-defined]
        print(text if text.startswith("Usage:") else f"{text} See python -m core --help.", file=sys.stderr)
    sys.exit(2)
