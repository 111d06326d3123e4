"""What a run says in the end: rates with intervals, detection, costs, and the flags that warn of misreading."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from core.flags import flags
from core.metrics import mean, pooled, wilson
from core.runs.artifacts import Artifacts
from core.spec import Experiment
from core.versions import versions


def summary(experiment: Experiment, steps: list[dict[str, Any]], artifacts: Artifacts, device: str) -> dict[str, Any]:
    """Sum up the finished steps of a run.

    Args:
        experiment: what was asked.
        steps: references of all its steps (`Step.reference()`), each of them finished.
        artifacts: where their files are.
        device: for people.

    Returns:
        {"device", "versions", "spec", "arms": {arm: {"clean_accuracy", "asr", "target_probability", "seconds",
        "passes", "pretraining"?, "memory"?, "detection"?, "privacy"?}}, "control", "pairs", "flags"}. `pretraining` has
        the seconds and passes of the network that the arm's trainings start from; `memory` is the most bytes of a
        GPU. `pairs` has one entry a (key, victim) of an attack on one chosen image, and is empty for others. `control`
        is None for data that come as they are.
    """
    trained: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        if step["kind"] == "train":
            trained.setdefault(step["arm"], []).append(step)
    measured = [step for step in steps if step["kind"] == "measure"]
    filters = [(step, artifacts.meta(step["key"])) for step in steps if step["kind"] == "filter"]
    pairs = _pairs(steps, artifacts)

    starts = {step["defense"]: step for step in steps if step["kind"] == "pretrain" and step["victim"] == 0}

    arms = {arm: _arm(own, own, pairs, starts, artifacts) for arm, own in trained.items()}
    control = None
    if "control" in trained:  # one model, however many keys it serves; data that come as they are have none
        control = _arm(trained["control"], measured, pairs, starts, artifacts)
        del arms["control"]
    for name in {step["defense"] for step, _ in filters}:
        own = [meta for step, meta in filters if step["defense"] == name]
        arms[name]["detection"] = _mean([meta["detection"] for meta in own])
        arms[f"{name}_random"]["detection"] = _mean([meta["random_detection"] for meta in own])
    for arm, own in trained.items():
        found = [
            meta["detection"] for meta in map(artifacts.meta, (step["key"] for step in own)) if "detection" in meta
        ]
        if found:
            arms[arm]["detection"] = _mean(found)
    ends = {arm: [artifacts.meta(step["key"])["epochs"][-1]["loss"] for step in own] for arm, own in trained.items()}
    losses = {arm: max(own) for arm, own in ends.items() if None not in own}  # weights that were brought have no loss
    told = {step["defense"]: meta["knows"] for step, meta in filters}
    spec = experiment.model_dump(mode="json")
    result = {"device": device, "versions": versions(), "spec": spec, "arms": arms, "control": control, "pairs": pairs}
    return result | {"flags": flags(result, losses, told, _largest_share_removed(filters, trained, artifacts))}


def _arm(
    trained: list[dict[str, Any]],
    judged: list[dict[str, Any]],
    pairs: list[dict[str, Any]],
    starts: dict[str | None, dict[str, Any]],
    artifacts: Artifacts,
) -> dict[str, Any]:
    """The numbers of an arm.

    Args:
        trained: its trainings.
        judged: the steps that met the attack's images.
        pairs: see `_pairs`.
        starts: the victims' pretrained networks, by the defense that took part in pretraining or None.
        artifacts: where files are.
    """
    metas = [artifacts.meta(step["key"]) for step in trained]
    accuracies = [(meta["clean_accuracy"]["hits"], meta["clean_accuracy"]["n"]) for meta in metas]
    asr, probability = _targeted(judged[0]["arm"], pairs) if pairs else _pooled_over_victims(judged, artifacts)
    arm = {
        "clean_accuracy": pooled(accuracies).as_dict(),
        "asr": asr,
        "target_probability": probability,
        "seconds": sum(meta["seconds"] for meta in metas),
        "passes": sum(meta["passes"] for meta in metas),
    }
    start = starts.get(trained[0]["defense"], starts.get(None))
    if start is not None:
        arm["pretraining"] = {name: artifacts.meta(start["key"])[name] for name in ("seconds", "passes")}
    if taken := [meta["memory"] for meta in metas if meta.get("memory")]:
        arm["memory"] = max(taken)
    promised = [meta["privacy"] for meta in metas if "privacy" in meta]
    if promised:  # each model has its own epsilon; the arm says the largest, and none where one has none
        arm["privacy"] = max(promised, key=lambda each: math.inf if each["epsilon"] is None else each["epsilon"])
    return arm


def _pooled_over_victims(judged: list[dict[str, Any]], artifacts: Artifacts) -> tuple[Any, Any]:
    """Attack success over many images a key, and the mean probability of the wanted class; a victim's keys pooled."""
    counts: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    sums: dict[tuple[Any, ...], list[float]] = {}
    for step in judged:
        asr = artifacts.meta(step["key"]).get("asr")
        if asr is None:
            continue
        model = (step["victim"],) if step["kind"] == "measure" else (step["victim"], step["poison_key"])
        counts.setdefault(model, []).append((asr["hits"], asr["n"]))
        sums.setdefault(model, []).append(artifacts.meta(step["key"])["target_probability"])
    if not counts:
        return None, None
    rates = [(sum(hits for hits, _ in own), sum(n for _, n in own)) for own in counts.values()]
    return pooled(rates).as_dict(), mean([float(np.mean(own)) for own in sums.values()]).as_dict()


