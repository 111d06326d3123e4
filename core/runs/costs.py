"""What the trainings of a run's arms cost, with and without a machine's say in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEAD = ("Training, s", "Passes", "× no defense", "GPU memory, MB")
"""Names of the columns of a table of costs, with their units."""
EXPLAINED = (
    "Seconds and passes are of all trainings of an arm and of the pretraining that they start from. A pass is one "
    "image going forward and backward through the network once: a cost that does not depend on the machine. × no "
    "defense: passes over those of no defense, where a filter counts the training that it reads from, too. GPU memory "
    "is the most that was taken at a time, by whatever was computed beside it as well."
)


@dataclass(frozen=True)
class Cost:
    """Of all trainings of an arm, and of the pretraining of the one network that they start from.

    Attributes:
        seconds, passes: as they were measured; None where they were not.
        times: passes over those without a defense; a filter's count those that it reads features from. None where that
            would mean nothing.
        memory: most bytes of a GPU that were taken at a time, by other trainings beside them as well; None on a
            processor, and where it was not measured.
    """

    seconds: float | None
    passes: float | None
    times: float | None
    memory: int | None

    @property
    def values(self) -> tuple[float | None, ...]:
        """In the order and the units of HEAD."""
        return self.seconds, self.passes, self.times, None if self.memory is None else self.memory / 1e6


def of(result: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], arm: str) -> Cost:
    """What an arm of a finished run with such a result and such steps cost; `control` is one, too."""
    numbers = (result.get("control") if arm == "control" else result["arms"][arm]) or {}
    start = numbers.get("pretraining") or {}
    seconds, passes = (
        None if (told := numbers.get(name)) is None else float(told + start.get(name, 0))
        for name in ("seconds", "passes")
    )
    return Cost(seconds, passes, _times(result, steps, arm), numbers.get("memory"))


def _times(result: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], arm: str) -> float | None:
    """The control's passes are fewer for another reason: one model serves all keys."""
    arms = result.get("arms", {})
    plain = arms.get("undefended", {}).get("passes")
    if arm == "control" or not plain or not arms[arm].get("passes"):
        return None
    reads = any(step["kind"] == "filter" and step.get("defense") == arm for step in steps)
    start, plain_start = ((arms[name].get("pretraining") or {}).get("passes", 0) for name in (arm, "undefended"))
    return float((start + arms[arm]["passes"] + reads * plain) / (plain_start + plain))
