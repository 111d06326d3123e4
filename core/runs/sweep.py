"""Attack success against one setting of the attack or of a defense, over runs that share everything else.

What may stand on one curve: runs whose experiments are equal but for that setting (`core.runs.alike`). Runs with other
keys or victims are left out although their rates could be averaged in: their targets and models are other ones, so that
a step of the curve could come from who was measured and not from the setting. Runs whose defenses differ in anything
else are left out as well, so that every line goes through every point. Both are counted, and both become comparable by
computing only what is new.
"""

from dataclasses import dataclass
from typing import Any

from core.axes import AXES, Axis, Value, rounded
from core.errors import SpecError
from core.runs.alike import normal, same_images, without
from core.runs.record import Run
from core.runs.store import Store
from core.spec import Experiment, parse

BESIDE = ("keys", "victims", "defenses")


@dataclass(frozen=True)
class Point:
    """One value of the setting.

    Attributes:
        value: the setting.
        run: the one that stands for it: a finished one if there is any, else one on its way, else the newest.
        rates: attack success by arm, the control's among them; empty unless the run is done.
        accuracies: clean accuracy of the same arms.
    """

    value: Value
    run: Run
    rates: dict[str, dict[str, Any]]
    accuracies: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Sweep:
    """A curve.

    Attributes:
        axis: the setting.
        own: its value in the run that was asked about.
        points: ascending, one a value.
        beside: how many other runs differ in keys, victims or defenses as well, and are not on the curve.
    """

    axis: Axis
    own: Value
    points: tuple[Point, ...]
    beside: int

    def at(self, value: Value) -> Point | None:
        """The point of a value."""
        return next((point for point in self.points if point.value == rounded(value)), None)

    @property
    def live(self) -> bool:
        """Whether it will change by itself."""
        return any(point.run.live for point in self.points)


def axes(run: Run, among: tuple[Axis, ...] = AXES) -> tuple[Axis, ...]:
    """The settings against which a run's attack success can be drawn; none where success was not measured."""
    if not _measured(run)[0]:
        return ()
    return tuple(axis for axis in among if axis.read(run.spec) is not None)


def sweep(store: Store, run: Run, axis: Axis) -> Sweep:
    """All runs of a store that stand on one curve with a run.

    Args:
        store: where to look.
        run: one that has the setting, see `axes`.
        axis: the setting.

    Raises:
        SpecError: this version cannot read the run's experiment, or it has no such setting.
    """
    mine = normal(run.spec)
    own, rest = _taken_out(mine, axis)
    found: dict[Value, list[Run]] = {own: [run]}
    beside = 0
    for other in store.runs():
        if other.id == run.id or not _may_compare(run, other):
            continue
        try:
            value, others_rest = _taken_out(normal(other.spec), axis)
        except SpecError:
            continue
        if others_rest == rest:
            found.setdefault(value, []).append(other)
        elif without(others_rest, BESIDE) == without(rest, BESIDE):
            beside += 1
    points = []
    for value in sorted(found):
        chosen = min(found[value], key=_preference)  # of equals the first: the run itself, then the newest
        points.append(Point(value, chosen, *_measured(chosen)))
    return Sweep(axis, own, tuple(points), beside)


def at(spec: dict[str, Any], axis: Axis, value: Value) -> Experiment:
    """A run's experiment with another value of the setting.

    Raises:
        SpecError: the value is not legal; one sentence.
    """
    return parse(axis.put(spec, value))


def proposed(spec: dict[str, Any], found: Sweep) -> list[Value]:
    """Values that are worth adding to a curve: legal, and not tried by any run yet, not even by one that failed."""
    axis = found.axis
    wanted = [value * found.own if axis.relative else value for value in axis.proposals]
    return [value for value in map(rounded, wanted) if found.at(value) is None and _legal(spec, axis, value)]


def _legal(spec: dict[str, Any], axis: Axis, value: Value) -> bool:
    try:
        at(spec, axis, value)
    except SpecError:
        return False
    return True


def _preference(run: Run) -> int:
    return 0 if run.state == "done" else 1 if run.live else 2


def _measured(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attack success, and clean accuracy of those that have it, by arm; the control first."""
    if run.state != "done":
        return {}, {}
    result = run.result or {}
    arms = {"control": result.get("control") or {}, **result.get("arms", {})}
    arms = {arm: numbers for arm, numbers in arms.items() if numbers.get("asr")}
    success = {arm: numbers["asr"] for arm, numbers in arms.items()}
    return success, {arm: numbers["clean_accuracy"] for arm, numbers in arms.items() if numbers.get("clean_accuracy")}


def _may_compare(run: Run, other: Run) -> bool:
    """Whether it is worth reading another run's experiment: same attack, same images as far as both were read."""
    names = [(each.spec.get("attack") or {}).get("name") for each in (run, other)]
    return names[0] == names[1] and other.state != "incompatible" and same_images(run, other)


def _taken_out(content: dict[str, Any], axis: Axis) -> tuple[Value, dict[str, Any]]:
    """The value of the setting, and everything else."""
    value = axis.read(content)
    if value is None:
        raise SpecError(f"This run has no setting {axis.name!r}.")
    return rounded(value), axis.without(content)
