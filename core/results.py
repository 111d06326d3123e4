"""What a run says in the end: rates with intervals, detection, costs, and the flags that warn of misreading."""

from collections.abc import Sequence
from typing import Any

from core.flags import flags
from core.metrics import pooled
from core.runs.artifacts import Artifacts
from core.spec import Experiment


def summary(experiment: Experiment, steps: list[dict[str, Any]], artifacts: Artifacts, device: str) -> dict[str, Any]:
    """Sum up the finished steps of a run.

    Args:
        experiment: what was asked.
        steps: references of all its steps (`Step.reference()`), each of them finished.
        artifacts: where their files are.
        device: for people.

    Returns:
        {"device", "spec", "arms": {arm: {"clean_accuracy", "asr", "seconds", "passes", "detection"?}}, "control",
        "flags"}.
    """
    trained: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        if step["kind"] == "train":
            trained.setdefault(step["arm"], []).append(artifacts.meta(step["key"]))
    measured: dict[int, dict[str, int]] = {}
    for step in steps:
        if step["kind"] == "measure":
            asr, sum_of = artifacts.meta(step["key"])["asr"], measured.setdefault(step["victim"], {"hits": 0, "n": 0})
            measured[step["victim"]] = {name: sum_of[name] + asr[name] for name in sum_of}
    filters = [(step, artifacts.meta(step["key"])) for step in steps if step["kind"] == "filter"]

    arms = {arm: _arm(metas, [meta["asr"] for meta in metas]) for arm, metas in trained.items()}
    control = _arm(trained["control"], list(measured.values()))  # one model, however many keys it serves
    del arms["control"]
    for name in {step["defense"] for step, _ in filters}:
        own = [meta for step, meta in filters if step["defense"] == name]
        arms[name]["detection"] = _mean([meta["detection"] for meta in own])
        arms[f"{name}_random"]["detection"] = _mean([meta["random_detection"] for meta in own])
    losses = {arm: max(meta["epochs"][-1]["loss"] for meta in metas) for arm, metas in trained.items()}
    told = {step["defense"]: meta["knows"] for step, meta in filters}
    result = {"device": device, "spec": experiment.model_dump(mode="json"), "arms": arms, "control": control}
    return result | {"flags": flags(result, losses, told, _largest_share_removed(filters))}


def _arm(metas: list[dict[str, Any]], successes: Sequence[dict[str, int] | None]) -> dict[str, Any]:
    accuracies = [(meta["clean_accuracy"]["hits"], meta["clean_accuracy"]["n"]) for meta in metas]
    asr = [(success["hits"], success["n"]) for success in successes if success is not None]
    return {
        "clean_accuracy": pooled(accuracies).as_dict(),
        "asr": pooled(asr).as_dict() if asr else None,
        "seconds": sum(meta["seconds"] for meta in metas),
        "passes": sum(meta["passes"] for meta in metas),
    }


def _mean(detections: list[dict[str, float]]) -> dict[str, float]:
    """The mean of detection rates over keys and victims; counts stay counts where there is one."""
    if len(detections) == 1:
        return detections[0]
    return {name: sum(each[name] for each in detections) / len(detections) for name in detections[0]}


def _largest_share_removed(filters: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, float]:
    """Per defense, the largest share of a class that it removed."""
    shares: dict[str, float] = {}
    for step, meta in filters:
        shares[step["defense"]] = max(shares.get(step["defense"], 0.0), *meta["removed_shares"])
    return shares
