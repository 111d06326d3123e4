"""The big numbers of a run: before and after, every arm with n and its 95 % interval."""

import html
from collections.abc import Sequence
from typing import Any

from core.describe import privacy, within
from core.figures import palette
from core.runs import costs
from core.verdict import caught, filtered, has_trigger, of, percent

HELP = {
    "clean_accuracy": "Share of untouched test images that are read correctly.",
    "asr": "ASR: share of triggered test images of other classes that are predicted as the target class.",
    "shown": "ASR: share of the attack's test images, none of the wanted class, that are predicted as it.",
    "trials": "ASR: share of trials in which the target image is predicted as the class that the attacker wants. A "
    "trial is one key (a draw of the poisons) and one victim (a model trained on them).",
    "target_probability": "What the victims give to the class that the attacker wants, on average over the trials: a "
    "finer signal than success where trials are few.",
}

NONE = "–"
PRIVACY = "Differential privacy"
SCALE = " (about 1 or less promises much, more than 10 hardly anything)"
COSTS = ("{:,.1f}", "{:,.0f}", "× {:.1f}", "{:,.0f}")
"""How costs are written, in the order of `costs.HEAD`."""


def rated_arms(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every arm with rates, the clean baseline first."""
    control = {"control": result["control"]} if result.get("control") else {}
    return {**control, **result.get("arms", {})}


def card(result: dict[str, Any], measure: str, title: str, look: str = "") -> str:
    """One measure: its value before and after defense, then all arms; `look` may be `ps-wide`, over the whole page."""
    arms = {name: arm[measure] for name, arm in rated_arms(result).items() if arm.get(measure)}
    trials, words = bool(result.get("pairs")), measure
    if measure == "asr":
        words = "trials" if trials else "asr" if has_trigger(result) else "shown"
    if not arms:
        return _card(title, HELP[words], '<div class="ps-quiet">Not measured in this run.</div>')
    first = "undefended" if "undefended" in arms else next(iter(arms))
    after = next((arm for arm in filtered(result) if arm in arms), None)
    big = f'<span style="color:{palette.arm_colour(first, [])}">{percent(arms[first]["mean"])}</span>'
    below = palette.arm_title(first)
    if after:
        big += f'<span class="arrow" aria-hidden="true">→</span><span>{percent(arms[after]["mean"])}</span>'
        below = f"before → after {html.escape(within(palette.arm_title(after)))}"
    of = " trial" if trials and measure != "clean_accuracy" else ""
    rows = "".join(_row(name, rate, list(arms), of) for name, rate in arms.items())
    body = f'<div class="ps-big">{big} <small>{below}</small></div><table class="ps-arms"><tbody>{rows}</tbody></table>'
    return _card(title, HELP[words], body, look)


def _card(title: str, explained: str, body: str, look: str = "") -> str:
    title = f'<div class="ps-card-title" title="{html.escape(explained)}">{html.escape(title)}</div>'
    return f'<div class="ps-card {look}">{title}{body}</div>'


def _row(name: str, rate: dict[str, Any], arms: list[str], of: str) -> str:
    colour, label = palette.arm_colour(name, arms), html.escape(palette.arm_title(name))
    low, high, mean = 100 * rate["low"], 100 * rate["high"], 100 * rate["mean"]
    models = f"<br>{rate['seeds']} models" if rate.get("seeds", 1) > 1 and not of else ""
    bar = (
        f'<i style="left:{low:.2f}%;width:{high - low:.2f}%;background:{colour}"></i>'
        f'<b style="left:{mean:.2f}%;background:{colour}"></b>'
    )
    return (
        f'<tr>{_heading(label, colour)}<td class="num"><b>{percent(rate["mean"])}</b></td>'
        f'<td style="width:99%"><div class="ps-range" aria-hidden="true">{bar}</div></td>'
        f'<td class="quiet" title="95 % interval">{low:.1f} to {high:.1f} %</td>'
        f'<td class="quiet">n = {rate["n"]:,}{of}{"s" * bool(of and rate["n"] != 1)}{models}</td></tr>'
    )


def _heading(label: str, colour: str) -> str:
    return f'<th scope="row"><span class="ps-swatch" style="background:{colour}"></span>{label}</th>'


def detection_card(result: dict[str, Any], arm: str, look: str = "ps-wide") -> str:
    """What a defense caught and lost, beside controls that remove as many rows."""
    arms = result["arms"]
    found, poisons, lost = caught(arms[arm]["detection"])
    rows = "".join(
        _detected(name, arms[name], list(arms))
        for name in (arm, *(f"{arm}{ending}" for ending in palette.TWINS))
        if name in arms and arms[name].get("detection")
    )
    head = "<tr><td></td><td>caught</td><td>clean lost</td><td>AUROC</td><td>attack after</td></tr>"
    body = (
        f'<div class="ps-big"><span>{found:,} of {poisons:,}</span> '
        f"<small>poisons caught, {lost:,} clean rows lost</small></div>"
        f'<table class="ps-arms"><tbody class="ps-quiet">{head}</tbody><tbody>{rows}</tbody></table>'
    )
    return _card(
        "Rows removed", "What the defense removed, and what controls that remove as many rows take.", body, look
    )


def _detected(name: str, arm: dict[str, Any], arms: list[str]) -> str:
    found, poisons, lost = caught(arm["detection"])
    colour, label = palette.arm_colour(name, arms), html.escape(palette.arm_title(name))
    success = percent(arm["asr"]["mean"]) if arm.get("asr") else NONE
    return (
        f"<tr>{_heading(label, colour)}<td>{found:,} / {poisons:,}</td><td>{lost:,}</td>"
        f"<td>{arm['detection']['auroc']:.2f}</td><td><b>{success}</b></td></tr>"
    )


def key_numbers(result: dict[str, Any]) -> str:
    """The three numbers of a run in a list of runs, as HTML."""
    attacked = result.get("arms", {}).get("undefended")
    if not attacked or not attacked.get("asr"):
        control = result.get("control")
        return f"clean <b>{percent(control['clean_accuracy']['mean'])}</b>" if control else ""
    text = f"attack <b>{percent(attacked['asr']['mean'])}</b>"
    defended = [result["arms"][arm]["asr"] for arm in filtered(result)]
    if defended and defended[0]:
        text += f" → <b>{percent(defended[0]['mean'])}</b>"
    return f"{text} · clean {percent(attacked['clean_accuracy']['mean'])}"


def table(result: dict[str, Any], steps: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """All arms of a finished run as rows of a plain table: the charts' and cards' equivalent for a screen reader."""
    rows, trials = [], bool(result.get("pairs"))
    for name, arm in rated_arms(result).items():
        row: dict[str, Any] = {"Arm": palette.arm_title(name)}
        for measure, words in (("clean_accuracy", "Clean accuracy"), ("asr", "Attack success")):
            rate = arm.get(measure)
            row[words] = _with_interval(rate)
            of_all = f"{words}, {'trials' if trials and measure == 'asr' else 'images'}"
            row[of_all] = of(rate) if rate else NONE
        if trials:
            row["Probability of the wanted class"] = _with_interval(arm.get("target_probability"))
        told = costs.of(result, steps, name).values
        row |= {words: _cost(value, form) for words, value, form in zip(costs.HEAD, told, COSTS, strict=True)}
        row[PRIVACY] = privacy(arm.get("privacy")) or NONE
        rows.append(row)
    empty = [words for words in (costs.HEAD[-1], PRIVACY) if all(row[words] == NONE for row in rows)]
    return [{words: value for words, value in row.items() if words not in empty} for row in rows]


def promises(result: dict[str, Any]) -> list[str]:
    """What each arm promises of differential privacy, and what that rests on."""
    told = {palette.arm_title(name): arm["privacy"] for name, arm in rated_arms(result).items() if arm.get("privacy")}
    return [
        f"{name}: {privacy(said)}{'' if said['epsilon'] is None else SCALE}. {said['assumed']}"
        for name, said in told.items()
    ]


def _cost(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value)


def _with_interval(rate: dict[str, Any] | None) -> str:
    return f"{percent(rate['mean'])} ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})" if rate else NONE
