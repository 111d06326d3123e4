"""The state of a run as a chip, and the few words about a run that every page shows."""

import html
import time
from typing import Any

from core.runs.store import Run

COLOURS = {
    "queued": "grey", "starting": "blue", "running": "blue", "stalled": "amber", "stopping": "amber",
    "cancelled": "grey", "done": "green", "failed": "red", "lost": "red", "incompatible": "grey",
}  # fmt: skip

START = {"fine_tune": "fine-tuned", "transfer": "frozen features"}
"""Scenarios in two words; from scratch is what one expects."""


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 129_600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def age(created: float) -> str:
    """How long ago."""
    passed = max(0.0, time.time() - created)
    return "just now" if passed < 10 else f"{duration(passed)} ago"


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th ..."""
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def words(run: Run) -> str:
    """The state in two or three words."""
    took = duration(run.seconds) if run.seconds else ""
    quiet = duration(time.time() - run.heartbeat) if run.heartbeat else "a while"
    return {
        "queued": f"Waiting ({ordinal(run.position)})" if run.position else "Waiting",
        "starting": "Loading PyTorch",
        "running": f"Running, {run.progress:.0%}",
        "stalled": f"No sign for {quiet}",
        "stopping": "Stopping",
        "cancelled": f"Stopped after {took}" if took else "Stopped",
        "done": f"Finished in {took}" if took else "Finished",
        "failed": "Failed",
        "lost": "Worker vanished",
        "incompatible": "Made by another version",
    }.get(run.state, run.state)


def chip(run: Run) -> str:
    """The chip as HTML."""
    return f'<span class="ps-chip {COLOURS.get(run.state, "grey")}">{html.escape(words(run))}</span>'


def title(kind: str, part: dict[str, Any] | None) -> str:
    """The name on screen of a component in a stored spec; its file's name where it is unknown here."""
    from core import registry
    from core.errors import PoisonscopeError

    if not part:
        return "No attack" if kind == "attacks" else ""
    try:
        return str(registry.load(kind, part["name"]).title)  # type: ignore[attr-defined]
    except PoisonscopeError:
        return str(part["name"])


def facts(run: Run) -> str:
    """Attack, budget, data, defenses, repeats and seed of a run in one line of plain text."""
    spec = run.spec
    attack = spec.get("attack")
    parts = [title("attacks", attack)]
    if attack and attack.get("poison_fraction") is not None:
        parts.append(f"{attack['poison_fraction']:.1%} poison")
    if attack and "epsilon" in attack:
        parts.append(f"epsilon {attack['epsilon']}/255")
    parts.append(f"on {title('datasets', spec.get('data'))}")
    if start := START.get(spec.get("scenario", "")):
        parts.append(start)
    told = [", ".join(parts), ", ".join(title("defenses", one) for one in spec.get("defenses", [])) or "no defense"]
    if attack and spec.get("keys", 1) > 1:
        victims = spec.get("victims", 1)
        told.append(f"{spec['keys']} keys × {victims} victim{'s' if victims > 1 else ''}")
    return " · ".join([*told, f"seed {spec.get('seed', 0)}"])
