"""What a result says, in sentences made only from the stored numbers."""

import html
from dataclasses import dataclass
from typing import Any

from core.figures import palette

WORKED, FAILED = 0.5, 0.1
"""Attack success at or above the first is called a success, below the second a failure, between them a partial one."""
ACCURACY_POINTS = 0.02
"""A defense that costs more clean accuracy than this has that said in the verdict."""


@dataclass(frozen=True)
class Verdict:
    """A sentence or more of plain text, and whether it is good news (`good`), bad news (`bad`) or neither (`plain`)."""

    text: str
    tone: str


def percent(share: float) -> str:
    """A share with one decimal; never rounded to all or nothing when it is neither."""
    shown = f"{100 * share:.1f}"
    if shown == "0.0" and share > 0:
        return "under 0.1 %"
    if shown == "100.0" and share < 1:
        return "over 99.9 %"
    return f"{shown} %"


def of(rate: dict[str, Any]) -> str:
    """A rate as counts, such as `46 of 50`; for several models the counts are of all of them together."""
    return f"{round(rate['mean'] * rate['n']):,} of {rate['n']:,}"


def filtered(result: dict[str, Any]) -> list[str]:
    """The arms that were defended, random filters left out, in the order of the run."""
    return [arm for arm in result.get("arms", {}) if arm != "undefended" and not arm.endswith("_random")]


def caught(detection: dict[str, Any]) -> tuple[int, int, int]:
    """(poisons caught, all poisons, clean rows lost) from detection rates."""
    found = round(detection["precision"] * detection["removed"])
    return found, found + round(detection["poisons_left"]), round(detection["removed"]) - found


def verdict(result: dict[str, Any]) -> Verdict:
    """The outcome of a finished run.

    Args:
        result: as the run stores it.
    """
    arms = result.get("arms", {})
    attacked = arms.get("undefended")
    if not attacked or not attacked.get("asr"):
        accuracy = (result.get("control") or {}).get("clean_accuracy")
        said = (
            f"The clean model reads {of(accuracy)} test images correctly ({percent(accuracy['mean'])})."
            if accuracy
            else ""
        )
        return Verdict(f"Nothing was attacked. {said}".strip(), "plain")
    before = attacked["asr"]
    worked = before["mean"] >= WORKED
    opening = (
        "The attack worked"
        if worked
        else "The attack failed"
        if before["mean"] < FAILED
        else "The attack worked in part"
    )
    opening += (
        f": {percent(before['mean'])} of the triggered test images ({of(before)}) are read as the attacker wants."
    )
    defenses = filtered(result)
    if not defenses:
        return Verdict(f"{opening} Nothing defended the model.", "bad" if before["mean"] >= FAILED else "plain")
    told = [_defended(arm, arms[arm], attacked) for arm in defenses]
    best = min(arms[arm]["asr"]["mean"] for arm in defenses)
    tone = "plain" if before["mean"] < FAILED else "good" if best < FAILED else "bad"
    return Verdict(" ".join([opening, *told]), tone)


def _defended(arm: str, after: dict[str, Any], before: dict[str, Any]) -> str:
    sentence = palette.arm_title(arm)
    if detection := after.get("detection"):
        found, poisons, lost = caught(detection)
        sentence += f" caught {found:,} of {poisons:,} poisons at the cost of {lost:,} clean rows"
    else:
        sentence += " was trained in its own way"
    success = after["asr"]["mean"]
    verb = (
        "falls to"
        if success < before["asr"]["mean"] - 0.005
        else "stays at"
        if success <= before["asr"]["mean"] + 0.005
        else "rises to"
    )
    sentence += f"; after defense attack success {verb} {percent(success)}"
    cost = before["clean_accuracy"]["mean"] - after["clean_accuracy"]["mean"]
    if cost > ACCURACY_POINTS:
        sentence += f", and clean accuracy pays {100 * cost:.1f} points for it"
    return sentence + "."


def block(said: Verdict, flags: list[dict[str, str]]) -> str:
    """The verdict and its flags as HTML; all words are escaped."""
    warned = "".join(f"<li>{html.escape(flag['message'])}</li>" for flag in flags)
    listed = f'<ul class="ps-flags" aria-label="What to keep in mind">{warned}</ul>' if warned else ""
    return f'<div class="ps-verdict {said.tone}" role="status">{html.escape(said.text)}</div>{listed}'
