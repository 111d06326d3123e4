"""The table of who gets most out of few poisons."""

import html
from collections.abc import Sequence
from typing import Any

from app import routes
from core.runs import labels
from core.runs.leaderboard import Entry, Met, Place
from core.verdict import of, percent

HEAD = ("Place", "Attack", "Poisons", "Attack success", "Success per poison", "Clean accuracy", "After defense")
MOST = 25
"""Lines of the table."""


def table(board: Sequence[Place], strengths: Sequence[str], mine: str | None) -> str:
    """The table as HTML; every name is escaped.

    Args:
        board: the best first.
        strengths: settings of an attack that say how strong one poison is.
        mine: hash of the experiment that is being put together, so that its line stands out; None for none.
    """
    head = "".join(f'<th scope="col">{title}</th>' for title in HEAD)
    rows = "".join(_row(place, strengths, mine) for place in board[:MOST])
    return (
        f'<div class="ps-wide-table"><table class="ps-arms ps-sweep ps-board"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(place: Place, strengths: Sequence[str], mine: str | None) -> str:
    entry = place.entry
    run = entry.run
    link = f'<a href="{routes.href(run.id)}" target="_self">{html.escape(run.name)}</a>'
    settings = [name for name in strengths if name in entry.attack][:1]
    about = [html.escape(labels.words("attacks", entry.attack, settings)), _trials(entry), _origin(entry)]
    gain = f"<b>{_points(entry.gain)} points</b>{_quiet(f'{_points(entry.low)} to {_points(entry.high)}')}"
    baseline = f"clean baseline {percent(entry.baseline['mean'])}"
    met = "".join(_met(each) for each in entry.met) or '<span class="ps-quiet">none tried</span>'
    cells = [
        f"<b>{place.best if place.best == place.worst else f'{place.best} to {place.worst}'}</b>",
        f"{link}{_quiet(' · '.join(filter(None, about)))}",
        f"{entry.poisons:,}",
        f"<b>{percent(entry.success['mean'])}</b>{_quiet(_interval(entry.success))}{_quiet(baseline)}",
        gain,
        f"{percent(entry.accuracy['mean'])}{_quiet(_interval(entry.accuracy, counts=False))}",
        met,
    ]
    chosen = ' class="mine"' if run.spec_hash == mine else ""
    return f"<tr{chosen}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _points(value: float) -> str:
    return (f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}").replace("-", "−")


def _met(met: Met) -> str:
    cost = f"{_interval(met.success)}; accuracy {percent(met.accuracy['mean'])}"
    return f"<div>{html.escape(met.defense)}: <b>{percent(met.success['mean'])}</b>{_quiet(cost)}</div>"


def _interval(rate: dict[str, Any], *, counts: bool = True) -> str:
    words = f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f} %"
    return f"{words}, {of(rate)}" if counts else words


def _trials(entry: Entry) -> str:
    spec = entry.run.spec
    keys, victims = spec.get("keys", 1), spec.get("victims", 1)
    return f"{keys} keys × {victims} victims" if keys * victims > 1 else "one model"


def _origin(entry: Entry) -> str:
    return "shipped" if entry.run.origin == "showcase" else ""


def _quiet(words: str) -> str:
    return f'<br><span class="ps-quiet">{words}</span>' if words else ""
