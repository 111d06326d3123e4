"""How long an experiment will take here: by the speed of earlier trainings, or a guess before there is one."""

import json
import os
from dataclasses import dataclass

from core import device as devices
from core.home import home
from core.spec import Experiment, digest

GUESSED_IMAGES_PER_SECOND = {"small_cnn": 5000.0, "mlp": 20000.0, "linear": 30000.0, "resnet_small": 900.0}
"""On two processor cores; other networks are taken for a ResNet-18."""
GUESSED_ROWS = 6000


@dataclass(frozen=True)
class Costs:
    """Expected seconds of each kind of step."""

    data: float
    poison: float
    train: float
    look: float


def _speeds() -> dict[str, float]:
    try:
        speeds = json.loads((home() / "speeds.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(speeds, dict):
        return {}
    return {key: float(speed) for key, speed in speeds.items() if isinstance(speed, int | float) and speed > 0}


def _setting(experiment: Experiment) -> str:
    """What the speed of training depends on."""
    content = experiment.model_dump(mode="json")
    training = {name: content["training"][name] for name in ("batch_size", "precision")}
    return digest([content["data"], content["model"], training, experiment.device])


def remember(experiment: Experiment, images_per_second: float) -> None:
    """Keep the speed of a training that was just done; half of the new value, half of the old."""
    speeds = _speeds()
    old = speeds.get(_setting(experiment), images_per_second)
    speeds[_setting(experiment)] = (old + images_per_second) / 2
    path = home() / "speeds.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(speeds))
    temporary.replace(path)


def costs(experiment: Experiment) -> Costs:
    """Expected seconds of each kind of step of an experiment on this machine."""
    fallback = GUESSED_IMAGES_PER_SECOND.get(experiment.model.name, 60.0) * max(1, devices.cores() / 2)
    speed = _speeds().get(_setting(experiment), fallback)
    return Costs(data=4.0, poison=0.3, train=rows(experiment) * experiment.training.epochs / speed, look=0.3)


def rows(experiment: Experiment) -> int:
    """Training rows, as far as the settings of the data set tell."""
    told = [getattr(experiment.data, name, None) for name in ("train", "train_per_class")]
    return told[0] or (10 * told[1] if told[1] else GUESSED_ROWS)


def seconds(experiment: Experiment) -> float:
    """Expected seconds of a run in which nothing is found ready."""
    cost, pairs = costs(experiment), experiment.keys * experiment.victims
    if experiment.attack is None:
        return cost.data + experiment.victims * cost.train
    arms = pairs * (1 + 2 * len(experiment.defenses)) + experiment.victims
    return (
        cost.data
        + experiment.keys * cost.poison
        + arms * cost.train
        + pairs * (2 + 2 * len(experiment.defenses)) * cost.look
    )
