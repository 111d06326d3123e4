"""How long an experiment will take here: by what earlier ones took, or a guess before there was one."""

import heapq
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import device as devices
from core import registry
from core.home import home
from core.spec import Component, Experiment, Training, digest

GUESSED_IMAGES_PER_SECOND = {
    "small_cnn": 4000.0,
    "mlp": 15_000.0,
    "linear": 25_000.0,
    "resnet_small": 800.0,
    "resnet9_fast": 450.0,
}
"""Of one training on one processor core; other networks are taken for a ResNet-18."""
GUESSED_ROWS = 6000
GUESSED_CLASSES = 10
FROZEN = 1 / 3
"""Cost of training a head on frozen features, beside training everything: forward passes alone."""
CRAFTING = 3.0
"""Cost of one image in one step of crafting, beside one in training: the gradient of a gradient."""
STEPS = 250
"""Steps of a crafting attack that does not say how many it takes."""
COMPILING_REPAYS = 300.0
"""Expected seconds of all trainings together from which on a network is compiled on a GPU."""
NEUTRAL = ("epsilon", "target_class", "source_class", "poison_fraction")
"""Settings of an attack on which the seconds of crafting a poison do not depend."""

EPOCHS, POISONS, ROWS = "seconds_per_epoch.json", "seconds_of_crafting.json", "rows.json"
"""What is remembered, each a file in the home folder: numbers by the digest of what they depend on."""


@dataclass(frozen=True)
class Costs:
    """Expected seconds of each kind of step; of a kind that the experiment has none of, 0."""

    data: float
    poison: float
    train: float
    look: float
    pretrain: float = 0.0
    surrogate: float = 0.0


# ---- what was measured


def remember(experiment: Experiment, seconds_per_epoch: float) -> None:
    """Keep what an epoch of a victim's training took just now; half of the new value, half of the old."""
    key = _epoch_key(experiment, experiment.model, experiment.training)
    _keep(EPOCHS, key, seconds_per_epoch, average=True)


def remember_pretrain(experiment: Experiment, seconds_per_epoch: float) -> None:
    """Keep what an epoch of pretraining the victims' network took."""
    _keep(EPOCHS, _pretraining_key(experiment, experiment.model), seconds_per_epoch, average=True)


def remember_poison(experiment: Experiment, seconds: float) -> None:
    """Keep what crafting the poisons of one key took, without the training of surrogates."""
    if experiment.attack is not None:
        # Per unit of budget: twice as many poisons are twice the work, and the rows behind a budget stay the same.
        _keep(POISONS, _poison_key(experiment), seconds / _budget(experiment.attack), average=True)


def remember_rows(experiment: Experiment, n: int) -> None:
    """Keep how many training rows the experiment's data set has, before a part is set aside for pretraining."""
    remember_rows_of(experiment.data, n)


def remember_rows_of(data: Component, n: int) -> None:
    """Keep how many training rows a data set has."""
    _keep(ROWS, _data_key(data), n, average=False)


def _remembered(file: str) -> dict[str, float]:
    try:
        known = json.loads((home() / file).read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: float(value) for key, value in known.items() if isinstance(value, int | float) and value > 0}


def _keep(file: str, key: str, value: float, *, average: bool) -> None:
    known = _remembered(file)
    kept = (known.get(key, value) + value) / 2 if average else value
    if known.get(key) == kept:
        return
    path = home() / file
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({**known, key: kept}))
    temporary.replace(path)


def _epoch_key(experiment: Experiment, model: Component, training: Training) -> str:
    """What the seconds of an epoch depend on."""
    own = [_json(experiment.data), _json(model), _speed(training), experiment.device]
    return digest([*own, experiment.scenario, *_set_aside(experiment)])


def _pretraining_key(experiment: Experiment, model: Component) -> str:
    own = [_json(experiment.data), _json(model), _speed(experiment.pretraining.training), experiment.device]
    return digest(["pretrain", *own, *_set_aside(experiment)])


def _set_aside(experiment: Experiment) -> list[Any]:
    """Which rows the victims do not have, or what else the network was pretrained on."""
    if experiment.scenario == "from_scratch":
        return []
    other = experiment.pretraining.data
    return [experiment.pretraining.part if other is None else _json(other)]


def _speed(training: Training) -> dict[str, Any]:
    return training.model_dump(mode="json", include={"batch_size", "precision"})


def _poison_key(experiment: Experiment) -> str:
    """What the seconds of crafting depend on, its budget aside."""
    assert experiment.attack is not None
    attack = {name: value for name, value in _json(experiment.attack).items() if name not in NEUTRAL}
    own = [attack, _json(experiment.data), _json(experiment.model), experiment.device]
    return digest([*own, experiment.scenario, *_set_aside(experiment)])


def _data_key(data: Component) -> str:
    return digest(_json(data))


def _json(part: Component) -> dict[str, Any]:
    return part.model_dump(mode="json")


def _budget(attack: Component) -> float:
    return float(getattr(attack, "poison_fraction", 0) or 1.0)


# ---- what is expected


def costs(experiment: Experiment) -> Costs:
    """Expected seconds of each kind of step of an experiment on this machine."""
    pretrained = experiment.scenario != "from_scratch"
    spied = _surrogates(experiment) > 0
    return Costs(
        data=4.0,
        poison=_crafting(experiment),
        train=_training(experiment, experiment.model),
        look=0.3,
        pretrain=_pretraining(experiment, experiment.model) if pretrained else 0.0,
        surrogate=_training(experiment, _surrogate_model(experiment)) if spied else 0.0,
    )


def trainings(experiment: Experiment) -> int:
    """Models that a run trains: victims and controls, surrogates, pretrained networks."""
    return _victims(experiment) + _surrogates(experiment) + _pretrained(experiment)


