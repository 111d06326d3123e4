"""A run in a few words of plain text: its parts by their titles, its settings in one line, how long it took."""

import re
from typing import Any

from core import registry
from core.errors import PoisonscopeError
from core.runs.record import Run

START = {"fine_tune": "fine-tuned", "transfer": "frozen features"}
"""Scenarios in two words; from scratch is what one expects."""


def markdown(words: str) -> str:
    """Words as Markdown that shows just them.

    What would be markup is escaped; what Streamlit or the browser makes a link, an icon or an arrow of even then is
    parted by a sign of no width.
    """
    parted = re.sub(r"(?i)(?<=:)(?=[\w/])|(?<=www)(?=\.)|(?<=@)|(?<=[-<>=~])(?=[-<>=])", "\u2060", words)
    escaped = re.sub(r"([\\`*_{}\[\]()<>#|~$!+&])", r"\\\1", parted)
    return re.sub(r"(?m)(^\s*\d*)(?=[-=]|\.(\s|$))", r"\1\\", escaped)  # what begins a list or underlines a heading


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 129_600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def privacy(told: dict[str, Any] | None) -> str:
    """What a training with clipped and noisy gradients promises, `epsilon 3.2 at delta 1e-05`; empty of any other."""
    if told is None:
        return ""
    epsilon = told["epsilon"]
    if epsilon is None:
        return "no guarantee"
    said = f"{epsilon:,.0f}" if epsilon >= 10 else f"{epsilon:.2g}"
    return f"epsilon {said} at delta {told['delta']:g}"


def within(title: str) -> str:
    """A title within a sentence: words lose their capital; what is none (EPIC, CutMix) keeps it."""
    first, space, rest = title.partition(" ")
    return (first.lower() if first.istitle() else first) + space + rest


def title(kind: str, part: dict[str, Any] | None) -> str:
    """The name on screen of a component in a stored spec; its file's name where it is unknown here."""
    if not part:
        return "No attack" if kind == "attacks" else ""
    try:
        return str(registry.load(kind, part["name"]).title)  # type: ignore[attr-defined]
    except PoisonscopeError:
        return str(part["name"])


def facts(run: Run, *, truth: bool = True) -> str:
    """Attack, budget, data, defenses, repeats and seed of a run in one line of plain text; no budget without truth."""
    spec = run.spec
    attack = spec.get("attack")
    parts = [title("attacks", attack)]
    if truth and attack and attack.get("poison_fraction") is not None:
        parts.append(f"{attack['poison_fraction']:.1%} poison")
    if truth and attack and "epsilon" in attack:
        parts.append(f"epsilon {attack['epsilon']}/255")
    parts.append(f"on {title('datasets', spec.get('data'))}")
    if start := START.get(spec.get("scenario", "")):
        parts.append(start)
    told = [", ".join(parts), ", ".join(title("defenses", one) for one in spec.get("defenses", [])) or "no defense"]
    if attack and spec.get("keys", 1) > 1:
        victims = spec.get("victims", 1)
        told.append(f"{spec['keys']} keys × {victims} victim{'s' if victims > 1 else ''}")
    return " · ".join([*told, f"seed {spec.get('seed', 0)}"])
