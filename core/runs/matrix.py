"""Attacks against defenses: what every defense makes of every attack, over runs on the same images and networks.

A row is one attack on the same trials: all of its cells met the same poisons, so that they can be compared with each
other; rows cannot, because their targets or triggers are other ones. An attacker that knows a defense has a row for
each defense that it expects: its poisons are other ones every time.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import SpecError
from core.metrics import Rate as Interval
from core.metrics import difference
from core.runs import labels
from core.runs.alike import Content, expected, normal
from core.runs.comparison import TRIALS, UNREADABLE, Point, Rate, compare, other_setup, told_apart, unfinished
from core.runs.record import Run

BARE = "its attack has met no defense"
EXPECTS = "expects"
PUBLIC = ("adaptive",)
"""Settings of an attack that tell nothing about which rows are poisons."""


@dataclass(frozen=True)
class Cell:
    """One attack against one defense.

    Attributes:
        run: id of the run that it is taken from.
        success: attack success.
        drop: clean accuracy that is lost against the same run without a defense, as a share; None of no defense.
        low, high: 95 % interval of the drop.
        cost: passes over those without a defense; None where it cannot be told.
        expects: the defense that the attacker expects, where it knows one.
    """

    run: str
    success: Rate
    drop: float | None
    low: float | None
    high: float | None
    cost: float | None
    expects: str


@dataclass(frozen=True)
class Matrix:
    """Attacks (rows) against defenses (columns).

    Attributes:
        rows, columns: what they are called.
        cells: by (row, column); those that were not run are not in it.
        left: runs that are not in it, and why.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[int, int], Cell]
    left: tuple[tuple[Run, str], ...]


def matrix(base: Run, others: Iterable[Run], *, twins: bool = False, truth: bool = True, bare: bool = True) -> Matrix:
    """What is known of attacks and defenses on the images and networks of one run.

    Args:
        base: the run; its attack is the first row.
        others: any runs.
        truth: whether attacks may be called by settings that only the attacker knows.
        bare: whether attacks that met no defense get rows too; the base's does in any case.

    Raises:
        SpecError: this version cannot read the run's experiment.
    """
    normal(base.spec)
    runs, left = [base, *(other for other in others if other.id != base.id)], []
    rows: dict[str, list[Run]] = {}
    for run in runs:
        if why := unfinished(run) or _other_setup(base, run):
            left.append((run, why))
        else:
            rows.setdefault(json.dumps(_aim(run), sort_keys=True), []).append(run)
    found: dict[str, dict[str, Cell]] = {}
    points: dict[str, Point] = {}
    for row, own in rows.items():
        told = [each for run in own for each in _cells(run)]
        if not bare and base not in own and all(point.role == "undefended" for _, point, _ in told):
            left += [(run, BARE) for run in own]
            continue
        found[row] = {}
        for column, point, cell in told:
            points.setdefault(column, point)
            found[row].setdefault(column, cell)
    ordered = told_apart(list(points.values()))
    columns = [_column(point) for point in ordered]
    cells = {
        (number, columns.index(column)): cell
        for number, row in enumerate(found.values())
        for column, cell in row.items()
    }
    names = tuple(point.label for point in ordered)
    return Matrix(tuple(_rows([_aim(rows[row][0]) for row in found], truth)), names, cells, tuple(left))


def _other_setup(base: Run, run: Run) -> str:
    try:
        return other_setup(base, run)
    except SpecError:
        return UNREADABLE


def _aim(run: Run) -> Content:
    """What makes a row: the attack, who is attacked, and which defense the attacker expects."""
    content = normal(run.spec)
    return {
        "attack": content["attack"],
        **{part: content[part] for part in TRIALS},
        EXPECTS: _expects(run),
    }


def _expects(run: Run) -> str:
    """The defense that the attacker expects, in words; empty where it knows none."""
    known = expected(run.spec)
    return labels.named("defenses", known, labels.strengths("defenses", [known])[0]) if known else ""


def _cells(run: Run) -> list[tuple[str, Point, Cell]]:
    """The arms of one run by the column that they belong to."""
    told = compare(run, ())
    plain, known = told.undefended, expected(run.spec)
    expects = _expects(run)
    cells = []
    for point in told.points:
        met = known is None or point.role == "undefended" or point.defense == known
        if point.role not in ("undefended", "defense") or not met:
            continue
        gap: tuple[float | None, float | None, float | None] = (None, None, None)
        if plain is not None and point.role != "undefended":
            gap = difference(_rate(plain.accuracy), _rate(point.accuracy))
        cells.append((_column(point), point, Cell(run.id, point.success, *gap, point.cost, expects)))
    return cells


def _column(point: Point) -> str:
    """What makes a column."""
    return json.dumps([point.role, point.name, point.defense], sort_keys=True)


def _rate(told: Rate) -> Interval:
    return Interval(told["mean"], told["low"], told["high"], told["n"])


def _public(attack: Content) -> Content:
    return {name: attack[name] for name in ("name", *PUBLIC) if name in attack}


def _rows(aims: Sequence[Content], truth: bool) -> list[str]:
    """Attacks by title and by what tells them apart; the number of trials and what they expect only where it does."""
    shown = [aim["attack"] if truth else _public(aim["attack"]) for aim in aims]
    told = labels.strengths("attacks", shown, alone=PUBLIC)
    named = []
    for aim, strength in zip(aims, told, strict=True):
        twins = [other for other in aims if other["attack"] == aim["attack"]]
        expects = f"expects {aim[EXPECTS]}" if any(other[EXPECTS] != aim[EXPECTS] for other in twins) else ""
        same = [other for other in twins if other[EXPECTS] == aim[EXPECTS]]
        differ = [part for part in TRIALS if any(other[part] != aim[part] for other in same)]
        trials = ", ".join(_counted(part, aim[part]) for part in differ)
        named.append(" · ".join(filter(None, [labels.named("attacks", aim["attack"], strength), expects, trials])))
    return named


def _counted(part: str, number: int) -> str:
    one = part.removesuffix("s")
    return f"seed {number}" if part == "seed" else f"{number} {one if number == 1 else part}"
