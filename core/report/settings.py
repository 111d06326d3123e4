"""What was asked for, and how to ask for it again."""

import html
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from core import __version__, describe, settings
from core.errors import PoisonscopeError
from core.report.parts import Block, Table, Words, word
from core.runs.record import Run
from core.runs.view import RunView

LONGEST = 200
"""Letters of a value that the table shows; a list of rows may have thousands."""
ATTACKERS = "attack."
"""What the settings begin with that only the attacker knows."""


def table(seen: RunView, truth: bool) -> list[Block]:
    """Every setting of the experiment; of the attack its name alone where the truth is hidden."""
    told = [
        (path, value)
        for path, value in _flat("", {name: part for name, part in form(seen.run).items() if name != "name"})
        if truth or path == f"{ATTACKERS}name" or not path.startswith(ATTACKERS)
    ]
    return [Table("Settings", ["Setting", "Value"], [[word(path), word(_shown(value))] for path, value in told])]


def form(run: Run) -> dict[str, Any]:
    """The whole experiment, defaults written out; as it was stored where this version cannot read it."""
    try:
        return settings.whole({**run.spec, "name": run.name})
    except PoisonscopeError:
        return {**run.spec, "name": run.name}


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Paths and values; a component of a list stands under its name."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list) and value and all(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value):
            yield from _flat(f"{path}.{inner.get('name', number)}", inner)
    else:
        yield path, value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text):,} letters)"


def again(seen: RunView, truth: bool) -> list[Block]:
    """The command, and everything that has to be the same."""
    run, result = seen.run, seen.result or {}
    versions = result.get("versions") or {}
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    facts = {
        "Configuration": run.spec_hash,
        "Seed": str(run.spec.get("seed", 0)),
        "Versions": listed or "not recorded: this run was made before versions were",
        "Machine": str(result.get("device") or run.device),
        "Took": describe.duration(run.seconds),
        "Report by": f"Poisonscope {__version__}",
    }
    blocks: list[Block] = [
        Table("What has to be the same", ["Fact", "Value"], [[*map(word, fact)] for fact in facts.items()])
    ]
    if not truth:
        words = "The command and the configuration are left out: they would tell what was poisoned."
        return [Words(f"<p>{words}</p>"), *blocks]
    try:
        whole = settings.whole({**run.spec, "name": run.name})
    except PoisonscopeError as error:
        return [Words(f"<p>This version cannot repeat the run: {html.escape(str(error))}</p>"), *blocks]
    command = settings.shortest(whole) or ["python", "-m", "core", "run", f"{run.id}.toml"]
    file = html.escape(settings.as_toml(whole))
    configuration = (
        f"<details><summary>The whole experiment, to be saved as {html.escape(run.id)}.toml</summary>"
        f"<pre>{file}</pre></details>"
    )
    return [Words(f"<pre>{html.escape(shlex.join(command))}</pre>"), *blocks, Words(configuration)]
