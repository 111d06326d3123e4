"""Experiments on tiny pictures, and what watches them and counts the steps that they compute."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import spec
from core.datasets.base import Dataset, ImageSet, Report, Split
from core.execution import execute
from core.runs.artifacts import Artifacts
from core.spec import Experiment, setting


class Blobs(Dataset):
    """Four classes of 16 x 16 noise, each with a square of its own colour somewhere."""

    title = "Blobs"
    summary = "Tiny."
    train: int = setting(80, "Training images.", ge=8)
    test: int = setting(40, "Test images.", ge=8)

    def load(self, report: Report) -> Split:
        return Split(self._draw(self.train, 0), self._draw(self.test, 1), flip=True, notes=("drawn",))

    def _draw(self, count: int, seed: int) -> ImageSet:
        random = np.random.default_rng(seed)
        labels = np.arange(count) % 4
        images = random.integers(90, 150, (count, 3, 16, 16), dtype=np.uint8)
        for image, label, (top, left) in zip(images, labels, random.integers(0, 10, (count, 2)), strict=True):
            image[:, top : top + 6, left : left + 6] = [[[27 + 200 * (label >> bit & 1)]] for bit in range(3)]
        return ImageSet(images, labels, ("red", "green", "blue", "white"), np.arange(count))


PLACE = ("arm", "poison_key", "victim", "epoch")


class Watcher:
    """Writes down what a run says, of an epoch what it says last; asks it to stop when `stop` says so of a point."""

    def __init__(self, stop: Any = None) -> None:
        self.steps: list[dict[str, Any]] = []
        self.device = ""
        self.phases: list[tuple[str, float, float | None]] = []
        self.points: list[dict[str, Any]] = []
        self.stop, self.stopped = stop, False

    def planned(self, steps: list[dict[str, Any]], device: str) -> None:
        self.steps, self.device = steps, device

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        self.phases.append((text, fraction, eta_seconds))

    def point(self, **point: Any) -> None:
        self.points = [told for told in self.points if any(told[name] != point[name] for name in PLACE)] + [point]
        self.stopped = self.stopped or (self.stop is not None and self.stop(point))

    def concluded(self, result: dict[str, Any]) -> None:
        self.early = result

    def cancelled(self) -> bool:
        return self.stopped


class Counting(Artifacts):
    """Remembers which steps were begun."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.begun: list[str] = []

    @contextmanager
    def write(self, key: str) -> Iterator[Path]:
        self.begun.append(key)
        with super().write(key) as folder:
            yield folder


@pytest.fixture(autouse=True)
def two_cores(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps at a time, whatever machine this is; the speeds that are remembered go to a home of their own."""
    monkeypatch.setattr("core.device.cores", lambda: 2)


@pytest.fixture
def artifacts(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "steps")


BADNETS = {"name": "badnets", "poison_fraction": 0.1, "target_class": 2, "size": 4}


def experiment(**settings: Any) -> Experiment:
    content: dict[str, Any] = {
        "data": Blobs(),
        "model": {"name": "small_cnn", "width": 8},
        "training": {"epochs": 2, "batch_size": 16, "shift": 1},
        "attack": BADNETS,
        "defenses": ["spectral_signatures"],
        "device": "cpu",
    }
    return spec.parse({**content, **settings})


def run(artifacts: Counting, watcher: Watcher | None = None, **settings: Any) -> tuple[dict[str, Any], Counter[str]]:
    """The result, and how many steps of each kind (for trainings: each arm) were computed."""
    watcher, artifacts.begun = watcher or Watcher(), []
    try:
        result = execute(experiment(**settings), artifacts, watcher)
    finally:
        arms = {step["key"]: step["arm"] if step["kind"] == "train" else step["kind"] for step in watcher.steps}
    return result, Counter(arms[key] for key in artifacts.begun)


def find(watcher: Watcher, kind: str, arm: str | None = None) -> str:
    """The key of the one step of a kind and arm."""
    (key,) = [s["key"] for s in watcher.steps if s["kind"] == kind and (arm is None or s["arm"] == arm)]
    return str(key)
