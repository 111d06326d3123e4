"""What steps took on this machine, kept in the home folder: numbers by the digest of what they depend on."""

import json
import os
from typing import Any

from filelock import FileLock

from core.home import home
from core.spec import Component, Experiment, Training, digest

EPOCHS, POISONS, LOOKS, ROWS = (
    "seconds_per_epoch.json",
    "seconds_of_crafting.json",
    "seconds_of_looking.json",
    "rows.json",
)
NEUTRAL = ("epsilon", "target_class", "source_class", "poison_fraction")
"""Settings of an attack on which the seconds of crafting a poison do not depend."""


# ---- seconds of an epoch, measuring included


def epoch(experiment: Experiment, model: Component, defense: Component | None = None) -> float | None:
    """Of a training as the victims', with a defense that takes part or none; None where that was never measured."""
    return _known(EPOCHS, _epoch_key(experiment, model, defense))


def keep_epoch(
    experiment: Experiment, seconds: float, model: Component | None = None, defense: Component | None = None
) -> None:
    """Keep what an epoch of a training took just now; half of the new value, half of the old."""
    _keep(EPOCHS, _epoch_key(experiment, model or experiment.model, defense), seconds, average=True)


def pretraining_epoch(experiment: Experiment, model: Component, defense: Component | None = None) -> float | None:
    """Of pretraining a network of a kind."""
    return _known(EPOCHS, _pretraining_key(experiment, model, defense))


def keep_pretraining_epoch(experiment: Experiment, seconds: float, defense: Component | None = None) -> None:
    """Keep what an epoch of pretraining the victims' network took."""
    _keep(EPOCHS, _pretraining_key(experiment, experiment.model, defense), seconds, average=True)


# ---- crafting, looking, rows


def crafting(experiment: Experiment) -> float | None:
    """Seconds of the poisons of one key, without the training of surrogates."""
    assert experiment.attack is not None
    known = _known(POISONS, _poison_key(experiment))
    return None if known is None else known * _budget(experiment.attack)


def keep_crafting(experiment: Experiment, seconds: float) -> None:
    """Keep what crafting the poisons of one key took."""
    if experiment.attack is not None:
        # Per unit of budget: twice as many poisons are twice the work, and the rows behind a budget stay the same.
        _keep(POISONS, _poison_key(experiment), seconds / _budget(experiment.attack), average=True)


def look(experiment: Experiment, kind: str, defense: Component | None = None) -> float | None:
    """Seconds of a step about a trained network, or of reading the images (kind `data`)."""
    return _known(LOOKS, _look_key(experiment, kind, defense))


def keep_look(experiment: Experiment, kind: str, seconds: float, defense: Component | None = None) -> None:
    """Keep what such a step took."""
    _keep(LOOKS, _look_key(experiment, kind, defense), seconds, average=True)


def rows(data: Component) -> int | None:
    """Training rows of a data set, if it was read."""
    known = _known(ROWS, digest(_json(data)))
    return None if known is None else int(known)


def keep_rows(data: Component, n: int) -> None:
    """Keep how many training rows a data set has, before a part is set aside for pretraining."""
    _keep(ROWS, digest(_json(data)), n, average=False)


# ---- the files


def _known(file: str, key: str) -> float | None:
    return _read(file).get(key)


def _read(file: str) -> dict[str, float]:
    try:
        known = json.loads((home() / file).read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: float(value) for key, value in known.items() if isinstance(value, int | float) and value > 0}


def _keep(file: str, key: str, value: float, *, average: bool) -> None:
    path = home() / file
    with FileLock(home() / "remembered.lock"):  # visitors' threads and the worker's processes write here
        known = _read(file)
        kept = (known.get(key, value) + value) / 2 if average else value
        if known.get(key) == kept:
            return
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps({**known, key: kept}))
        temporary.replace(path)


# ---- what numbers depend on


def _epoch_key(experiment: Experiment, model: Component, defense: Component | None) -> str:
    own = [_json(experiment.data), _json(model), _speed(experiment.training), experiment.device]
    return digest([*own, experiment.scenario, *_set_aside(experiment), *_taking_part(defense)])


def _pretraining_key(experiment: Experiment, model: Component, defense: Component | None) -> str:
    own = [_json(experiment.data), _json(model), _speed(experiment.pretraining.training), experiment.device]
    return digest(["pretrain", *own, *_set_aside(experiment), *_taking_part(defense)])


def _look_key(experiment: Experiment, kind: str, defense: Component | None) -> str:
    own = [kind, _json(experiment.data), _json(experiment.model), experiment.device]
    return digest([*own, *_set_aside(experiment), *_taking_part(defense)])


def _poison_key(experiment: Experiment) -> str:
    """Its budget aside, by which the seconds are multiplied."""
    assert experiment.attack is not None
    attack = {name: value for name, value in _json(experiment.attack).items() if name not in NEUTRAL}
    own: list[Any] = [attack, _json(experiment.data), _json(experiment.model), experiment.device]
    if "recipe" in getattr(experiment.attack, "needs", ()):  # it trains networks while it crafts
        own += [_speed(experiment.training), experiment.training.epochs]
    imitated = experiment.known_defense if getattr(experiment.attack, "simulates_defense", False) else None
    return digest([*own, experiment.scenario, *_set_aside(experiment), *_taking_part(imitated)])


def _taking_part(defense: Component | None) -> list[Any]:
    return [] if defense is None else [_json(defense)]


def _set_aside(experiment: Experiment) -> list[Any]:
    """Which rows the victims do not have, or what else the network was pretrained on."""
    if experiment.scenario == "from_scratch":
        return []
    other = experiment.pretraining.data
    return [experiment.pretraining.part if other is None else _json(other)]


def _speed(training: Training) -> dict[str, Any]:
    return training.model_dump(mode="json", include={"batch_size", "precision"})


def _json(part: Component) -> dict[str, Any]:
    return part.model_dump(mode="json")


def _budget(attack: Component) -> float:
    return float(getattr(attack, "poison_fraction", 0) or 1.0)
