"""The step that compares a set with itself: as it came, without its suspects, and without as many rows at random."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.analysis import inspection
from core.models.base import Net
from core.runs.artifacts import save
from core.seeds import stream
from core.train import predict
from core.train.loop import on_device

if TYPE_CHECKING:
    from core.steps import Step
    from core.work import Work

ARMS = {"undefended": "measured", "screening": "without_suspects", "screening_random": "without_random"}
"""What the numbers of each network are called; each is looked at on the rows that it was trained on."""


def inspect(work: "Work", step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
    """Measure every class with every network, and ask the networks about the rows that they never saw."""
    train, split = work.poisoned(step).train, work.split(step)
    labels, classes = train.labels, len(train.class_names)
    images, decided = on_device(train.images, work.device), step.find("filter").key
    removed = {"undefended": np.zeros(len(labels), dtype=bool)}
    for arm, name in (("screening", "flagged"), ("screening_random", "random_flagged")):
        removed[arm] = np.array(work.artifacts.array(decided, name))
    looks: dict[str, dict[str, list[float | None]]] = {}
    read: dict[str, Any] = {}
    for number, trained in enumerate(step.all("train")):
        arm = str(trained.arm)
        net, kept = work.net_of(trained, train), ~removed[arm]
        if arm == "undefended":
            features = np.asarray(work.artifacts.array(step.find("features").key, "features"))
        else:
            brought = work.experiment.data.features(train.indices)  # type: ignore[attr-defined]
            features = _features(net, images) if brought is None else brought
        logits = predict.logits(net, images).cpu().numpy()
        gradients = _gradients(logits, labels)[kept]
        random = stream(work.experiment.seed, "inspection", arm)
        for name, values in _measured(features[kept], gradients, labels[kept], classes, random).items():
            looks.setdefault(name, {})[ARMS[arm]] = [None if np.isnan(value) else float(value) for value in values]
        if arm != "undefended":
            read[arm] = _readings(logits.argmax(axis=1)[removed[arm]], labels[removed[arm]], classes)
        tell((number + 1) / 3, "")
    counts = np.bincount(labels, minlength=classes)
    save(folder, {"looks": looks, "read": read, "class_rows": counts.tolist(), "test_rows": len(split.test)})


def _features(net: Net, images: Any) -> np.ndarray:
    found: np.ndarray = predict.features(net, images).cpu().numpy()
    return found


def _measured(
    features: np.ndarray, gradients: np.ndarray, labels: np.ndarray, classes: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    return {
        "groups": inspection.groups(features, labels, classes),
        "direction": inspection.direction(features, labels, classes),
        "outvoted": inspection.outvoted(features, labels, classes),
        "alone": inspection.alone(gradients, labels, classes, random),
    }


def _gradients(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n, k) float32, softmax - onehot."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    found = shifted / shifted.sum(axis=1, keepdims=True)
    found[np.arange(len(labels)), labels] -= 1
    return np.asarray(found, dtype=np.float32)


def _readings(predicted: np.ndarray, labels: np.ndarray, classes: int) -> list[list[int]]:
    """(k, k) counts: of the rows with a label, how many are read as each class."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (labels, predicted), 1)
    return [[int(count) for count in row] for row in table]
