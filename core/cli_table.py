"""The command that measures a published table: its runs, ours beside what was published, and what all of it takes."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import checks, replication
from core import device as devices
from core.cli_base import AsJson, Assignments
from core.cli_run import performed
from core.describe import duration
from core.errors import PoisonscopeError, SpecError
from core.replication import Part, Replication
from core.runs.store import Store

if TYPE_CHECKING:
    from core.steps import Step

app = typer.Typer()

HEAD = (
    "defense", "attack success, ours", "published", "clean accuracy, ours", "published",
    "minutes of a training, ours", "published",
)  # fmt: skip


@app.command("table")
def table(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which table; without it, the names.")] = None,
    assignments: Assignments = None,
    rows: Annotated[
        list[str] | None, typer.Option("--only", metavar="TEXT", help="Only rows with this in their name.")
    ] = None,
    estimated: Annotated[
        bool, typer.Option("--estimate", help="Run nothing: say how long it would take on this machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a published table: do its runs, and print ours beside the published numbers, as markdown."""
    if name is None:
        raise SpecError(f"Which table to measure was not said; legal are {', '.join(replication.names())}.")
    wanted = replication.only(replication.load(name), rows or ())
    parts = replication.parts(wanted, assignments or ())
    if problem := checks.torch_problem():
        raise PoisonscopeError(problem)
    told = _estimated(wanted, parts) if estimated else _measured(wanted, parts)
    content = {
        "table": wanted.name,
        "title": wanted.title,
        "setting": wanted.table.setting,
        "source": wanted.table.source,
        "changed": list(assignments or ()),
        "departures": list(wanted.departures),
        **told,
    }
    if as_json:
        print(json.dumps(content))
    else:
        print("\n".join(_markdown(content)))


def _measured(wanted: Replication, parts: Sequence[Part]) -> dict[str, Any]:
    """Do all runs; a step that several of them have, or that was computed earlier, is not computed again."""
    steps, artifacts = _steps(parts), Store().artifacts
    found = any(artifacts.has(key) for key in steps)
    begun = time.monotonic()
    results = [performed(part.experiment) for part in parts]
    spent = time.monotonic() - begun
    noted = [(step.poison_key, float(artifacts.meta(key).get("seconds", 0.0))) for key, step in steps.items()]
    if found:
        spent = sum(seconds for _, seconds in noted) / _lanes(parts, len(noted))
    asked, full = parts[0].experiment.keys, int(wanted.content["keys"])
    took = f"the runs of {_keys(asked)} took {'at least ' * found}{duration(spent)}"
    how = f"measured: {took}"
    if found or asked != full:
        counted = ", which is what those steps noted that train; some were computed earlier" if found else ""
        how = f"extrapolated to {_keys(full)}: {took}{counted}"
    return {
        "rows": replication.lines(wanted, list(zip(parts, results, strict=True))),
        "runs": [result["run"] for result in results],
        "device": results[0]["device"],
        "total": {
            "seconds": spent * replication.scaled(noted, asked, full),
            "keys": full,
            "measured": not found and asked == full,
            "how": how,
        },
    }


def _estimated(wanted: Replication, parts: Sequence[Part]) -> dict[str, Any]:
    """Run nothing; expect of every step what it took before, or what is guessed."""
    from core.ahead import ahead

    experiments = [part.experiment for part in parts]
    used = [devices.pick(each.device) for each in experiments]
    all_of_it, left = (ahead(experiments, artifacts, used).seconds for artifacts in (None, Store().artifacts))
    keys = parts[0].experiment.keys
    return {
        "rows": replication.lines(wanted, []),
        "runs": [],
        "device": devices.describe(used[0]),
        "total": {
            "seconds": all_of_it,
            "left": left,
            "keys": keys,
            "measured": False,
            "how": f"extrapolated to {_keys(keys)}, nothing was run; {duration(left)} of it are still to do",
        },
    }


def _steps(parts: Sequence[Part]) -> "dict[str, Step]":
    """The steps of all runs, each once."""
    from core.steps import plan

    return {step.key: step for part in parts for step in plan(part.experiment)}


def _lanes(parts: Sequence[Part], works: int) -> int:
    return devices.lanes(works, devices.pick(parts[0].experiment.device))


def _keys(count: int) -> str:
    return f"{count} key{'s' if count > 1 else ''}"


# ---- as markdown


def _markdown(content: dict[str, Any]) -> Iterator[str]:
    yield f"## {content['title']}"
    yield ""
    yield _line(HEAD)
    yield _line(["---"] * len(HEAD))
    for row in content["rows"]:
        ours, claim = row["ours"] or {}, row["published"]
        seconds, minutes = ours.get("seconds"), claim["minutes"]
        yield _line([
            row["row"],
            _rate(ours.get("attack_success")), f"{100 * claim['attack_success']:.3g} %",
            _rate(ours.get("clean_accuracy")), f"{100 * claim['clean_accuracy']:.2f} %",
            "-" if seconds is None else f"{seconds / 60:.1f}", "-" if minutes is None else f"{minutes:g}",
        ])  # fmt: skip
    yield ""
    yield f"Published: {content['source']}; {content['setting']}."
    yield f"Ours: on {content['device']}; 95 % intervals in brackets, n is what a rate was measured on."
    if content["changed"]:
        yield f"Changed, so that ours is not the published experiment: {', '.join(content['changed'])}."
    yield from (f"- {departure}" for departure in content["departures"])
    yield from (f"- {row['row']}: {row['published']['note']}" for row in content["rows"] if row["published"]["note"])
    yield ""
    yield f"Total: {duration(content['total']['seconds'])} on {content['device']}, {content['total']['how']}."


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rate(rate: dict[str, Any] | None) -> str:
    if rate is None:
        return "-"
    mean, low, high = (f"{100 * rate[name]:.1f}" for name in ("mean", "low", "high"))
    return f"{mean} % [{low}, {high}], n {rate['n']}"
