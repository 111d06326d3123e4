"""The numbers of a result as tables: rates with their intervals, costs, what defenses removed, trials."""

import html
from collections.abc import Mapping
from typing import Any

from core.figures import palette
from core.report.parts import Block, Cell, Table, Words, cell, number, rate, share, word
from core.runs import costs
from core.runs.view import RunView
from core.verdict import caught, percent

MEASURES = {
    "clean_accuracy": "Clean accuracy",
    "asr": "Attack success",
    "target_probability": "Probability of the wanted class",
}


def arms(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every arm with its numbers, the clean baseline first."""
    control = {"control": result["control"]} if result.get("control") else {}
    return {**control, **result.get("arms", {})}


def numbers(seen: RunView, truth: bool) -> list[Block]:
    """Rates and costs of every arm."""
    rated = arms(seen.result or {})
    titles = palette.arm_titles(list(rated))
    measures = {name: title for name, title in MEASURES.items() if any(arm.get(name) for arm in rated.values())}
    rows = [
        [
            word(titles[name]),
            *(rate(arm.get(measure)) for measure in measures),
            *_costs(costs.of(seen.result or {}, seen.run.steps, name)),
        ]
        for name, arm in rated.items()
    ]
    table = Table("Rates and costs", ["Model", *measures.values(), *costs.HEAD], rows)
    return [table, Words(f"<p>{html.escape(costs.EXPLAINED)}</p>")]


def _costs(cost: costs.Cost) -> list[Cell]:
    digits = (1, 0, 1, 0)
    return [cell(None) if value is None else number(value, n) for value, n in zip(cost.values, digits, strict=True)]


def defenses(seen: RunView, truth: bool) -> list[Block]:
    """What each defense and its controls removed; how much of that was right is the truth."""
    rated = arms(seen.result or {})
    titles = palette.arm_titles(list(rated))
    found = {name: arm for name, arm in rated.items() if arm.get("detection")}
    if not found:
        return []
    rows = [
        [
            word(titles[name]),
            number(arm["detection"]["removed"]),
            *(_detected(arm["detection"]) if truth else []),
            rate(arm.get("asr")),
        ]
        for name, arm in found.items()
    ]
    told = ["Poisons caught", "Clean rows lost", "Poisons left", "TPR", "FPR", "Precision", "AUROC"] if truth else []
    return [Table("Rows removed", ["Defense", "Rows removed", *told, "Attack success after"], rows)]


def _detected(detection: Mapping[str, float]) -> list[Cell]:
    right, poisons, lost = caught(dict(detection))
    shares = [share(detection[name]) for name in ("tpr", "fpr", "precision")]
    left = number(detection["poisons_left"], 0 if float(detection["poisons_left"]).is_integer() else 1)
    return [Cell(f"{right:,} of {poisons:,}", right), number(lost), left, *shares, number(detection["auroc"], 3)]


def pairs(seen: RunView) -> list[Block]:
    """Every (key, victim) of an attack on one chosen image: what each model reads the target as, and how sure it is."""
    found = (seen.result or {}).get("pairs") or []
    if not found:
        return []
    names = seen.class_names or []

    def name(label: int) -> str:
        return names[label] if label < len(names) else f"class {label}"

    def told(pair: Mapping[str, Any], arm: str) -> Cell:
        if arm not in pair["predicted"]:
            return cell(None)
        sure = pair["probability"][arm]
        return Cell(f"{name(pair['predicted'][arm])} · {percent(sure)}", sure)

    trained = [arm for arm in arms(seen.result or {}) if any(arm in pair["predicted"] for pair in found)]
    titles = palette.arm_titles(trained)
    rows = [
        [
            word(f"{pair['key'] + 1} · {pair['victim'] + 1}"),
            number(pair["target"]),
            word(name(pair["true"])),
            word(name(pair["wanted"])),
            word("yes" if pair["counted"] else "no"),
            *(told(pair, arm) for arm in trained),
        ]
        for pair in found
    ]
    head = ["Key · victim", "Test image", "True class", "Wanted class", "Counts", *(titles[arm] for arm in trained)]
    return [Table("Trials: what each model reads the target as, and its probability of the wanted class", head, rows)]
