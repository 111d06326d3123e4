"""Defended pretraining: who starts from which network, what learns, and what the defense gets to see."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core import estimate, registry, steps, work
from core.defenses.adversarial_poisoning import AdversarialPoisoning
from core.defenses.base import Session, TrainingDefense
from core.models.base import Net
from core.steps import Step
from core.train.hooks import Hooks
from tests.flows.blobs import Counting, artifacts
from tests.flows.test_scenarios import experiment, run, weights

__all__ = ["artifacts"]  # a fixture is found by its name

NAME = "adversarial_poisoning"
DEFENSE = {"name": NAME, "proxy": "feature_matching", "part": 0.5, "steps": 1, "step_size": 16}
HEAD = {"head.weight", "head.bias"}


def told(defended: str = "also", **changes: Any) -> dict[str, Any]:
    """Settings of a transfer whose defense takes part in pretraining."""
    pretraining = {"part": 0.5, "defended": defended, "training": {"epochs": 1, "batch_size": 20}}
    return {"scenario": "transfer", "defenses": [DEFENSE], "pretraining": pretraining, **changes}


def planned(**changes: Any) -> list[Step]:
    return steps.plan(experiment(**changes))


def starts(found: list[Step], kind: str, arm: str) -> set[tuple[int | None, str | None]]:
    """Which pretrained networks (number, defense) the steps of an arm start from."""
    return {
        (step.find("pretrain").victim, step.find("pretrain").defense)
        for step in found
        if (step.kind, step.arm) == (kind, arm)
    }


def attack(knowledge: str = "grey_box", adaptive: str = "oblivious") -> dict[str, Any]:
    settings = {"poison_fraction": 0.1, "steps": 1, "knowledge": knowledge, "adaptive": adaptive}
    return {"name": "bullseye_polytope", **settings}


def test_each_arm_starts_from_its_own_network_which_all_victims_and_keys_share() -> None:
    found = planned(**told(keys=2, victims=2, defenses=[{"name": "cutout"}, DEFENSE, {"name": "deep_knn"}]))
    for arm in ("control", "undefended", "deep_knn", "deep_knn_random"):
        assert starts(found, "train", arm) == {(0, None)}
    assert starts(found, "train", "cutout") == {(0, "cutout")}
    assert starts(found, "train", NAME) == {(0, NAME)}
    pretrained = [(step.arm, step.victim) for step in found if step.kind == "pretrain"]
    assert sorted(pretrained) == sorted(
        [("pretrained", 0), ("pretrained", 1), ("cutout", 0), (NAME, 0)]
    )  # 1: attacker's
    assert sum(step.kind == "train" for step in found) == 2 + 4 * 5
    place = {step.key: number for number, step in enumerate(found)}
    assert all(place[need.key] < place[step.key] for step in found for need in step.needs)


def test_controls_that_drop_rows_start_from_the_network_of_what_they_are_beside() -> None:
    epic = {"name": "epic", "warm_up": 1, "every": 1, "controls": ["random", "loss"]}
    found = planned(**told(defenses=[epic]))
    for arm in ("epic", "epic_random", "epic_loss"):
        assert starts(found, "train", arm) == {(0, "epic")}


@pytest.mark.parametrize(
    "knowledge, adaptive, start",
    [
        ("white_box", "oblivious", (0, None)),
        ("white_box", "surrogate", (0, NAME)),
        ("grey_box", "oblivious", (1, None)),
        ("grey_box", "surrogate", (1, NAME)),
        ("black_box", "surrogate", (1, NAME)),
    ],
)
def test_an_attacker_pretrains_with_the_defense_that_it_knows(knowledge: str, adaptive: str, start: Any) -> None:
    asked = told(attack=attack(knowledge, adaptive))
    assert starts(planned(**asked), "surrogate", "surrogate") == {start}
    with_victims = 2 if knowledge == "white_box" else 3
    assert sum(step.kind == "pretrain" for step in planned(**asked)) == with_victims
    assert estimate.trainings(experiment(**asked)) == with_victims + 1 + 1 + 2  # surrogate, control, both arms


def test_where_pretraining_is_not_defended_the_defense_changes_no_key_of_others() -> None:
    plain, defended = ({step.key for step in planned(**told(state))} for state in ("no", "also"))
    without = {step.key for step in planned(**told("no", defenses=[]))}
    assert without < plain and without < defended
    assert len(plain - without) == 1 and len(defended - without) == 2  # an arm; and the network that it starts from
    scratch = [
        {step.key for step in planned(**told(state, scenario="from_scratch"))} for state in ("no", "also", "only")
    ]
    assert scratch[0] == scratch[1] == scratch[2]


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], bool]]:
    """Of every training, the parameters that it may change, and whether batch statistics of the body moved."""
    seen: list[tuple[set[str], bool]] = []
    real: Callable[..., Any] = work.train

    def noted(net: Net, *args: Any, **kwargs: Any) -> Any:
        statistics = [buffer.clone() for buffer in net.body.buffers()]
        trained = real(net, *args, **kwargs)
        moved = any((a != b).any() for a, b in zip(statistics, net.body.buffers(), strict=True))
        seen.append(({name for name, parameter in net.named_parameters() if parameter.requires_grad}, moved))
        return trained

    monkeypatch.setattr(work, "train", noted)
    return seen


@pytest.mark.parametrize("scenario", ["transfer", "fine_tune"])
def test_on_frozen_features_only_the_head_learns_with_a_defense_as_without(
    scenario: str, artifacts: Counting, learned: list[tuple[set[str], bool]]
) -> None:
    _, computed, _ = run(artifacts, **told(scenario=scenario, attack=attack("white_box")))
    assert computed["pretrain"] == 2 and computed["surrogate"] == 1 and computed["train"] == 3
    frozen = [(names, moved) for names, moved in learned if names == HEAD]
    whole = [(names, moved) for names, moved in learned if names > HEAD]
    assert len(frozen) + len(whole) == 6
    assert len(frozen) == (4 if scenario == "transfer" else 0)
    assert not any(moved for _, moved in frozen) and all(moved for _, moved in whole)


def test_a_defended_victim_keeps_the_defended_features(artifacts: Counting) -> None:
    _, _, found = run(artifacts, **told(attack=attack("white_box")))
    plain, defended = (weights(artifacts, found, "pretrain", arm) for arm in ("pretrained", NAME))
    body = [name for name in plain if name.startswith("body.")]
    assert any((plain[name] != defended[name]).any() for name in body)
    for arm, start in (("control", plain), ("undefended", plain), (NAME, defended)):
        ended = weights(artifacts, found, "train", arm)
        assert all(np.array_equal(ended[name], start[name]) for name in body)
        assert not np.array_equal(ended["head.weight"], start["head.weight"])


def test_every_training_defense_can_take_part_in_pretraining(artifacts: Counting) -> None:
    kinds = {name: registry.load("defenses", name) for name in registry.names("defenses")}
    names = [name for name, kind in kinds.items() if issubclass(kind, TrainingDefense)]
    _, computed, found = run(artifacts, **told(attack=attack("white_box"), defenses=names))
    assert computed["pretrain"] == 1 + len(names) > 5
    for name in names:
        start, ended = weights(artifacts, found, "pretrain", name), weights(artifacts, found, "train", name)
        body = [key for key in start if key.startswith("body.")]
        assert body == [key for key in ended if key.startswith("body.")]
        assert all(np.array_equal(ended[key], start[key]) for key in body), name
        assert not np.array_equal(ended["head.weight"], start["head.weight"]), name


def test_only_pretraining_leaves_the_victims_own_training_plain(artifacts: Counting) -> None:
    heads = {}
    for state in ("also", "only"):
        _, computed, found = run(artifacts, **told(state))
        heads[state] = weights(artifacts, found, "train", NAME)
        assert computed["pretrain"] == (3 if state == "also" else 0)  # the pretrained networks are the same
        assert computed["train"] == (3 if state == "also" else 1)
    same = [name for name in heads["also"] if np.array_equal(heads["also"][name], heads["only"][name])]
    assert set(heads["also"]) - set(same) == HEAD  # images are perturbed while the head learns, or are not


def test_the_defense_sees_the_training_that_it_takes_part_in(
    artifacts: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[tuple[int, int]] = []
    real: Callable[[AdversarialPoisoning, Session], Hooks] = AdversarialPoisoning.hooks

    def noted(self: AdversarialPoisoning, session: Session) -> Hooks:
        sessions.append((session.training.epochs, len(session.labels)))
        return real(self, session)

    monkeypatch.setattr(AdversarialPoisoning, "hooks", noted)
    asked = told(attack=attack("white_box", "surrogate"))
    asked["pretraining"]["part"] = 0.6
    run(artifacts, **asked)
    assert sorted(sessions) == [(1, 72), (2, 48), (2, 48)]  # 72 of 120 rows pretrain; surrogate and victim share 48
