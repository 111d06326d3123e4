"""The command line: the same steps and the same store as the dashboard.

Every error is one sentence on standard error, with exit status 2 and no traceback; Ctrl-C ends with 130, as in a shell.
"""

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core import checks, cli_bench, cli_files, cli_table, presets, registry, spec
from core import device as devices
from core.cli_base import AsJson, Assignments, RunId, console
from core.cli_run import Bar, performed
from core.describe import duration
from core.errors import PoisonscopeError, SpecError
from core.runs.child import step_back
from core.runs.record import Run
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
    assignments: Assignments = None,
    estimated: Annotated[
        bool, typer.Option("--estimate", help="Run nothing: say how long it would take on this machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run an experiment to its end; exit status 0 only when all of it is done."""
    experiment = spec.parse(_content(what, assignments or []))
    if estimated:
        _print_estimate(experiment, as_json)
        return
    result = performed(experiment)
    if as_json:
        print(json.dumps(result))
    else:
        _print_result(result)


def _print_estimate(experiment: spec.Experiment, as_json: bool) -> None:
    """What the dashboard says beside the button."""
    from core.ahead import ahead

    problem = checks.torch_problem()
    if problem:
        raise PoisonscopeError(problem)
    device = devices.pick(experiment.device)
    found = ahead([experiment], Store().artifacts, [device])
    if as_json:
        print(json.dumps({**asdict(found), "device": devices.describe(device)}))
        return
    steps = f"{found.ready:,} of {found.ready + found.missing:,} steps are computed already"
    print(f"About {duration(found.seconds)} on {devices.describe(device)}, {found.models} to train; {steps}.")


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
        importlib.import_module("core.showcase.make").make(store, chosen, console().print, Bar)
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


app.add_typer(cli_table.app)
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
