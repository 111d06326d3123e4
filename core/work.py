"""What each kind of step does: inputs from the folders of earlier steps, output into a folder of its own."""

import threading
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from core import device as devices
from core import estimate, looks, registry, remembered
from core.attacks import base as attacks
from core.datasets.base import ImageSet, Split
from core.defenses.base import Session, TrainingDefense
from core.defenses.dropping import twin
from core.defenses.practice import PracticeRecord, Practising
from core.errors import PoisonscopeError
from core.given import truth_unknown
from core.gradient_record import GradientRecorder, aligned
from core.judge import Judge
from core.models.base import Model, Net
from core.models.brought import load_brought
from core.models.grouped import as_saved
from core.noted import noted
from core.runs.artifacts import Artifacts, save
from core.seeds import derive
from core.sets import PoisonedSet, divided, read_poisoned, read_split, save_split
from core.spec import Experiment, Training
from core.steps import Step
from core.train.hooks import Hooks
from core.train.loop import Epoch, Trained, build, on_device, train
from core.watch import Watch

FEW = 8
"""Images that tell what shape a network is to have whose weights are known."""


class Work:
    """Runs steps of one experiment; keeps what several steps read in memory.

    Attributes:
        took: seconds of each step that was run, by key.
    """

    def __init__(self, experiment: Experiment, artifacts: Artifacts, watch: Watch, device: str) -> None:
        self.experiment, self.artifacts, self.watch, self.device = experiment, artifacts, watch, device
        self.took: dict[str, float] = {}
        self._splits: dict[str, Split] = {}
        self._poisoned: dict[str, PoisonedSet] = {}
        self._reading = threading.Lock()

    def run(self, step: Step) -> None:
        """Compute a step and put its files in place."""
        torch.set_num_threads(devices.threads())  # holds for the thread that calls it

        def tell(fraction: float, text: str) -> None:
            self.watch.raise_if_cancelled()
            self.watch.step(step.key, min(fraction, 0.99), f"{step.label}: {text}" if text else step.label)

        tell(0.0, "")
        with self.artifacts.write(step.key) as folder, devices.lane(self.device):
            begun = time.perf_counter()
            if step.kind in looks.KINDS:
                looks.KINDS[step.kind](self, step, folder, tell)
            else:
                getattr(self, f"_{step.kind}")(step, folder, tell)
            self.took[step.key] = time.perf_counter() - begun
        self.watch.step(step.key, 1.0, "")

    # ---- what steps read
    # -----------------------------------------------------------------------------------------------

    def split(self, step: Step) -> Split:
        """The data set behind any step but its own."""
        key = step.find("data").key
        with self._reading:
            if key not in self._splits:
                self._splits[key] = read_split(self.artifacts, key)
        return self._splits[key]

    def poisoned(self, step: Step) -> PoisonedSet:
        """The poisoned training set behind a step."""
        key, clean = step.find("poison").key, self.split(step).train
        with self._reading:
            if key not in self._poisoned:
                self._poisoned = {key: read_poisoned(self.artifacts, key, clean)}  # one at a time: they are large
            return self._poisoned[key]

    def net(self, step: Step) -> Net:
        """The trained network of the train step behind a step."""
        return self.net_of(step.find("train"), self.split(step).train)

    def net_of(self, trained: Step, data: ImageSet) -> Net:
        """The trained network of a train step; `data` are images of its size and classes."""
        return self._loaded(trained, self._model, data)

    def _loaded(self, trained: Step, model: Model, data: ImageSet) -> Net:
        weights, few = self._weights(trained), data.rows(np.arange(min(len(data), FEW)))
        net = as_saved(build(model, few, 0, self.device), weights)  # colours, too, are among the weights
        net.load_state_dict(weights)
        if self.experiment.scenario == "transfer":
            net.freeze()
        return net.eval()

    def _weights(self, trained: Step) -> dict[str, torch.Tensor]:
        return load_file(self.artifacts.folder(trained.key) / "weights.safetensors", device=self.device)

    def _start(self, step: Step, model: Model, data: ImageSet, seed: int) -> Net:
        """The network that a training starts from: new weights, or a pretrained body with a new head or its own."""
        net = build(model, data, seed, self.device)
        if not step.has("pretrain"):
            return net
        weights = self._weights(step.find("pretrain"))
        own = as_saved(net, weights).state_dict()
        same_classes = self.experiment.pretraining.data is None
        if self.experiment.scenario == "transfer" or not same_classes:
            weights = {name: own[name] if name.startswith("head.") else tensor for name, tensor in weights.items()}
        different = [name for name, tensor in weights.items() if tensor.shape != own[name].shape]
        if different:
            raise PoisonscopeError(
                "The network cannot take over pretrained weights: the images to pretrain on have other channels or "
                "another size than the victim's."
            )
        net.load_state_dict(weights)
        if self.experiment.scenario == "transfer":
            net.freeze()
        return net

    @cached_property
    def _model(self) -> Model:
        assert isinstance(self.experiment.model, Model)
        return self.experiment.model

    @cached_property
    def _surrogate_model(self) -> Model:
        """The kind of the attacker's networks: the victim's, unless the attacker does not know it."""
        attack = self.experiment.attack
        if getattr(attack, "knowledge", "") != "black_box":
            return self._model
        model = registry.load("models", attack.surrogate_model)()  # type: ignore[union-attr]
        assert isinstance(model, Model)
        return model

    def rehearse(self, data: Step) -> None:
        """Train and judge on one batch of a data set, so that the first real batch finds its kernels compiled."""
        split, config = read_split(self.artifacts, data.key), self.experiment.training
        few = split.train.rows(np.arange(config.batch_size))
        torch.set_num_threads(devices.threads())
        net = build(self._model, few, 0, self.device)
        train(net, few, config, seed=0, device=self.device)
        Judge(few, None, self.device).live(net)

    # ---- the kinds
    # -----------------------------------------------------------------------------------------------------

    def _data(self, step: Step, folder: Path, tell: looks.Tell) -> None:
        split = self.experiment.data.load(tell)  # type: ignore[attr-defined]
        remembered.keep_rows(self.experiment.data, len(split.train))
        if self.experiment.scenario != "from_scratch" and self.experiment.pretraining.data is None:
            split = divided(split, self.experiment.pretraining.part, self.experiment.seed, pretraining=False)
        save_split(folder, split)

    def _pretraining_data(self, step: Step, folder: Path, tell: looks.Tell) -> None:
        other = self.experiment.pretraining.data
        if other is not None:
            save_split(folder, other.load(tell))  # type: ignore[attr-defined]
        else:
            split = self.experiment.data.load(tell)  # type: ignore[attr-defined]
            part, seed = self.experiment.pretraining.part, self.experiment.seed
            save_split(folder, divided(split, part, seed, pretraining=True))

    def _poison(self, step: Step, folder: Path, tell: looks.Tell) -> None:
        attack, split = self.experiment.attack, self.split(step)
        assert isinstance(attack, attacks.Attack) and step.poison_key is not None
        tools, begun = self._tools(attack, step, tell), time.perf_counter()
        poisoned = attacks.apply(attack, split.train, tools)
        shown = attacks.evaluation(attack, split.test, tools)
        arrays = {} if poisoned.trace is None else {"trace": poisoned.trace}
        save(
            folder,
            {
                "n": len(poisoned.data),
                "changes_labels": not np.array_equal(poisoned.data.labels[poisoned.rows], poisoned.original_labels),
                "targeted": len(shown.images) == 1,
                "epsilon": getattr(attack, "epsilon", None),
                "attack": attack.name,
                "seconds": time.perf_counter() - begun,
            },
            rows=poisoned.rows,
            images=poisoned.data.images[poisoned.rows],
            labels=poisoned.data.labels[poisoned.rows],
            originals=poisoned.originals,
            original_labels=poisoned.original_labels,
            eval_images=shown.images,
            eval_wanted=shown.wanted,
            eval_true=shown.true,
            eval_indices=shown.indices,
            **arrays,
        )

    def _tools(self, attack: attacks.Attack, step: Step, tell: looks.Tell) -> attacks.Tools:
        """What the attack listed in `needs`, and nothing else."""
        split = self.split(step)
        assert step.poison_key is not None
        tools = attacks.Tools(self.experiment.seed, step.poison_key, tell, device=self.device)
        if "test" in attack.needs:
            tools = replace(tools, test=split.test)
        if "surrogates" in attack.needs or "recipe" in attack.needs:
            tools = replace(tools, model=self._model, training=self.experiment.training, flip=split.flip)
        if "surrogates" in attack.needs:
            trained = step.all("surrogate")
            nets = tuple(self._loaded(surrogate, self._surrogate_model, split.train) for surrogate in trained)
            tools = replace(tools, surrogates=nets)
            if attack.simulates_defense and self.experiment.defends_training:
                tools = replace(
                    tools, defended=tuple(self._defended(split, number, net) for number, net in enumerate(nets))
                )
        return tools

    def _defended(self, split: Split, number: int, net: Net) -> attacks.Defended:
        """What the victim's training defense does to a batch, as the attacker imitates it on a surrogate."""
        known = self.experiment.known_defense
        assert isinstance(known, TrainingDefense)
        hooks = known.hooks(self._session(split, derive(self.experiment.seed, "defense", "simulated", number)))
        nobody = torch.empty(0, dtype=torch.int64)  # the poisons' rows mean nothing to a defense that works on batches
        return lambda images, labels: hooks.batch(images, labels, nobody, net)[0]

    def _pretrain(self, step: Step, folder: Path, tell: looks.Tell) -> None:
        data = step.find("pretraining_data").key
        with self._reading:
            split = read_split(self.artifacts, data)
        # number 0 is the victims'; the attacker's own, from 1 on, may be of another kind
        model = self._model if step.victim == 0 else self._surrogate_model
        seed = derive(self.experiment.seed, "pretrain", step.victim)
        net = build(model, split.train, seed, self.device)
        training, defense, hooks = self.experiment.pretraining.training, self._training_defense(step), None
        if defense is not None:
            apart = derive(self.experiment.seed, "defense", "pretrain", step.victim)
            hooks = defense.hooks(self._session(split, apart, training))
        self._fit(step, folder, tell, net, split, training, seed, hooks=hooks)

    def _surrogate(self, step: Step, folder: Path, tell: looks.Tell) -> None:
        split, seed = self.split(step), derive(self.experiment.seed, "surrogate", step.victim)
        net = self._start(step, self._surrogate_model, split.train, seed)
        attack, hooks = self.experiment.attack, None
        assert isinstance(attack, attacks.Attack)
        if attack.knows_defense and self.experiment.defends_training:
            known = self.experiment.known_defense
            assert isinstance(known, TrainingDefense)
            hooks = known.hooks(self._session(split, derive(self.experiment.seed, "defense", "surrogate", step.victim)))
        self._fit(step, folder, tell, net, split, self.experiment.training, seed, hooks=hooks)

    def _train(self, step: Step, folder: Path, tell: looks.Tell) -> None:
        split = self.split(step)
        poisoned = self.poisoned(step) if step.has("poison") else None
        data = poisoned.train if poisoned else split.train
        if step.has("filter"):
            data = data.rows(self._kept_rows(step))
        seed = derive(self.experiment.seed, "victim", step.victim)
        weights = getattr(self.experiment.attack, "weights", "") if step.arm == "undefended" else ""
        if weights:
            self._brought(folder, weights, replace(split, train=data))
            return
        net = self._start(step, self._model, data, seed)
        training = self.experiment.training
        hooks = self._hooks(step, replace(split, train=data))
        if isinstance(hooks, Practising) and (step.poison_key, step.victim) == (0, 0):
            hooks.record = PracticeRecord(training.epochs)
        self._fit(step, folder, tell, net, replace(split, train=data), training, seed, poisoned, hooks)

    def _brought(self, folder: Path, weights: str, split: Split) -> None:
        """A network that somebody trained elsewhere: it is measured once, and not trained."""
        net = build(self._model, split.train, 0, self.device)
        load_brought(net, Path(weights).expanduser())
        judge = Judge(split.test, None, self.device)
        point = {"epoch": 0, "loss": None, "clean_accuracy": None, "asr": None, "seconds": 0.0}
        trained = Trained(net.eval(), 0.0, 0.0, self.device, "float32")
        self._save_trained(folder, trained, judge, [point], len(split.train), {}, ({"brought": True}, {}))

    def _hooks(self, step: Step, split: Split) -> Hooks:
        """What a training defense does in the loop, or its twin; nothing for other arms."""
        defense = self._training_defense(step)
        if defense is None or not self.experiment.defends_training:
            return Hooks()
        session = self._session(split, derive(self.experiment.seed, "defense", step.poison_key, step.victim))
        if not step.has("train"):
            return defense.hooks(session)
        dropped_at = self.artifacts.array(step.find("train").key, "dropped_at")
        criterion = next(each for each in defense.twins if step.arm == f"{defense.name}_{each}")
        return twin(session, dropped_at, criterion)

    def _session(self, split: Split, seed: int, training: Training | None = None) -> Session:
        """A training, the victims' unless another is given, as a defense that takes part in it sees it."""
        return Session(
            images=on_device(split.train.images, self.device),
            labels=on_device(split.train.labels, self.device),
            classes=len(split.train.class_names),
            training=training or self.experiment.training,
            flip=split.flip,
            seed=seed,
        )

    def _training_defense(self, step: Step) -> TrainingDefense | None:
        """The defense that takes part in a training, if one does."""
        defense = next((each for each in self.experiment.defenses if each.name == step.defense), None)
        return defense if isinstance(defense, TrainingDefense) else None

    def _fit(
        self,
        step: Step,
        folder: Path,
        tell: looks.Tell,
        net: Net,
        split: Split,
        config: Training,
        seed: int,
        poisoned: PoisonedSet | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        """Train, measure after every epoch, and save. Only a `train` step shows its points to whoever watches."""
        judge = Judge(split.test, poisoned.evaluation if poisoned else None, self.device)
        epochs: list[dict[str, Any]] = []
        curve: list[np.ndarray] = []
        defense = self._training_defense(step)
        first = None if defense is None else defense.first
        recorder = GradientRecorder(poisoned, config.epochs, self.device, also=first)

        def measure(number: int, loss: float | None, seconds: float) -> None:
            accuracy, asr = judge.live(net)
            point = {"epoch": number, "loss": loss, "clean_accuracy": accuracy, "asr": asr, "seconds": seconds}
            epochs.append(point)
            if step.kind == "train":
                self.watch.point(arm=step.arm, poison_key=step.poison_key or 0, victim=step.victim, **point)
            if poisoned is not None and poisoned.targeted:
                curve.append(judge.probabilities(net))
                epochs[-1] = point | {"alignment": aligned(net, poisoned, self.device)}
                recorder.note(number, net)
            tell(number / config.epochs, f"epoch {number} of {config.epochs}")

        def after_epoch(epoch: Epoch) -> None:
            measure(epoch.epoch, epoch.loss, epoch.seconds)

        measure(0, None, 0.0)  # where the curves start: a network that knows nothing yet
        trained = train(
            net,
            split.train,
            config,
            seed=seed,
            device=self.device,
            flip=split.flip,
            hooks=hooks,
            compiles=estimate.repays_compiling(self.experiment, self.device),
            after_epoch=after_epoch,
            cancelled=self.watch.cancelled,
        )
        known = not truth_unknown(self.experiment.attack)
        curves = {"eval_probability_curve": np.stack(curve), **recorder.arrays()} if curve else {}
        self._save_trained(
            folder, trained, judge, epochs, len(split.train), curves, noted(hooks, poisoned, known=known)
        )

    def _kept_rows(self, step: Step) -> np.ndarray:
        """(m,) int64, the rows that the filter before this training leaves, or its random control."""
        name = "random_flagged" if str(step.arm).endswith("_random") else "flagged"
        return np.flatnonzero(~self.artifacts.array(step.find("filter").key, name))

    def _save_trained(
        self,
        folder: Path,
        trained: Trained,
        judge: Judge,
        epochs: list[dict[str, Any]],
        rows: int,
        curves: dict[str, np.ndarray],
        noted: tuple[dict[str, Any], dict[str, np.ndarray]],
    ) -> None:
        weights = {name: tensor.contiguous().cpu() for name, tensor in trained.net.state_dict().items()}
        save_file(weights, folder / "weights.safetensors")
        accuracy, asr, measured = judge.final(trained.net)
        epochs[-1] |= {"clean_accuracy": accuracy[0] / accuracy[1], "asr": asr[0] / asr[1] if asr else None}
        meta = {
            "epochs": epochs,
            "seconds": trained.seconds,
            "passes": trained.passes,
            "device": trained.device,
            "precision": trained.precision,
            "memory": devices.peak(self.device),
            "rows": rows,
            "clean_accuracy": {"hits": accuracy[0], "n": accuracy[1]},
            "asr": {"hits": asr[0], "n": asr[1]} if asr else None,
            "target_probability": judge.wanted_probability(measured),
        }
        save(folder, meta | noted[0], **measured, **curves, **noted[1])
