"""How long each step of an experiment will take here: by what earlier ones took, or a guess before there was one."""

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from core import device as devices
from core import registry, remembered
from core.spec import Component, Experiment

GUESSED_IMAGES_PER_SECOND = {
    "small_cnn": 4000.0,
    "mlp": 15_000.0,
    "linear": 25_000.0,
    "resnet_small": 800.0,
    "resnet9_fast": 450.0,
}
"""Of one training on one processor core; other networks are taken for a ResNet-18."""
GPU, GPU_MOST = 300.0, 50_000.0
"""Guess, not measured: a GPU is so many times one processor core, and trains at most so many images a second."""
GUESSED_ROWS = 6000
GUESSED_CLASSES = 10
FORWARD = 1 / 3
"""Cost of a forward pass beside one forward and backward: of measuring, and of a head that learns by itself."""
LOOKED_AT, TESTED = 1000, 4000
"""Images that a model is measured on after every epoch, and at its end."""
CRAFTING = 3.0
"""Cost of one image in one step of crafting, beside one in training: the gradient of a gradient."""
STEPS = 250
"""Steps of a crafting attack that does not say how many it takes."""
LOOK, MAP = 0.3, 15.0
"""Guessed seconds of a step about a trained network, and of a map of gradients."""
READ, READ_EACH = 0.5, 0.0005
"""Guessed seconds of reading or drawing a data set, and of every training row in it."""
READING = {"features": 1.0, "distances": 0.1, "isolation": 1.0, "measure": 0.3}
"""Steps that pass images through a network, by kind: how many, as a share of the training set."""
COMPILING_REPAYS = 300.0
"""Expected seconds of all trainings together from which on a network is compiled on a GPU."""


@dataclass(frozen=True)
class Costs:
    """Expected seconds of each kind of step; of a kind that the experiment has none of, 0.

    Attributes:
        data: reading or drawing the images.
        poison: crafting the poisons of one key.
        train: one training of a victim.
        pretrain, surrogate: one training of such a network.
        defended, defended_pretraining: of trainings that a defense takes part in, by its name.
        looks: of steps about a trained network, by kind.
    """

    data: float
    poison: float
    train: float
    pretrain: float = 0.0
    surrogate: float = 0.0
    defended: Mapping[str, float] = field(default_factory=dict)
    defended_pretraining: Mapping[str, float] = field(default_factory=dict)
    looks: Mapping[str, float] = field(default_factory=dict)

    def look(self, kind: str, defense: str | None = None) -> float:
        """Seconds of a step about a trained network."""
        return self.looks.get(f"{kind} {defense}", self.looks.get(kind, LOOK))


def costs(experiment: Experiment, device: str = "cpu") -> Costs:
    """Expected seconds of each kind of step of an experiment on this machine.

    Args:
        experiment: what to do.
        device: where it will be done, which only a guess depends on.
    """
    model, spy = experiment.model, _surrogate_model(experiment)
    known = experiment.known_defense if getattr(experiment.attack, "knows_defense", False) else None
    taking_part = [each for each in experiment.defenses if getattr(each, "kind", "") == "training"]
    pretrained, inside = experiment.scenario != "from_scratch", experiment.defends_training
    apart = taking_part if experiment.defends_pretraining else []
    return Costs(
        data=remembered.look(experiment, "data") or READ + READ_EACH * rows(experiment.data),
        poison=_crafting(experiment, device),
        train=_training(experiment, model, device),
        pretrain=_pretraining(experiment, model, device) if pretrained else 0.0,
        surrogate=_training(experiment, spy, device, known if inside else None) if _surrogates(experiment) else 0.0,
        defended={one.name: _training(experiment, model, device, one) for one in taking_part if inside},
        defended_pretraining={one.name: _pretraining(experiment, model, device, one) for one in apart},
        looks=_looks(experiment, device),
    )


def trainings(experiment: Experiment) -> int:
    """Models that a run trains: victims and controls, surrogates, pretrained networks."""
    return _victims(experiment) + _surrogates(experiment) + _pretrained(experiment)