def _targeted(arm: str, pairs: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Attack success over (key, victim) pairs, each one trial.

    Of the control all pairs count; of the others those whose target the control reads correctly.
    """
    own = [pair for pair in pairs if arm in pair["predicted"] and (pair["counted"] or arm == "control")]
    if not own:
        return None, None
    hits = sum(pair["predicted"][arm] == pair["wanted"] for pair in own)
    victims = len({pair["victim"] for pair in own})
    rate = replace(wilson(hits, len(own)), seeds=victims)
    return rate.as_dict(), replace(mean([pair["probability"][arm] for pair in own]), seeds=victims).as_dict()


def _pairs(steps: list[dict[str, Any]], artifacts: Artifacts) -> list[dict[str, Any]]:
    """What became of every target with every victim; empty where the attack is not after one chosen image."""
    poisons = {step["poison_key"]: step["key"] for step in steps if step["kind"] == "poison"}
    if not poisons or not all(artifacts.meta(key)["targeted"] for key in poisons.values()):
        return []
    pairs: dict[tuple[int, int], dict[str, Any]] = {}
    for step in steps:
        if step["kind"] not in ("train", "measure") or step["poison_key"] is None:
            continue
        at, shown = (step["poison_key"], step["victim"]), poisons[step["poison_key"]]
        wanted = int(artifacts.array(shown, "eval_wanted")[0])
        pair = pairs.setdefault(
            at,
            {
                "key": at[0],
                "victim": at[1],
                "target": int(artifacts.array(shown, "eval_indices")[0]),
                "true": int(artifacts.array(shown, "eval_true")[0]),
                "wanted": wanted,
                "predicted": {},
                "probability": {},
            },
        )
        pair["predicted"][step["arm"]] = int(artifacts.array(step["key"], "eval_predictions")[0])
        pair["probability"][step["arm"]] = float(artifacts.array(step["key"], "eval_probabilities")[0, wanted])
    for pair in pairs.values():
        pair["counted"] = pair["predicted"]["control"] == pair["true"]
    return [pairs[at] for at in sorted(pairs)]


def _mean(detections: list[dict[str, float]]) -> dict[str, float]:
    """The mean of detection rates over keys and victims; counts stay counts where there is one."""
    if len(detections) == 1:
        return detections[0]
    return {name: sum(each[name] for each in detections) / len(detections) for name in detections[0]}


def _largest_share_removed(
    filters: list[tuple[dict[str, Any], dict[str, Any]]], trained: dict[str, list[dict[str, Any]]], artifacts: Artifacts
) -> dict[str, float]:
    """Per defense, the largest share of a class that it removed, after training or while it went on."""
    found = [(step["defense"], meta["removed_shares"]) for step, meta in filters]
    for arm, own in trained.items():
        found += [(arm, artifacts.meta(step["key"]).get("removed_shares", [0.0])) for step in own]
    shares: dict[str, float] = {}
    for name, removed in found:
        shares[name] = max(shares.get(name, 0.0), *removed)
    return shares
