"""DP-SGD from end to end: a network of another form is saved, found again, trained on and attacked; epsilon is told."""

from typing import Any

import pytest

from tests.flows.blobs import Counting, artifacts
from tests.flows.test_scenarios import run, weights

__all__ = ["artifacts"]  # a fixture is found by its name

PRIVATE = {"name": "dp_sgd", "noise": 1.0, "delta": 1e-3}


def told(scenario: str, defended: str = "no", adaptive: str = "oblivious", **settings: Any) -> dict[str, Any]:
    return {
        "scenario": scenario,
        "defenses": [{**PRIVATE, **settings}],
        "pretraining": {"part": 0.5, "defended": defended, "training": {"epochs": 1, "batch_size": 20}},
        "attack": {"name": "gradient_matching", "poison_fraction": 0.1, "steps": 2, "adaptive": adaptive},
    }


def grouped(saved: dict[str, Any]) -> bool:
    return not any("running" in name for name in saved)


def test_the_result_tells_epsilon_and_the_defended_network_alone_normalises_by_groups(artifacts: Counting) -> None:
    result, _, found = run(artifacts, **told("from_scratch"))
    privacy = result["arms"]["dp_sgd"]["privacy"]
    assert 1 < privacy["epsilon"] < 20 and (privacy["delta"], privacy["noise"], privacy["clip"]) == (1e-3, 1.0, 1.0)
    assert "privacy" not in result["arms"]["undefended"] and "privacy" not in result["control"]
    assert grouped(weights(artifacts, found, "train", "dp_sgd"))
    assert not grouped(weights(artifacts, found, "train", "undefended"))


def test_the_batch_variant_promises_nothing(artifacts: Counting) -> None:
    result, _, found = run(artifacts, **told("from_scratch", variant="per_batch"))
    assert result["arms"]["dp_sgd"]["privacy"]["epsilon"] is None
    assert not grouped(weights(artifacts, found, "train", "dp_sgd"))


@pytest.mark.parametrize("adaptive", ["surrogate", "step"])
def test_an_attacker_who_knows_it_crafts_on_a_network_of_that_form(adaptive: str, artifacts: Counting) -> None:
    _, computed, found = run(artifacts, **told("from_scratch", adaptive=adaptive))
    assert computed["poison"] == 1 and grouped(weights(artifacts, found, "surrogate"))


@pytest.mark.parametrize("scenario", ["fine_tune", "transfer"])
@pytest.mark.parametrize("defended", ["no", "also", "only"])
def test_pretrained_networks_of_either_form_are_taken_over(scenario: str, defended: str, artifacts: Counting) -> None:
    result, _, found = run(artifacts, **told(scenario, defended))
    assert ("privacy" in result["arms"]["dp_sgd"]) == (defended != "only")
    started = {arm: result["arms"][arm]["pretraining"] for arm in ("undefended", "dp_sgd")}
    told_apart = {step["defense"]: artifacts.meta(step["key"]) for step in found if step["kind"] == "pretrain"}
    own = told_apart["dp_sgd" if defended != "no" else None]
    assert started["dp_sgd"] == {"seconds": own["seconds"], "passes": own["passes"]}
    assert started["undefended"]["seconds"] == told_apart[None]["seconds"]
    if defended != "no":
        assert grouped(weights(artifacts, found, "pretrain", "dp_sgd"))
    kept = scenario == "transfer" and defended == "no"  # what is frozen keeps its batch statistics
    assert grouped(weights(artifacts, found, "train", "dp_sgd")) == (not kept)
    assert not grouped(weights(artifacts, found, "train", "undefended"))
