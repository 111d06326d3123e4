"""EPIC's selection beside the public C++ lazy greedy, and a training that EPIC defends beside an undefended one.

The public way is the library behind the paper's code, used as that code uses it: one class after the other, a kernel
made with numpy and scipy, lazy greedy over it. Both sides make their kernels within the time that is taken. On a GPU
the selection there is timed too, beside the compiled one on the CPU, which chooses the same.
"""

import importlib.util
import multiprocessing
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import psutil
import torch
from scipy.spatial.distance import cdist

from benchmarks.harness import Entry
from core import registry
from core.analysis.facility_location import Selection, medoid_counts, select
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.dropping import STAYED, Dropping
from core.defenses.epic import Epic
from core.models.base import Net
from core.spec import Training
from core.train.hooks import Hooks
from core.train.loop import build, on_device, train

ROWS, CLASSES, SHARE = 50_000, 10, 0.1
CONFIDENT = 0.5
"""Share of rows that the network has learned: their gradients are nearly zero, as they are in mid-training."""

MODEL, IMAGES, EPOCHS = "resnet_small", 5000, Training().epochs
SEED = 0
TURNS, PUBLIC_TURNS, TRAINING_TURNS = 5, 3, 3
ABSENT = (
    "The public implementation (submodlib) is not installed, there being no wheel of it for every Python and system: "
    "only ours is timed."
)


def entries(device: str) -> Iterator[Entry]:
    """The selection, on the CPU and where there is one on a GPU; then whole trainings."""
    alone = _alone(ROWS)
    case = Case(*gradients(ROWS))
    case.select("cpu")  # compiles, or reads what was compiled
    public = importlib.util.find_spec("submodlib") is not None
    yield Entry(
        name=f"medoids of {ROWS} x {CLASSES} gradients, q = {SHARE}, beside the public lazy greedy",
        unit="seconds per selection",
        ours=partial(case.select, "cpu"),
        reference=case.public if public else None,
        count=1,
        device="cpu",
        agreement=case.agreement if public else dict,
        turns=(TURNS, PUBLIC_TURNS),
        facts=lambda result: alone,
        note="" if public else ABSENT,
    )
    if device == "cuda":
        case.select(device)
        yield Entry(
            name=f"medoids of {ROWS} x {CLASSES} gradients, q = {SHARE}, beside the selection on the CPU",
            unit="seconds per selection",
            ours=partial(case.select, device),
            reference=partial(case.select, "cpu", reference=True),
            count=1,
            device=device,
            agreement=case.agreement,
            turns=(TURNS, TURNS),
            facts=lambda result: {"peak_megabytes_gpu": torch.cuda.max_memory_allocated() / 1e6},
        )
    trainings = Trainings(registry.load("datasets", "signs")(train=IMAGES, test=10).load(lambda *_: None).train, device)
    yield Entry(
        name=f"{MODEL} on {IMAGES} signs, {EPOCHS} epochs with EPIC's defaults, beside no defense",
        unit="seconds per training",
        ours=partial(trainings.train, Epic()),
        reference=partial(trainings.train, None),
        count=1,
        device=device,
        agreement=dict,
        turns=(TRAINING_TURNS, TRAINING_TURNS),
        facts=trainings.overhead,
    )


