"""What each kind of step does: inputs from the folders of earlier steps, output into a folder of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from core import device as devices
from core.analysis import spectral
from core.attacks import base as attacks
from core.datasets.base import ImageSet, Split
from core.defenses.base import FACTS, Fact, Filter, View, decided, random_flags, scored
from core.errors import PoisonscopeError
from core.metrics import detection
from core.models.base import Model, Net
from core.runs.artifacts import Artifacts, save
from core.seeds import derive
from core.spec import Experiment
from core.train import predict
from core.train.loop import Epoch, Trained, build, on_device, train
from core.watch import Watch

if TYPE_CHECKING:
    from core.steps import Step

LIVE_IMAGES = 500
"""Images that accuracy and attack success are measured on while training goes on; the last epoch counts all of them."""


@dataclass(frozen=True)
class PoisonedSet:
    """A training set after the attack, with the truth about it."""

    train: ImageSet
    rows: np.ndarray
    evaluation: attacks.Evaluation

    @property
    def truth(self) -> np.ndarray:
        """(n,) bool, True where the row is a poison."""
        truth = np.zeros(len(self.train), dtype=bool)
        truth[self.rows] = True
        return truth


class Work:
    """Runs steps of one experiment; keeps what several steps read in memory."""

    def __init__(self, experiment: Experiment, artifacts: Artifacts, watch: Watch, device: str) -> None:
        self.experiment, self.artifacts, self.watch, self.device = experiment, artifacts, watch, device
        self._splits: dict[str, Split] = {}
        self._poisoned: dict[str, PoisonedSet] = {}
        self._reading = threading.Lock()

    def run(self, step: "Step") -> None:
        """Compute a step and put its files in place."""
        torch.set_num_threads(devices.threads())  # holds for the thread that calls it

        def tell(fraction: float, text: str) -> None:
            self.watch.raise_if_cancelled()
            self.watch.step(step.key, min(fraction, 0.99), f"{step.label}: {text}" if text else step.label)

        tell(0.0, "")
        with self.artifacts.write(step.key) as folder:
            getattr(self, f"_{step.kind}")(step, folder, tell)
        self.watch.step(step.key, 1.0, "")

    # ---- what steps read
    # -----------------------------------------------------------------------------------------------

    def split(self, step: "Step") -> Split:
        """The data set behind any step but its own."""
        key = step.find("data").key
        with self._reading:
            if key not in self._splits:
                self._splits[key] = _read_split(self.artifacts, key)
        return self._splits[key]

    def poisoned(self, step: "Step") -> PoisonedSet:
        """The poisoned training set behind a step."""
        key, clean = step.find("poison").key, self.split(step).train
        with self._reading:
            if key not in self._poisoned:
                self._poisoned = {key: _read_poisoned(self.artifacts, key, clean)}  # one at a time: they are large
            return self._poisoned[key]

    def net(self, step: "Step") -> Net:
        """The trained network of the train step behind a step."""
        trained = step.find("train")
        net = build(self._model, self.split(step).train, 0, self.device)
        net.load_state_dict(load_file(self.artifacts.folder(trained.key) / "weights.safetensors", device=self.device))
        return net.eval()

    @cached_property
    def _model(self) -> Model:
        assert isinstance(self.experiment.model, Model)
        return self.experiment.model

    def rehearse(self, data: "Step") -> None:
        """Train and judge on one batch of a data set, so that the first real batch finds its kernels compiled."""
        split, config = _read_split(self.artifacts, data.key), self.experiment.training
        few = split.train.rows(np.arange(config.batch_size))
        torch.set_num_threads(devices.threads())
        net = build(self._model, few, 0, self.device)
        train(net, few, config, seed=0, device=self.device)
        _Judge(few, None, self.device).live(net)

    # ---- the kinds
    # -----------------------------------------------------------------------------------------------------

    def _data(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        split = self.experiment.data.load(tell)  # type: ignore[attr-defined]
        arrays = {
            f"{part}_{name}": getattr(images, name)
            for part, images in (("train", split.train), ("test", split.test))
            for name in ("images", "labels", "indices")
        }
        save(folder, {"class_names": split.train.class_names, "flip": split.flip, "notes": split.notes}, **arrays)

    def _poison(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        attack, split = self.experiment.attack, self.split(step)
        assert isinstance(attack, attacks.Attack) and step.poison_key is not None
        tools = attacks.Tools(self.experiment.seed, step.poison_key, tell)
        poisoned = attacks.apply(attack, split.train, tools)
        shown = attacks.evaluation(attack, split.test, tools)
        save(
            folder,
            {"n": len(poisoned.data), "changes_labels": attack.changes_labels},
            rows=poisoned.rows,
            images=poisoned.data.images[poisoned.rows],
            labels=poisoned.data.labels[poisoned.rows],
            originals=poisoned.originals,
            original_labels=poisoned.original_labels,
            eval_images=shown.images,
            eval_wanted=shown.wanted,
            eval_true=shown.true,
            eval_indices=shown.indices,
        )

    def _train(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        split, config = self.split(step), self.experiment.training
        poisoned = self.poisoned(step) if step.has("poison") else None
        data = poisoned.train if poisoned else split.train
        if step.has("filter"):
            data = data.rows(self._kept_rows(step))
        seed = derive(self.experiment.seed, "victim", step.victim)
        net = build(self._model, data, seed, self.device)
        judge = _Judge(split.test, poisoned.evaluation if poisoned else None, self.device)
        epochs: list[dict[str, Any]] = []

        def measure(number: int, loss: float | None, seconds: float) -> None:
            accuracy, asr = judge.live(net)
            point = {"epoch": number, "loss": loss, "clean_accuracy": accuracy, "asr": asr, "seconds": seconds}
            epochs.append(point)
            self.watch.point(arm=step.arm, poison_key=step.poison_key or 0, victim=step.victim, **point)
            tell(number / config.epochs, f"epoch {number} of {config.epochs}")

        def after_epoch(epoch: Epoch) -> None:
            measure(epoch.epoch, epoch.loss, epoch.seconds)

        measure(0, None, 0.0)  # where the curves start: a network that knows nothing yet
        trained = train(
            net,
            data,
            config,
            seed=seed,
            device=self.device,
            flip=split.flip,
            after_epoch=after_epoch,
            cancelled=self.watch.cancelled,
        )
        self._save_trained(folder, trained, judge, epochs, len(data))

    def _kept_rows(self, step: "Step") -> np.ndarray:
        """(m,) int64, the rows that the filter before this training leaves, or its random control."""
        name = "random_flagged" if str(step.arm).endswith("_random") else "flagged"
        return np.flatnonzero(~self.artifacts.array(step.find("filter").key, name))

    def _save_trained(
        self, folder: Path, trained: Trained, judge: "_Judge", epochs: list[dict[str, Any]], rows: int
    ) -> None:
        weights = {name: tensor.contiguous().cpu() for name, tensor in trained.net.state_dict().items()}
        save_file(weights, folder / "weights.safetensors")
        accuracy, asr, predictions = judge.final(trained.net)
        epochs[-1] |= {"clean_accuracy": accuracy[0] / accuracy[1], "asr": asr[0] / asr[1] if asr else None}
        meta = {
            "epochs": epochs,
            "seconds": trained.seconds,
            "passes": trained.passes,
            "device": trained.device,
            "precision": trained.precision,
            "rows": rows,
            "clean_accuracy": {"hits": accuracy[0], "n": accuracy[1]},
            "asr": {"hits": asr[0], "n": asr[1]} if asr else None,
        }
        save(folder, meta, **predictions)

    def _measure(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        """Attack success of a model that was trained without the poisons: the control's."""
        evaluation = self.poisoned(step).evaluation
        judge = _Judge(self.split(step).test, evaluation, self.device)
        predicted = judge.predicted(self.net(step), judge.triggered)
        hits = int((predicted == evaluation.wanted).sum())
        save(folder, {"asr": {"hits": hits, "n": len(predicted)}}, eval_predictions=predicted)

    def _features(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        images = on_device(self.poisoned(step).train.images, self.device)
        save(folder, {}, features=predict.features(self.net(step), images).cpu().numpy())

    def _spectral(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        data = self.poisoned(step).train
        features = self.artifacts.array(step.find("features").key, "features")
        coordinates, values = spectral.projection(features, data.labels, len(data.class_names))
        save(folder, {}, projection=coordinates, singular_values=values)

    def _score(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        defense, view = self._filter_and_view(step)
        save(folder, {}, scores=scored(defense, view))

    def _filter(self, step: "Step", folder: Path, tell: Callable[[float, str], None]) -> None:
        defense, view = self._filter_and_view(step)
        scores = self.artifacts.array(step.find("score").key, "scores")
        flagged = decided(defense, scores, view)
        random = random_flags(flagged, view)
        truth = self.poisoned(step).truth  # only the runner compares with the truth; the defense never sees it
        meta = {
            "knows": view.facts,
            "detection": detection(flagged, truth, scores).as_dict(),
            "random_detection": detection(random, truth).as_dict(),
            "removed_shares": [float(flagged[view.labels == label].mean()) for label in np.unique(view.labels)],
        }
        save(folder, meta, flagged=flagged, random_flagged=random)

    def _filter_and_view(self, step: "Step") -> tuple[Filter, View]:
        defense = next(d for d in self.experiment.defenses if d.name == step.defense)
        assert isinstance(defense, Filter)
        poisoned = self.poisoned(step)
        wanted = np.unique(poisoned.evaluation.wanted)
        truth: dict[Fact, Any] = {"poison_count": len(poisoned.rows)}
        if len(wanted) == 1:
            truth["target_class"] = int(wanted[0])
        for fact in defense.knows:
            if fact not in truth:
                raise PoisonscopeError(
                    f"{defense.title} is to be told {FACTS[fact]}, but the attack wants {len(wanted)} classes; "
                    "change the settings of the defense."
                )
        return defense, View(
            labels=poisoned.train.labels,
            class_names=poisoned.train.class_names,
            seed=derive(self.experiment.seed, "defense", step.poison_key, step.victim),
            read_features=lambda: np.asarray(self.artifacts.array(step.find("features").key, "features")),
            facts={fact: truth[fact] for fact in defense.knows},
        )


class _Judge:
    """Measures a network on the clean test images and on the attack's."""

    def __init__(self, test: ImageSet, evaluation: attacks.Evaluation | None, device: str) -> None:
        self.labels = test.labels
        self.clean = on_device(test.images, device)
        self.wanted = evaluation.wanted if evaluation else None
        self.triggered = on_device(evaluation.images, device) if evaluation else self.clean[:0]

    def predicted(self, net: Net, images: torch.Tensor) -> np.ndarray:
        """(m,) int64 labels."""
        return predict.logits(net, images).argmax(dim=1).cpu().numpy()

    def live(self, net: Net) -> tuple[float, float | None]:
        """Clean accuracy and attack success on at most LIVE_IMAGES images each, evenly spread over the sets."""
        accuracy = _spread_rate(lambda images: self.predicted(net, images), self.clean, self.labels)
        asr = _spread_rate(lambda images: self.predicted(net, images), self.triggered, self.wanted)
        return accuracy or 0.0, asr

    def final(self, net: Net) -> tuple[tuple[int, int], tuple[int, int] | None, dict[str, np.ndarray]]:
        """(hits, n) on all clean images, (hits, n) on all triggered ones, and both predictions."""
        clean = self.predicted(net, self.clean)
        accuracy = (int((clean == self.labels).sum()), len(clean))
        if self.wanted is None:
            return accuracy, None, {"test_predictions": clean}
        triggered = self.predicted(net, self.triggered)
        asr = (int((triggered == self.wanted).sum()), len(triggered))
        return accuracy, asr, {"test_predictions": clean, "eval_predictions": triggered}


def _spread_rate(
    predicted: Callable[[torch.Tensor], np.ndarray], images: torch.Tensor, labels: np.ndarray | None
) -> float | None:
    if labels is None:
        return None
    every = max(1, -(-len(labels) // LIVE_IMAGES))
    return float((predicted(images[::every]) == labels[::every]).mean())


def _read_split(artifacts: Artifacts, key: str) -> Split:
    meta = artifacts.meta(key)
    train, test = (
        ImageSet(
            artifacts.array(key, f"{part}_images"),
            artifacts.array(key, f"{part}_labels"),
            tuple(meta["class_names"]),
            artifacts.array(key, f"{part}_indices"),
        )
        for part in ("train", "test")
    )
    return Split(train, test, meta["flip"], tuple(meta["notes"]))


def _read_poisoned(artifacts: Artifacts, key: str, clean: ImageSet) -> PoisonedSet:
    def array(name: str) -> np.ndarray:
        return np.array(artifacts.array(key, name))

    rows, extra = array("rows"), artifacts.meta(key)["n"] - len(clean)
    images = np.concatenate([clean.images, np.zeros((extra, *clean.images.shape[1:]), np.uint8)])
    labels = np.concatenate([clean.labels, np.zeros(extra, np.int64)])
    indices = np.concatenate([clean.indices, np.full(extra, -1)])  # added rows have no place in the source
    images[rows], labels[rows] = array("images"), array("labels")
    evaluation = attacks.Evaluation(
        array("eval_images"), array("eval_wanted"), array("eval_true"), array("eval_indices")
    )
    return PoisonedSet(ImageSet(images, labels, clean.class_names, indices), rows, evaluation)
