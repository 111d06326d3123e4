"""What the arms of several runs came to on the very same attack: attack success, clean accuracy and cost.

Runs may stand beside each other where they share images, network, training, scenario, attack, keys, victims and seed:
everything but their defenses. Then all their arms met the same poisons, and a difference is the defense's.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from core.describe import privacy, title
from core.errors import SpecError
from core.figures import palette
from core.runs import costs, labels
from core.runs.alike import Content, defenses, expected, normal, same_images
from core.runs.record import Run

Role = Literal["control", "undefended", "defense", "twin"]
Rate = dict[str, Any]
"""{"mean", "low", "high", "n", ...} in [0, 1], as results hold it."""

SETUP = {
    "data": "other images",
    "model": "another network",
    "training": "another training",
    "scenario": "another scenario",
    "pretraining": "another pretraining",
}
"""Parts that even runs of different attacks have to share, and what it is called when they differ."""
TRIALS = {"keys": "another number of keys", "victims": "another number of victims", "seed": "another seed"}
OTHER_ATTACK, OTHER_AIM = "another attack", "the attack is set differently"
EXPECTS = "its attacker expects another defense"
STATES = {
    "queued": "still on its way", "starting": "still on its way", "running": "still on its way",
    "stalled": "still on its way", "stopping": "still on its way", "cancelled": "stopped before its end",
    "failed": "failed", "lost": "its worker vanished",
}  # fmt: skip
UNREADABLE = "made by another version"
UNMEASURED, UNATTACKED = "attack success was not measured", "nothing was attacked"
FIRST = "adversarial_poisoning"
"""The method that others are held against, where it is there."""


@dataclass(frozen=True)
class Point:
    """One arm.

    Attributes:
        run: id of the run that it is taken from.
        arm: its name there.
        role: what it is for; a twin does something cheaper in its defense's place.
        defense: the defense's settings, of the twin's defense too; None of the control and without a defense.
        name: the method, such as `EPIC`.
        strength: what tells it from other points of the method, such as `q 0.2`; may be empty.
        success, accuracy: rates.
        cost: passes of its trainings over those without a defense; a filter's count those that it reads features from.
            None where it cannot be told.
        seconds: of its trainings.
        privacy: what its trainings promise, where they clip gradients and add noise; else empty.
    """

    run: str
    arm: str
    role: Role
    defense: Content | None
    name: str
    strength: str
    success: Rate
    accuracy: Rate
    cost: float | None
    seconds: float | None
    privacy: str = ""

    @property
    def label(self) -> str:
        """Method and strength."""
        return " · ".join(filter(None, [self.name, self.strength]))


@dataclass(frozen=True)
class Comparison:
    """Arms that met the same poisons.

    Attributes:
        points: the control, without a defense, then defenses with their twins, by method.
        unplaced: arms without a rate, by name.
        standing: the runs that they are taken from, the one that was asked about first.
        left: the others, and why each of them cannot stand beside it.
    """

    points: tuple[Point, ...]
    unplaced: tuple[str, ...]
    standing: tuple[Run, ...]
    left: tuple[tuple[Run, str], ...]

    @property
    def undefended(self) -> Point | None:
        """The point without a defense."""
        return next((point for point in self.points if point.role == "undefended"), None)

    @property
    def defended(self) -> tuple[Point, ...]:
        """The points of defenses, without their twins."""
        return tuple(point for point in self.points if point.role == "defense")


def compare(base: Run, others: Iterable[Run]) -> Comparison:
    """All arms of a run, and of those others that may stand beside it; the same arm of equal experiments once.

    Raises:
        SpecError: this version cannot read the run's experiment.
    """
    normal(base.spec)
    standing, left = [], []
    for run in (base, *(other for other in others if other.id != base.id)):
        why = unfinished(run) or difference(base, run)
        if why:
            left.append((run, why))
        else:
            standing.append(run)
    points: dict[str, Point] = {}
    unplaced: dict[str, str] = {}
    for run in standing:
        for key, arm in _arms(run).items():
            found = _point(run, arm)
            if found is None:
                unplaced.setdefault(key, arm)
            else:
                points.setdefault(key, found)
    missing = {palette.arm_title(arm) for key, arm in unplaced.items() if key not in points}
    return Comparison(told_apart(list(points.values())), tuple(sorted(missing)), tuple(standing), tuple(left))


def unfinished(run: Run) -> str:
    """Why a run has nothing to compare; empty where it has."""
    if run.state != "done":
        return STATES.get(run.state, UNREADABLE)
    if not run.spec.get("attack"):
        return UNATTACKED
    return "" if any(arm.get("asr") for arm in (run.result or {}).get("arms", {}).values()) else UNMEASURED


def difference(base: Run, run: Run) -> str:
    """In what a run differs from another one beside its defenses; empty where in nothing."""
    try:
        mine, theirs = normal(base.spec), normal(run.spec)
        if why := other_setup(base, run):
            return why
        if mine["attack"] != theirs["attack"]:
            names = [(each["attack"] or {}).get("name") for each in (mine, theirs)]
            return OTHER_AIM if names[0] == names[1] else OTHER_ATTACK
        if expected(base.spec) != expected(run.spec):
            return EXPECTS
    except SpecError:
        return UNREADABLE
    differ = [part for part in mine if part != "defenses" and mine[part] != theirs.get(part)]
    return next((TRIALS.get(part, f"another setting of {part.replace('_', ' ')}") for part in differ), "")


def other_setup(base: Run, run: Run) -> str:
    """In what a run differs from another one beside attack, trials and defenses; empty where in nothing.

    Raises:
        SpecError: this version cannot read one of the experiments.
    """
    if not same_images(base, run):
        return SETUP["data"]
    mine, theirs = normal(base.spec), normal(run.spec)
    return next((words for part, words in SETUP.items() if mine.get(part) != theirs.get(part)), "")


def methods(points: Iterable[Point]) -> list[str]:
    """Names of the defenses among points, in the order in which they get colours: the first one has the same always."""
    defended = [point for point in points if point.role == "defense"]
    return list(dict.fromkeys(point.name for point in sorted(defended, key=lambda one: _method(one) != FIRST)))


def front(points: Iterable[Point]) -> list[Point]:
    """The points that no other one beats: none has a lower attack success at as much clean accuracy, or the reverse.

    Returns:
        By clean accuracy, ascending; so attack success ascends too. Of equal points the first.
    """
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (-one.accuracy["mean"], one.success["mean"])):
        if not best or point.success["mean"] < best[-1].success["mean"]:
            best.append(point)
    return best[::-1]


def _arms(run: Run) -> dict[str, str]:
    """Arms by what makes them the same in another run: the role, and the defense with all its settings."""
    found = {"control": "control"}
    for arm in (run.result or {})["arms"]:
        role, defense = _role(run, arm)
        ending = arm.removeprefix(defense["name"]) if role == "twin" and defense else ""
        found[json.dumps([role, ending, defense or arm], sort_keys=True)] = arm
    return found


def _role(run: Run, arm: str) -> tuple[Role, Content | None]:
    if arm in ("control", "undefended"):
        return arm, None  # type: ignore[return-value]
    settings = {defense["name"]: defense for defense in defenses(run.spec)}
    for ending in palette.TWINS:
        if arm.endswith(ending) and arm not in settings:
            return "twin", settings.get(arm.removesuffix(ending))
    return "defense", settings.get(arm)


def _point(run: Run, arm: str) -> Point | None:
    result = run.result or {}
    numbers = (result.get("control") if arm == "control" else result["arms"][arm]) or {}
    if not numbers.get("asr") or not numbers.get("clean_accuracy"):
        return None
    role, defense = _role(run, arm)
    rates, cost = (numbers["asr"], numbers["clean_accuracy"]), costs.of(result, run.steps, arm)
    promised = privacy(numbers.get("privacy"))
    return Point(run.id, arm, role, defense, _name(arm, role, defense), "", *rates, cost.times, cost.seconds, promised)


def _name(arm: str, role: Role, defense: Content | None) -> str:
    if defense is None:
        return palette.arm_title(arm)
    method = title("defenses", defense)
    if role != "twin":
        return method
    instead = palette.TWINS[arm.removeprefix(defense["name"])][1]
    return f"{instead[0].upper()}{instead[1:]}, as many as {method}"


def told_apart(points: Sequence[Point]) -> tuple[Point, ...]:
    """Points with what tells those of one method apart, in the order in which they are listed.

    Without a defense and the control come first, then methods as they came, each with its weakest settings first and
    its twins last.
    """
    defenses = [point.defense for point in points if point.defense and point.role == "defense"]
    told = {
        json.dumps(part): words for part, words in zip(defenses, labels.strengths("defenses", defenses), strict=True)
    }
    names = list(dict.fromkeys(_method(point) for point in points))

    def place(point: Point) -> tuple[Any, ...]:
        first = ("control", "undefended", "defense", "twin").index(point.role)
        numbers = [float(value) for value in (point.defense or {}).values() if isinstance(value, int | float)]
        return min(first, 2), names.index(_method(point)), first, numbers, point.name

    named = [replace(point, strength=told.get(json.dumps(point.defense), "")) for point in points]
    return tuple(sorted(named, key=place))


def _method(point: Point) -> str:
    return str(point.defense["name"]) if point.defense else point.arm
