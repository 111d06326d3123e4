"""How long an experiment will take here: by the speed of earlier trainings, or a guess before there is one."""

import json
import math
import os
from dataclasses import dataclass

from core import device as devices
from core.home import home
from core.spec import Experiment, digest

GUESSED_IMAGES_PER_SECOND = {"small_cnn": 4000.0, "mlp": 15_000.0, "linear": 25_000.0, "resnet_small": 800.0}
"""Of one training on one processor core; other networks are taken for a ResNet-18."""
GUESSED_ROWS = 6000


@dataclass(frozen=True)
class Costs:
    """Expected seconds of each kind of step."""

    data: float
    poison: float
    train: float
    look: float


def _remembered() -> dict[str, float]:
    """Seconds of an epoch, by setting."""
    try:
        known = json.loads((home() / "seconds_per_epoch.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: float(value) for key, value in known.items() if isinstance(value, int | float) and value > 0}


def _setting(experiment: Experiment) -> str:
    """What the seconds of an epoch depend on."""
    content = experiment.model_dump(mode="json")
    training = {name: content["training"][name] for name in ("batch_size", "precision")}
    return digest([content["data"], content["model"], training, experiment.device])


def remember(experiment: Experiment, seconds_per_epoch: float) -> None:
    """Keep what an epoch of a training took just now; half of the new value, half of the old."""
    known = _remembered()
    old = known.get(_setting(experiment), seconds_per_epoch)
    known[_setting(experiment)] = (old + seconds_per_epoch) / 2
    path = home() / "seconds_per_epoch.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(known))
    temporary.replace(path)


def costs(experiment: Experiment) -> Costs:
    """Expected seconds of each kind of step of an experiment on this machine."""
    guess = _rows(experiment) / GUESSED_IMAGES_PER_SECOND.get(experiment.model.name, 30.0)
    epoch = _remembered().get(_setting(experiment), guess)
    return Costs(data=4.0, poison=0.3, train=epoch * experiment.training.epochs, look=0.3)


def _rows(experiment: Experiment) -> int:
    """Training rows, as far as the settings of the data set tell before it was read."""
    told = [getattr(experiment.data, name, None) for name in ("train", "train_per_class")]
    return told[0] or (10 * told[1] if told[1] else GUESSED_ROWS)


def seconds(experiment: Experiment, device: str = "cpu") -> float:
    """Expected seconds of a run in which nothing is found ready."""
    cost, pairs = costs(experiment), experiment.keys * experiment.victims
    if experiment.attack is None:
        trainings, others = experiment.victims, 0.0
    else:
        trainings = pairs * (1 + 2 * len(experiment.defenses)) + experiment.victims
        others = experiment.keys * cost.poison + pairs * (2 + 2 * len(experiment.defenses)) * cost.look
    rounds = math.ceil(trainings / devices.lanes(trainings, device))
    return cost.data + rounds * cost.train + others