def gradients(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) float32 softmax - onehot of rows that are in part learned, and their (n,) int64 labels."""
    random = np.random.default_rng(SEED)
    labels = random.permutation(np.arange(rows) % CLASSES)
    logits = random.normal(scale=2, size=(rows, CLASSES))
    logits[np.arange(rows), labels] += np.where(random.random(rows) < CONFIDENT, random.uniform(8, 20, rows), 2)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    found = exponents / exponents.sum(axis=1, keepdims=True)
    found[np.arange(rows), labels] -= 1
    return found.astype(np.float32), labels


@dataclass
class Case:
    """Gradients, and the medoids that were last chosen for them in either way."""

    gradients: np.ndarray
    labels: np.ndarray
    ours: np.ndarray = field(init=False)
    theirs: np.ndarray = field(init=False)

    def select(self, device: str, *, reference: bool = False) -> Selection:
        """Choose as a training does."""
        random = np.random.default_rng(SEED)
        found = select(self.gradients, self.labels, SHARE, random=random, device=device)
        if reference:
            self.theirs = found.medoids
        else:
            self.ours = found.medoids
        return found

    def public(self) -> None:
        """Choose with the public implementation."""
        with warnings.catch_warnings():  # it reaches for names that scipy is about to drop
            warnings.simplefilter("ignore", DeprecationWarning)
            self.theirs = self._public()

    def _public(self) -> np.ndarray:
        from submodlib import FacilityLocationFunction

        classes, sizes = np.unique(self.labels, return_counts=True)
        chosen = []
        for label, count in zip(classes, medoid_counts(sizes, SHARE, np.random.default_rng(SEED)), strict=True):
            rows = np.flatnonzero(self.labels == label)
            kernel = self.similarities(rows, rows).astype(np.float32)
            function = FacilityLocationFunction(n=len(rows), mode="dense", separate_rep=False, sijs=kernel)
            greedy = function.maximize(budget=int(count), optimizer="LazyGreedy", show_progress=False)
            chosen.append(rows[[row for row, _ in greedy]])
        return np.concatenate(chosen)

    def similarities(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(a, b) float64 similarities of rows to rows."""
        given = self.gradients.astype(np.float64)
        return np.exp(-cdist(given[a], given[b]) / given.shape[1])

    def agreement(self) -> dict[str, float]:
        """Compare the two choices.

        Returns:
            `equal_medoids`: the share of our medoids that are the reference's too; `represented`: the sum of
            similarities of all rows to their nearest medoid, ours over the reference's. Among medoids of equal gain
            each way takes its own, so that the first may be below one while the second is one.
        """
        return {
            "equal_medoids": float(np.isin(self.ours, self.theirs).mean()),
            "represented": self.represented(self.ours) / self.represented(self.theirs),
        }

    def represented(self, medoids: np.ndarray) -> float:
        """Sum of all rows' similarities to their nearest medoid."""
        total = 0.0
        for label in np.unique(self.labels):
            rows = np.flatnonzero(self.labels == label)
            total += float(self.similarities(rows, medoids[self.labels[medoids] == label]).max(axis=1).sum())
        return total


def _alone(rows: int) -> dict[str, float]:
    """What the selection needs in a process of its own, where nothing has been compiled and nothing else lies about."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_compile_and_select, rows).result()


def _compile_and_select(rows: int) -> dict[str, float]:
    """Returns `compile_seconds`, once on a machine; `peak_megabytes` of the whole process while it selects, torch and
    the gradients included.
    """
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache
        begun = time.perf_counter()
        few = Case(*gradients(10 * CLASSES))
        few.select("cpu")
        compiled = time.perf_counter() - begun
    case = Case(*gradients(rows))
    process, peak, done = psutil.Process(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    case.select("cpu")
    done.set()
    watcher.join()
    return {"compile_seconds": compiled, "peak_megabytes": max(peak, process.memory_info().rss) / 1e6}


class Trainings:
    """The same network on the same rows in the same order, with a defense and without; what was seen meanwhile."""

    def __init__(self, data: ImageSet, device: str) -> None:
        self.data, self.device, self.config = data, device, Training(epochs=EPOCHS)
        self.selections: list[float] = []
        self.dropped = 0.0

    def train(self, defense: Epic | None) -> None:
        """Train from new weights."""
        net = build(registry.load("models", MODEL)(), self.data, SEED, self.device)
        if defense is None:
            train(net, self.data, self.config, seed=SEED, device=self.device)
            return
        images, labels = on_device(self.data.images, self.device), on_device(self.data.labels, self.device)
        session = Session(images, labels, len(self.data.class_names), self.config, False, SEED)
        dropping = defense.hooks(session)
        assert isinstance(dropping, Dropping)
        hooks = Clocked(dropping, self.selections)
        train(net, self.data, self.config, seed=SEED, device=self.device, hooks=hooks)
        self.dropped = float((dropping.dropped_at != STAYED).mean())

    def overhead(self, result: dict[str, Any]) -> dict[str, float]:
        """What the defense costs.

        Returns:
            `overhead`: the training's longer time over the undefended one's, shorter epochs after dropping included;
            `selections` of one training; `epochs_per_selection`: how many undefended epochs one selection takes, its
            forward pass over all rows included; `overhead_undropped`: what the overhead were without shorter epochs;
            `dropped`: share of the rows that left.
        """
        epoch = result["reference"]["median"] / EPOCHS
        each, count = float(np.median(self.selections)) / epoch, len(self.selections) / TRAINING_TURNS
        return {
            "overhead": 1 / result["ratio"] - 1, "selections": count, "epochs_per_selection": each,
            "overhead_undropped": count * each / EPOCHS, "dropped": self.dropped,
        }  # fmt: skip


class Clocked(Hooks):
    """A defense that chooses rows, with the seconds of every choice for which the network was asked."""

    def __init__(self, inner: Hooks, seconds: list[float]) -> None:
        self.inner, self.seconds = inner, seconds

    def rows(self, epoch: int, rows: torch.Tensor, net: Net) -> torch.Tensor:
        asked, begun = net.passes, time.perf_counter()
        chosen = self.inner.rows(epoch, rows, net)
        if net.passes > asked:
            self.seconds.append(time.perf_counter() - begun)
        return chosen
