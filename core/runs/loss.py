"""What would be gone with some runs: the work that no other run keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.runs.record import Run
from core.runs.store import Store


@dataclass(frozen=True)
class Loss:
    """What deleting takes away.

    Attributes:
        trainings: finished trainings whose models and curves no other run has.
        size: bytes on disk.
    """

    trainings: int
    size: int


def loss(store: Store, runs: Sequence[Run]) -> Loss:
    """What would be gone with these runs.

    Args:
        store: where they are.
        runs: those to be deleted together.
    """
    ids = {run.id for run in runs}
    kept = {step["key"] for run in store.runs() if run.id not in ids for step in run.steps}
    kinds = {step["key"]: step["kind"] for run in runs for step in run.steps}
    gone = [key for key in kinds if key not in kept and store.artifacts.has(key)]
    files = [path for key in gone for path in store.artifacts.folder(key).iterdir()]
    return Loss(sum(kinds[key] == "train" for key in gone), sum(path.stat().st_size for path in files))