def seconds(experiment: Experiment, device: str = "cpu") -> float:
    """Expected seconds of a run in which nothing is found ready."""
    cost, spies = costs(experiment), _surrogates(experiment)
    victims, starts = _victims(experiment), _pretrained(experiment)
    first = [cost.pretrain] * min(starts, 1)
    first += [_pretraining(experiment, _surrogate_model(experiment))] * (starts - len(first))
    crafting = [cost.poison] * (0 if experiment.attack is None else experiment.keys)
    looks = len(crafting) * experiment.victims * (2 + 2 * len(experiment.defenses)) * cost.look
    # Each of these waits for the one before: pretrained networks, surrogates, poisons, victims. Only controls need no
    # poison; they fill the lanes that long crafting leaves idle.
    beside = experiment.victims if cost.poison > cost.train else 0
    defended = [
        cost.train * one.cost for one in _taking_part(experiment) for _ in range(len(crafting) * experiment.victims)
    ]
    others = [*defended, *[cost.train] * (victims - beside - len(defended))]
    stages = [first, [cost.surrogate] * spies, [*crafting, *[cost.train] * beside], others]
    works = sum(map(len, stages))
    return cost.data * (1 + (starts > 0)) + looks + sum(spread(stage, devices.lanes(works, device)) for stage in stages)


def repays_compiling(experiment: Experiment, device: str) -> bool:
    """Whether an experiment trains for so long on a GPU that compiling its network first is worth it."""
    return device == "cuda" and trainings(experiment) * costs(experiment).train >= COMPILING_REPAYS


def spread(works: Sequence[float], lanes: int) -> float:
    """Seconds until all works are done, if each is taken by the first lane that is free, the longest first."""
    ends = [0.0] * lanes
    for work in sorted(works, reverse=True):
        ends[ends.index(min(ends))] += work
    return max(ends)


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


def _training(experiment: Experiment, model: Component) -> float:
    """Seconds of one training of a victim, or of a surrogate that is trained as one."""
    guess = victims_rows(experiment) / _guessed_speed(model)
    if experiment.scenario == "transfer":
        guess *= FROZEN
    epoch = _remembered(EPOCHS).get(_epoch_key(experiment, model, experiment.training), guess)
    return epoch * experiment.training.epochs


def _pretraining(experiment: Experiment, model: Component) -> float:
    other = experiment.pretraining.data
    trained_on = rows(other) if other is not None else (1 - _share(experiment)) * rows(experiment.data)
    guess = trained_on / _guessed_speed(model)
    epoch = _remembered(EPOCHS).get(_pretraining_key(experiment, model), guess)
    return epoch * experiment.pretraining.training.epochs


def _crafting(experiment: Experiment) -> float:
    """Seconds of the poisons of one key."""
    attack = experiment.attack
    if attack is None:
        return 0.0
    known = _remembered(POISONS).get(_poison_key(experiment))
    if known is not None:
        return known * _budget(attack)
    needs, networks = getattr(attack, "needs", ()), getattr(attack, "surrogates", 1)
    if "surrogates" not in needs and "recipe" not in needs:
        return 0.3
    poisons = max(1.0, _budget(attack) * victims_rows(experiment))
    steps = getattr(attack, "steps", STEPS) * getattr(attack, "restarts", 1)
    crafting = CRAFTING * networks * steps * poisons / _guessed_speed(_surrogate_model(experiment))
    if "recipe" in needs:  # the attack trains its networks itself, and goes on while it crafts
        epochs = experiment.training.epochs / 2 + steps * getattr(attack, "advance", 0.0)
        crafting += networks * epochs * _training(experiment, experiment.model) / experiment.training.epochs
    return crafting


def victims_rows(experiment: Experiment) -> int:
    """Training rows that victims see, as far as they are known or told."""
    return round(_share(experiment) * rows(experiment.data))


def _share(experiment: Experiment) -> float:
    """Share of the data set's rows that victims are trained on."""
    apart = experiment.scenario != "from_scratch" and experiment.pretraining.data is None
    return 1 - experiment.pretraining.part if apart else 1.0


def counted(data: Component) -> bool:
    """Whether the rows of a data set are known, because it was read."""
    return _data_key(data) in _remembered(ROWS)


def rows(data: Component) -> int:
    """Training rows of a data set: as they were counted when it was read, else as far as its settings tell."""
    if known := _remembered(ROWS).get(_data_key(data)):
        return int(known)
    told = getattr(data, "train", None)
    per_class = getattr(data, "train_per_class", None)
    classes = len(getattr(data, "classes", ()) or ()) or GUESSED_CLASSES
    return told or (classes * per_class if per_class else GUESSED_ROWS)


def _guessed_speed(model: Component) -> float:
    return GUESSED_IMAGES_PER_SECOND.get(model.name, 30.0)


def _surrogates(experiment: Experiment) -> int:
    """Networks that the attacker trains."""
    attack = experiment.attack
    return int(getattr(attack, "surrogates", 0)) if "surrogates" in getattr(attack, "needs", ()) else 0


def _victims(experiment: Experiment) -> int:
    """Models of all arms, the controls among them; data that come as they are have none."""
    poisoned = 0 if experiment.attack is None else experiment.keys * (1 + 2 * len(experiment.defenses))
    controls = 0 if getattr(experiment.attack, "family", "") == "given" else 1
    return experiment.victims * (controls + poisoned)


def _taking_part(experiment: Experiment) -> list[Any]:
    """The defenses that take part in the victims' own training."""
    return [
        each for each in experiment.defenses if experiment.defends_training and getattr(each, "kind", "") == "training"
    ]


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
