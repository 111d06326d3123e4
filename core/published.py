"""Values that others have published, with their sources: shown as claimed beside what is measured here."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.spec import read

FILE = Path(__file__).resolve().parent.parent / "assets" / "published.toml"


@dataclass(frozen=True)
class Claim:
    """One defense in somebody's table.

    Attributes:
        defense, strength: as this project calls them.
        success, accuracy: attack success and clean accuracy, in [0, 1].
        minutes: of one training; None where it is not given.
        rerun: whether the table's authors measured another group's method.
        note: what to know about the value.
    """

    defense: str
    strength: str
    success: float
    accuracy: float
    minutes: float | None
    rerun: bool
    note: str

    @property
    def label(self) -> str:
        """Method and strength."""
        return " · ".join(filter(None, [self.defense, self.strength]))


@dataclass(frozen=True)
class Table:
    """A published table, or the part of it that shares its settings.

    Attributes:
        name: short, for links.
        title: for people.
        source: who, when, where.
        setting: data, network, attack, training.
        attack: the attack's name in this project, or what it would be called.
        claims: its rows.
    """

    name: str
    title: str
    source: str
    setting: str
    attack: str
    claims: tuple[Claim, ...]


@cache
def tables() -> tuple[Table, ...]:
    """All of them, in the order of the file."""
    return tuple(_table(dict(each)) for each in read(FILE)["tables"])


def _table(told: dict[str, Any]) -> Table:
    claims = tuple(_claim(row) for row in told.pop("rows"))
    return Table(**told, claims=claims)


def _claim(row: dict[str, Any]) -> Claim:
    return Claim(
        row["defense"],
        row.get("strength", ""),
        row["success"] / 100,
        row["accuracy"] / 100,
        row.get("minutes"),
        row.get("rerun", False),
        row.get("note", ""),
    )
