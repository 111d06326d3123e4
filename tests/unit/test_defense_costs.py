"""What a training defense is expected to cost is what its training counts."""

from typing import Any

import pytest

from core import remembered, spec
from core.datasets.base import ImageSet
from core.defenses.base import Session, TrainingDefense
from core.spec import Experiment
from core.steps import plan
from core.train.loop import build, on_device, train


def asked(*defenses: dict[str, Any], **changes: Any) -> Experiment:
    training = {"epochs": 4, "batch_size": 20, "precision": "float32"}
    model = {"name": "small_cnn", "width": 4}
    return spec.parse({"model": model, "training": training, "defenses": defenses, **changes})


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "adversarial_poisoning", "part": 0.25},
        {"name": "adversarial_poisoning", "part": 0.75, "steps": 2},
        {"name": "adversarial_poisoning", "proxy": "feature_matching", "part": 0.5},
        {"name": "adversarial_poisoning", "proxy": "last_layer", "part": 0.5},
        {"name": "adversarial_poisoning", "proxy": "finite_difference", "part": 0.5},
        {"name": "adversarial_poisoning", "proxy": "noise"},
        {"name": "adversarial_poisoning", "targets": "shuffled", "steps": 1},
        {"name": "evasion_adversarial_training"},
        {"name": "evasion_adversarial_training", "attack": "pgd", "steps": 3},
        {"name": "maxup", "copies": 3},
        {"name": "mixup"},
        {"name": "friendly_noise", "steps": 2},
        {"name": "friendly_noise", "epsilon": 0},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_a_defense_costs_what_it_says(settings: dict[str, Any], tiny: ImageSet) -> None:
    experiment = asked(settings)
    (defense,) = experiment.defenses
    assert isinstance(defense, TrainingDefense)
    images, labels = on_device(tiny.images, "cpu"), on_device(tiny.labels, "cpu")
    session = Session(images, labels, len(tiny.class_names), experiment.training, False, 0)
    net = build(experiment.model, tiny, 0, "cpu")  # type: ignore[arg-type]
    trained = train(net, tiny, experiment.training, seed=0, device="cpu", hooks=defense.hooks(session))
    assert trained.passes == pytest.approx(len(tiny) * (4 * defense.cost + defense.once), rel=0.01)


def test_a_plan_expects_of_a_defended_training_what_the_defense_costs(home: Any) -> None:
    both = asked({"name": "maxup", "copies": 3}, {"name": "epic"})
    remembered.keep_epoch(both, 2.0)
    weights = {step.arm: step.weight for step in plan(both) if step.kind == "train"}
    plain = dict.fromkeys(("control", "undefended", "epic", "epic_random"), 8.0)
    assert weights == plain | {"maxup": 24.0}
