"""The command that times methods beside a plain implementation of the same, and pages beside their budget."""

import importlib
import json
from typing import Annotated, Any

import typer

from core.cli_base import console
from core.errors import PoisonscopeError, SpecError

app = typer.Typer()

UNITS = {"seconds": ("ms", 1000.0), "megabytes": ("MB", 1.0), "requests": ("requests", 1.0)}
"""How a unit is printed, and what a number is multiplied with for it."""


@app.command("bench")
def bench(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="What to time; without it, the names.")] = None,
    device: Annotated[str, typer.Option(help="Where to time it: auto, cpu, cuda or mps.")] = "auto",
    only: Annotated[str | None, typer.Option(help="Time only what has this in its name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per entry and nothing else.")] = False,
) -> None:
    """Time a method beside a plain implementation of the same, in one process; or pages beside their budget."""
    try:
        benchmarks = importlib.import_module("benchmarks")  # not installed: it stands beside core in the repository
    except ModuleNotFoundError:
        raise PoisonscopeError("Benchmarks are part of the repository: type this in its folder.") from None
    legal = benchmarks.names()
    if name not in legal:
        given = "What is to be timed was not said" if name is None else f"There is no benchmark {name!r}"
        raise SpecError(f"{given}; legal are {', '.join(legal)}.")
    for result in benchmarks.timed(name, device, only):
        if as_json:
            print(json.dumps(result), flush=True)
        elif "budget" in result:
            _print_line(result)
        else:
            _print_timing(result)


def _print_line(result: dict[str, Any]) -> None:
    """One line of a table: what was measured, its median and spread, and its budget."""
    unit, scale = UNITS[result["unit"]]
    low, median, high = (f"{result['ours'][name] * scale:.0f}" for name in ("low", "median", "high"))
    verdict = {True: "kept", False: "MISSED", None: ""}[result["kept"]]
    budget = "" if result["budget"] is None else f"budget {result['budget'] * scale:.0f}"
    spread = f"[{low}, {high}]"
    line = f"{result['name']:<46} {median:>6} {unit:<8} {spread:<16} {budget:<12} {verdict}"
    facts = ", ".join(f"{what} {value:.4g}" for what, value in result["facts"].items())
    more = [
        f"  {result['rounds']} times on {result['device']}; {facts}{_peak(result['memory'])}",
        *([f"  {result['note']}"] * bool(result["note"])),
    ]
    for text in (line.rstrip(), *more):
        console().print(text, markup=False, soft_wrap=True)


def _print_timing(result: dict[str, Any]) -> None:
    out = console()
    head = f"{result['name']} on {result['device']}, threads: {result['threads']}, load {result['load']:.1f}"
    out.print(head, soft_wrap=True)
    for way in ("ours", "reference"):
        if result[way] is not None:
            out.print(f"  {way:<9}  {_spread(result[way], result['unit'])}", soft_wrap=True)
    told = [] if result["ratio"] is None else [f"{result['ratio']:.2f} times as fast"]
    if result["agreement"]:
        told.append(f"agreement: {_listed(result['agreement'])}")
    if told:
        out.print(f"  {'; '.join(told)}")
    if result["facts"]:
        out.print(f"  {_listed(result['facts'])}")
    out.print(f"  {_peaks(result['memory'])}", soft_wrap=True)
    if result["note"]:
        out.print(f"  {result['note']}")


def _spread(seconds: dict[str, float], unit: str) -> str:
    """Median and spread, in milliseconds or, of images, as a rate."""
    if unit == "seconds per image":
        low, median, high = (f"{1 / seconds[name]:,.0f}" for name in ("high", "median", "low"))
        return f"{median:>8} images per second  [{low}, {high}]"
    low, median, high = (f"{seconds[name] * 1000:.1f}" for name in ("low", "median", "high"))
    return f"{median:>8} ms {unit.removeprefix('seconds ')}  [{low}, {high}]"


def _peak(peaks: dict[str, Any] | None) -> str:
    return "" if peaks is None else f"; peak memory {peaks['ours']['process']:,.0f} MB"


def _peaks(peaks: dict[str, Any]) -> str:
    """Both ways' largest memory, and what it is of."""
    ways = [
        f"{way} {', '.join(f'{megabytes:,.0f} MB ({of})' for of, megabytes in peaks[way].items())}"
        for way in ("ours", "reference")
        if way in peaks
    ]
    since = "" if peaks["alone"] else ", and everything that went before counts"
    return f"peak memory: {'; '.join(ways)}: {importlib.import_module('benchmarks.memory').NOTE}{since}"


def _listed(measures: dict[str, float]) -> str:
    return ", ".join(f"{what} {value:.4f}" for what, value in measures.items())
