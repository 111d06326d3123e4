"""What a report is made of: sections of tables, charts and words. HTML and CSV are written from these alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.charts.chart import Chart
from core.verdict import Verdict, percent

SECTIONS = {
    "numbers": "Numbers",
    "defenses": "What the defenses removed",
    "learning": "While it was learning",
    "trials": "Trial by trial",
    "lens": "The class under the lens",
    "gradients": "The gradient space",
    "poisons": "Poisons beside their originals",
    "sweep": "How much does it take?",
    "methods": "Methods",
    "settings": "Settings",
    "again": "Do it again",
}
"""What can be left out, in the order in which it stands; verdict and flags cannot."""


@dataclass(frozen=True)
class Wanted:
    """What a report is to hold.

    Attributes:
        title: the run's name where it is empty.
        author, notes: nothing where they are empty; an empty line in the notes begins a paragraph.
        sections: of SECTIONS.
        truth: whether it tells what only the attacker knows: which rows are poisons, how many of them a defense
            caught, which class is wanted. Without it none of this is anywhere in the file.
    """

    title: str = ""
    author: str = ""
    notes: str = ""
    sections: tuple[str, ...] = tuple(SECTIONS)
    truth: bool = True


@dataclass(frozen=True)
class Cell:
    """A place in a table.

    Attributes:
        shown: as a person reads it.
        value: the number itself, or the same text.
        low, high: 95 % interval of a rate, in [0, 1].
        n: what a rate was measured on.
        models: how many models are behind it.
    """

    shown: str
    value: float | int | str | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    models: int = 1


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows whose first cell is their name."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Drawing:
    """A chart under its title."""

    title: str
    chart: Chart


@dataclass(frozen=True)
class Words:
    """Ready, escaped HTML."""

    html: str


Block = Table | Drawing | Words


@dataclass(frozen=True)
class Section:
    """A part of a report with a heading; `name` is one of SECTIONS."""

    name: str
    blocks: Sequence[Block]

    @property
    def title(self) -> str:
        """Its heading."""
        return SECTIONS[self.name]


@dataclass(frozen=True)
class Report:
    """A report before it is written down.

    Attributes:
        facts: what the run was, in one line.
        made: when and where, in one line.
        flags: [{"code", "message"}].
    """

    wanted: Wanted
    title: str
    facts: str
    made: str
    verdict: Verdict
    flags: Sequence[Mapping[str, str]]
    sections: Sequence[Section]


def rate(told: Mapping[str, Any] | None) -> Cell:
    """A rate as the store has it: {"mean", "low", "high", "n", "seeds"}."""
    if not told:
        return word("–")
    shown, models = percent(told["mean"]), int(told.get("seeds", 1))
    return Cell(shown, told["mean"], told["low"], told["high"], int(told["n"]), models)


def share(value: float) -> Cell:
    """A share in [0, 1] without an interval."""
    return Cell(percent(value), value)


def number(value: float, digits: int = 0) -> Cell:
    """A number with so many decimals."""
    return Cell(f"{value:,.{digits}f}", value)


def word(text: str) -> Cell:
    """A text."""
    return Cell(text, text)


def cell(value: Any) -> Cell:
    """Whatever stands in the table of a chart."""
    if isinstance(value, Mapping):
        return rate(value)
    if value is None:
        return Cell("–", None)
    if isinstance(value, bool | int):
        return Cell(f"{value:,}", int(value))
    return Cell(f"{value:.4g}", value) if isinstance(value, float) else word(str(value))


def table_of(drawing: Drawing) -> Table:
    """The numbers behind a chart."""
    columns = drawing.chart.table
    rows = [[cell(value) for value in row] for row in zip(*columns.values(), strict=True)]
    return Table(drawing.title, list(columns), rows)