def repays_compiling(experiment: Experiment, device: str) -> bool:
    """Whether an experiment trains for so long on a GPU that compiling its network first is worth it."""
    if device != "cuda":
        return False
    # By the guess alone: what was measured has compiling in it, and would turn against it.
    return trainings(experiment) * _guessed_training(experiment, experiment.model, device) >= COMPILING_REPAYS


def makespan(works: Mapping[str, tuple[float, Collection[str]]], lanes: int) -> float:
    """Seconds until all works are done, if each is begun as soon as it can, the earlier one first.

    Args:
        works: seconds of each, and the names of those that it waits for; names that are no works are done already.
        lanes: works that are done at the same time.
    """
    order = {name: place for place, name in enumerate(works)}
    waits = {name: sum(need in works for need in needs) for name, (_, needs) in works.items()}
    frees: dict[str, list[str]] = {}
    for name, (_, needs) in works.items():
        for need in needs:
            frees.setdefault(need, []).append(name)
    ready = [(order[name], name) for name, count in waits.items() if not count]
    running: list[tuple[float, int, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < lanes:
            place, name = heapq.heappop(ready)
            heapq.heappush(running, (now + works[name][0], place, name))
        now, _, finished = heapq.heappop(running)
        for name in frees.get(finished, []):
            waits[name] -= 1
            if not waits[name]:
                heapq.heappush(ready, (order[name], name))
    return now


# ---- the kinds


def _training(experiment: Experiment, model: Component, device: str, defense: Component | None = None) -> float:
    """Seconds of one training of a victim, or of a surrogate that is trained as one."""
    epochs = experiment.training.epochs
    if (known := remembered.epoch(experiment, model, defense)) is not None:
        return known * epochs
    if defense is not None and (plain := remembered.epoch(experiment, model)) is not None:
        return plain * _passes(defense, epochs) * epochs
    return _guessed_training(experiment, model, device, defense)


def _guessed_training(experiment: Experiment, model: Component, device: str, defense: Component | None = None) -> float:
    epochs = experiment.training.epochs
    passes = victims_rows(experiment) * _passes(defense, epochs)
    if experiment.scenario == "transfer":
        passes *= FORWARD
    return _guessed(passes, epochs, model, device)


def _pretraining(experiment: Experiment, model: Component, device: str, defense: Component | None = None) -> float:
    epochs = experiment.pretraining.training.epochs
    if (known := remembered.pretraining_epoch(experiment, model, defense)) is not None:
        return known * epochs
    if defense is not None and (plain := remembered.pretraining_epoch(experiment, model)) is not None:
        return plain * _passes(defense, epochs) * epochs
    other = experiment.pretraining.data
    trained_on = rows(other) if other is not None else (1 - _share(experiment)) * rows(experiment.data)
    return _guessed(trained_on * _passes(defense, epochs), epochs, model, device)


def _guessed(passes: float, epochs: int, model: Component, device: str) -> float:
    """Seconds of a training of so many passes an epoch, with all that is measured."""
    measured = FORWARD * (epochs * LOOKED_AT + TESTED)
    return (epochs * passes + measured) / _guessed_speed(model, device)


def _passes(defense: Component | None, epochs: int) -> float:
    """Passes of one image in an epoch with a defense, beside 1 without: as the defense says it."""
    return float(getattr(defense, "cost", 1.0)) + float(getattr(defense, "once", 0.0)) / epochs


def _crafting(experiment: Experiment, device: str) -> float:
    """Seconds of the poisons of one key."""
    attack = experiment.attack
    if attack is None:
        return 0.0
    if (known := remembered.crafting(experiment)) is not None:
        return known
    needs, networks = getattr(attack, "needs", ()), getattr(attack, "surrogates", 1)
    if "surrogates" not in needs and "recipe" not in needs:
        return LOOK
    poisons = max(1.0, float(getattr(attack, "poison_fraction", 0) or 1.0) * victims_rows(experiment))
    steps = getattr(attack, "steps", STEPS) * getattr(attack, "restarts", 1)
    passes = CRAFTING
    if getattr(attack, "simulates_defense", False) and experiment.defends_training:
        passes += _passes(experiment.known_defense, experiment.training.epochs) - 1
    crafting = passes * networks * steps * poisons / _guessed_speed(_surrogate_model(experiment), device)
    if "recipe" in needs:  # the attack trains its networks itself, and goes on while it crafts
        epochs = experiment.training.epochs / 2 + steps * getattr(attack, "advance", 0.0)
        crafting += networks * epochs * _training(experiment, experiment.model, device) / experiment.training.epochs
    return crafting


def _looks(experiment: Experiment, device: str) -> dict[str, float]:
    """By kind; of a filter's score and decision by kind and name."""
    forward = FORWARD * victims_rows(experiment) / _guessed_speed(experiment.model, device)
    found = {"embedding": MAP} | {kind: share * forward for kind, share in READING.items()}
    for kind in (*found, "spectral", "inspection"):
        if (known := remembered.look(experiment, kind)) is not None:
            found[kind] = known
    for defense in experiment.defenses:
        for kind in ("score", "filter"):
            if (known := remembered.look(experiment, kind, defense)) is not None:
                found[f"{kind} {defense.name}"] = known
    return found


# ---- what is known without measuring


def victims_rows(experiment: Experiment) -> int:
    """Training rows that victims see, as far as they are known or told."""
    return round(_share(experiment) * rows(experiment.data))


def _share(experiment: Experiment) -> float:
    """Share of the data set's rows that victims are trained on."""
    apart = experiment.scenario != "from_scratch" and experiment.pretraining.data is None
    return 1 - experiment.pretraining.part if apart else 1.0


def counted(data: Component) -> bool:
    """Whether the rows of a data set are known, because it was read."""
    return remembered.rows(data) is not None


def rows(data: Component) -> int:
    """Training rows of a data set: as they were counted when it was read, else as far as its settings tell."""
    if known := remembered.rows(data):
        return known
    told = getattr(data, "expected_rows", None) or getattr(data, "train", None)
    per_class = getattr(data, "train_per_class", None)
    classes = len(getattr(data, "classes", ()) or ()) or GUESSED_CLASSES
    return told or (classes * per_class if per_class else GUESSED_ROWS)


def _guessed_speed(model: Component, device: str) -> float:
    core = GUESSED_IMAGES_PER_SECOND.get(model.name, 30.0)
    return core * devices.threads() if device == "cpu" else min(core * GPU, GPU_MOST)


def _surrogates(experiment: Experiment) -> int:
    """Networks that the attacker trains."""
    attack = experiment.attack
    return int(getattr(attack, "surrogates", 0)) if "surrogates" in getattr(attack, "needs", ()) else 0


def _victims(experiment: Experiment) -> int:
    """Models of all arms, the controls among them; data that come as they are have none."""
    poisoned = 0 if experiment.attack is None else experiment.keys * (1 + sum(map(_arms, experiment.defenses)))
    controls = 0 if getattr(experiment.attack, "family", "") == "given" else 1
    return experiment.victims * (controls + poisoned)


def _arms(defense: Any) -> int:
    """Models behind a defense: a filter's and its random control's, or those with it and with each of its twins."""
    return 1 + len(defense.twins) if getattr(defense, "kind", "") == "training" else 2


def _pretrained(experiment: Experiment) -> int:
    """Networks that others start from: the victims', and one for every surrogate that does not share its weights."""
    if experiment.scenario == "from_scratch":
        return 0
    defended = [each for each in experiment.defenses if getattr(each, "kind", "") == "training"]
    victims = 1 + (len(defended) if experiment.defends_pretraining and experiment.attack is not None else 0)
    return victims + (_surrogates(experiment) if getattr(experiment.attack, "knowledge", "") != "white_box" else 0)


def _surrogate_model(experiment: Experiment) -> Component:
    attack = experiment.attack
    if getattr(attack, "knowledge", "") != "black_box":
        return experiment.model
    return registry.load("models", getattr(attack, "surrogate_model", "resnet_small"))()
