"""Published tables as experiments: the runs that a table takes, and what came of them beside what was published."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core import published, spec
from core.errors import SpecError
from core.published import Claim, Table
from core.spec import Experiment

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "tables"
UNDEFENDED = "undefended"


@dataclass(frozen=True)
class Row:
    """One row: what was published, and the defense that is measured for it; None without one."""

    claim: Claim
    defense: dict[str, Any] | None

    @property
    def arm(self) -> str:
        """What the row is called in a run's result."""
        return str(self.defense["name"]) if self.defense else UNDEFENDED


@dataclass(frozen=True)
class Replication:
    """A published table and the experiment behind its rows.

    Attributes:
        name: stem of its file.
        title: for people.
        table: what was published.
        departures: sentences, in what the experiment differs.
        rows: of the table, those that are measured here.
        content: the experiment's mapping without defenses, unchecked.
    """

    name: str
    title: str
    table: Table
    departures: tuple[str, ...]
    rows: tuple[Row, ...]
    content: dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One experiment of a table, and the rows that it measures."""

    experiment: Experiment
    rows: tuple[Row, ...]


def names() -> list[str]:
    """All tables that can be measured."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Replication:
    """A table by name.

    Raises:
        SpecError: there is none of that name.
    """
    if name not in names():
        raise SpecError(f"There is no table {name!r}; legal are {', '.join(names())}.")
    told = spec.read(FOLDER / f"{name}.toml")
    table = next(each for each in published.tables() if each.name == told["claims"])
    claims = {claim.label: claim for claim in table.claims}
    rows = tuple(Row(claims[row["claim"]], row.get("defense")) for row in told["rows"])
    return Replication(name, told["title"], table, tuple(told["departures"]), rows, told["experiment"])


def only(wanted: Replication, words: Iterable[str]) -> Replication:
    """The table with the rows alone that have one of some words in their name; with none, all of it.

    Raises:
        SpecError: a word is in no name.
    """
    words = [word.lower() for word in words]
    labels = [row.claim.label for row in wanted.rows]
    for word in words:
        if not any(word in label.lower() for label in labels):
            raise SpecError(f"No row of {wanted.name!r} has {word!r} in its name; there are {', '.join(labels)}.")
    kept = [row for row in wanted.rows if not words or any(word in row.claim.label.lower() for word in words)]
    return replace(wanted, rows=tuple(kept))


def parts(wanted: Replication, assignments: Iterable[str] = ()) -> list[Part]:
    """As few experiments as measure all rows: of one defense each holds one strength.

    They differ in nothing but their defenses, so all of them share images, surrogates, poisons, controls and victims.

    Args:
        wanted: the table.
        assignments: `path=value` changes of the experiment.

    Raises:
        SpecError: a change that is not legal, or one of the defenses: they are the rows.
    """
    assignments = list(assignments)
    for assignment in assignments:
        if assignment.startswith("defenses"):
            raise SpecError(
                f"{assignment!r} changes the defenses, which are the table's rows; choose rows with --only."
            )
    content = spec.changed(wanted.content, assignments)
    groups: list[list[Row]] = [[]]
    for row in wanted.rows:
        free = next((group for group in groups if row.arm not in [other.arm for other in group]), None)
        if free is None:
            groups.append(free := [])
        free.append(row)
    made = []
    for number, group in enumerate(groups, start=1):
        name = {"name": f"{wanted.name}, part {number} of {len(groups)}"}
        defenses = [row.defense for row in group if row.defense]
        made.append(Part(spec.parse({**name, **content, "defenses": defenses}), tuple(group)))
    return made


def lines(wanted: Replication, measured: Sequence[tuple[Part, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Every row, ours beside what was published, in the table's order.

    Args:
        wanted: the table.
        measured: parts with their results, as `core.results.summary` makes them; rows without one are left empty.

    Returns:
        [{"row", "ours": {"attack_success", "clean_accuracy", "seconds"} or None, "published": {"attack_success",
        "clean_accuracy", "minutes", "rerun", "note"}}]; our rates are {"mean", "low", "high", "n", ...}, published
        ones numbers, both in [0, 1]; seconds are of one training.
    """
    found = {
        row.claim.label: _ours(part.experiment, result["arms"][row.arm])
        for part, result in measured
        for row in part.rows
    }
    labels = [row.claim.label for row in wanted.rows]
    return [
        {"row": label, "ours": found.get(label), "published": _published(row.claim)}
        for label, row in zip(labels, wanted.rows, strict=True)
    ]


def _ours(experiment: Experiment, arm: Mapping[str, Any]) -> dict[str, Any]:
    seconds = arm["seconds"] / (experiment.keys * experiment.victims)
    return {"attack_success": arm["asr"], "clean_accuracy": arm["clean_accuracy"], "seconds": seconds}


def _published(claim: Claim) -> dict[str, Any]:
    return {
        "attack_success": claim.success,
        "clean_accuracy": claim.accuracy,
        "minutes": claim.minutes,
        "rerun": claim.rerun,
        "note": claim.note,
    }


def scaled(noted: Iterable[tuple[int | None, float]], asked: int, wanted: int) -> float:
    """How many times the work of some keys the work of another number of them is.

    Args:
        noted: (key, seconds) of every step; key None is shared by all keys.
        asked: keys that the steps were computed for.
        wanted: keys to scale to.
    """
    shared, own = 0.0, 0.0
    for key, seconds in noted:
        if key is None:
            shared += seconds
        else:
            own += seconds
    return (shared + own * wanted / asked) / (shared + own) if shared + own else wanted / asked
