"""Every flag is raised on one side of its limit and not on the other."""

from typing import Any

import pytest

from core.flags import flags, of_network


def rate(mean: float, n: int = 1000, seeds: int = 3) -> dict[str, Any]:
    return {"mean": mean, "low": mean, "high": mean, "n": n, "seeds": seeds, "interval": "seeds"}


def found(
    accuracy: float = 0.95,
    asr: dict[str, Any] | None = None,
    control_asr: float = 0.0,
    seeds: int = 3,
    victims: int = 3,
    losses: dict[str, float] | None = None,
    told: dict[str, dict[str, Any]] | None = None,
    removed: dict[str, float] | None = None,
    attack: str | None = "badnets",
    defenses: tuple[str, ...] = ("spectral_signatures",),
    pairs: list[dict[str, Any]] | None = None,
) -> list[dict[str, str]]:
    """The flags of a result without fault, but for what is given."""
    result = {
        "spec": {"victims": victims, "attack": attack, "defenses": defenses},
        "arms": {"undefended": {"clean_accuracy": rate(accuracy), "asr": asr or rate(0.99)}},
        "control": {"clean_accuracy": rate(0.95, seeds=seeds), "asr": rate(control_asr)},
        "pairs": pairs or [],
    }
    return flags(result, losses or {"undefended": 0.1}, told or {}, removed or {})


@pytest.mark.parametrize(
    "settings, code, words",
    [
        ({"control_asr": 0.1}, None, ""),
        ({"control_asr": 0.101}, "control_predicts_wanted", "10.1%"),
        ({"accuracy": 0.93}, None, ""),
        ({"accuracy": 0.929}, "accuracy_fell", "the undefended model is 2.1 points"),
        ({"accuracy": 0.99}, None, ""),
        ({"asr": rate(0.9, n=300)}, None, ""),
        ({"asr": rate(0.9, n=299)}, "few_images", "99 images"),  # three victims saw the same 99 and two thirds
        ({"asr": rate(0.9, n=99), "victims": 1}, "few_images", "99 images"),
        ({"asr": rate(0.9, n=100), "victims": 1}, None, ""),
        ({"seeds": 2}, None, ""),
        ({"seeds": 1}, "one_seed", "Set victims to 3"),
        ({"told": {"spectral_signatures": {"target_class": 3}}}, None, ""),
        ({"told": {"spectral_signatures": {"poison_count": 60}}}, "told_budget", "(60)"),
        ({"told": {"hand_picked": {}}}, None, ""),
        ({"told": {"hand_picked": {"poison_rows": "on screen"}}}, "saw_truth", "Hand-picked rows were chosen"),
        ({"removed": {"spectral_signatures": 0.5}}, None, ""),
        ({"removed": {"spectral_signatures": 0.51}}, "class_removed", "51%"),
        ({"losses": {"control": 0.5}}, None, ""),
        ({"losses": {"control": 0.51}}, "not_converged", "the control model ended at a loss of 0.51"),
        ({"losses": {"control": float("nan")}}, "not_converged", "loss of nan"),
        ({"losses": {"control": float("inf")}}, "not_converged", "loss of inf"),
        ({"attack": None}, "no_attack", "only the control was trained"),
        ({"attack": None, "defenses": ()}, None, ""),
    ],
)
def test_a_flag_is_raised_beyond_its_limit_only(settings: dict[str, Any], code: str | None, words: str) -> None:
    raised = found(**settings)
    assert [flag["code"] for flag in raised] == ([code] if code else [])
    assert all(words in flag["message"] and flag["message"].endswith(".") for flag in raised)


def test_two_points_are_two_points_in_floating_point_too() -> None:
    assert 0.92 - 0.90 > 0.02  # which is why the difference is rounded
    result = {
        "spec": {"victims": 3, "attack": None, "defenses": []},
        "arms": {"undefended": {"clean_accuracy": rate(0.90), "asr": rate(0.99)}},
        "control": {"clean_accuracy": rate(0.92), "asr": rate(0.0)},
        "pairs": [],
    }
    assert flags(result, {}, {}, {}) == []


def test_every_arm_and_every_filter_is_looked_at() -> None:
    arms = {name: {"clean_accuracy": rate(0.5), "asr": rate(0.1)} for name in ("undefended", "x", "x_random")}
    result = {
        "spec": {"victims": 3, "attack": None, "defenses": []},
        "arms": arms,
        "control": {"clean_accuracy": rate(0.9), "asr": None},
        "pairs": [],
    }
    raised = flags(result, dict.fromkeys(arms, 2.0), {"x": {"poison_count": 1}, "y": {"poison_count": 1}}, {"x": 0.9})
    codes = [flag["code"] for flag in raised]
    assert codes == ["accuracy_fell"] * 3 + ["told_budget"] * 2 + ["class_removed"] + ["not_converged"] * 3


def test_without_an_attack_there_is_no_attack_success_to_doubt() -> None:
    result = {
        "spec": {"victims": 3, "attack": None, "defenses": []},
        "arms": {},
        "control": {"clean_accuracy": rate(0.9), "asr": None},
        "pairs": [],
    }
    assert flags(result, {"control": 0.1}, {}, {}) == []


def test_trials_are_counted_instead_of_images() -> None:
    read, misread = {"counted": True}, {"counted": False}
    few = rate(0.5, n=20)
    assert "few_images" not in {flag["code"] for flag in found(asr=few, pairs=[read] * 20)}
    assert not {"few_pairs", "target_misread"} & {flag["code"] for flag in found(asr=few, pairs=[read] * 20)}
    flagged = {flag["code"]: flag["message"] for flag in found(asr=few, pairs=[read] * 19 + [misread] * 2)}
    assert "19 trials" in flagged["few_pairs"] and "2 of 21 trials" in flagged["target_misread"]


@pytest.mark.parametrize(("network", "warned"), [("resnet18", False), ("small_cnn", False), ("resnet9_fast", True)])
def test_a_network_on_which_published_results_break_is_named_with_its_sources(network: str, warned: bool) -> None:
    result = {
        "spec": {"victims": 3, "attack": "badnets", "defenses": [], "model": {"name": network}},
        "arms": {"undefended": {"clean_accuracy": rate(0.95), "asr": rate(0.99)}},
        "control": {"clean_accuracy": rate(0.95), "asr": rate(0.0)},
        "pairs": [],
    }
    raised = flags(result, {}, {}, {})
    assert [flag["code"] for flag in raised] == ["other_network"] * warned
    assert of_network([{"code": "one_seed", "message": "."}, *raised]) == raised
    for words in ("EPIC", "24.88 %", "arXiv:2405.18627", "8 % on a VGG11", "arXiv:2006.12557", "resnet18"):
        assert all(words in flag["message"] for flag in raised)
