"""A card a method: what it is, what it assumes, when it fails, where it comes from."""

import html
import re
from typing import Any

from core import registry
from core.errors import PoisonscopeError
from core.facts import FACTS
from core.report.parts import Block, Words
from core.runs.view import RunView

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def cards(seen: RunView, truth: bool) -> list[Block]:
    """The data, the network, the attack and every defense of a run."""
    spec = seen.run.spec
    parts = [("attacks", "Attack", spec.get("attack"))]
    parts += [("defenses", "Defense", part) for part in spec.get("defenses", [])]
    parts += [("datasets", "Data", spec.get("data")), ("models", "Network", spec.get("model"))]
    made = "".join(_card(seen, kind, role, part, truth) for kind, role, part in parts if part)
    return [Words(f'<div class="cards">{made}</div>')] if made else []


def _card(seen: RunView, kind: str, role: str, part: dict[str, Any], truth: bool) -> str:
    try:
        method: Any = registry.load(kind, part["name"])
    except PoisonscopeError:  # of another version, or of somebody's own file
        return _drawn(role, str(part["name"]), ["This version of Poisonscope does not know it."])
    told = [html.escape(_said(method, "summary"))]
    if words := _said(method, "threat"):
        told.append(f"<b>What the attacker does:</b> {html.escape(words)}")
    if kind == "defenses":
        told.append(f"<b>Was told:</b> {_known(seen, part['name'], truth)}")
    if words := _said(method, "fails_when"):
        told.append(f"<b>Fails when:</b> {html.escape(words)}")
    if words := _said(method, "source"):
        told.append(f"<b>Source:</b> {_linked(words)}")
    return _drawn(role, str(method.title), told)


def _said(method: Any, name: str) -> str:
    return str(getattr(method, name, "") or "")


def _drawn(role: str, title: str, lines: list[str]) -> str:
    told = "".join(f"<p>{line}</p>" for line in lines if line)
    return f'<article class="card"><p class="role">{role}</p><h3>{html.escape(title)}</h3>{told}</article>'


def _known(seen: RunView, defense: str, truth: bool) -> str:
    """What the defense was told, as HTML: facts, and their values where these may be told."""
    facts = seen.knows(defense)
    words = [FACTS.get(fact, fact) + (f" ({value})" if truth else "") for fact, value in facts.items()]
    return html.escape(", ".join(words) or "nothing but the training set itself")


def _linked(source: str) -> str:
    """The source with its arXiv number as a link; a link asks for nothing until somebody follows it."""
    return ARXIV.sub(r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv:\1</a>', html.escape(source))
