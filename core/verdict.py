"""What a result says, in sentences made only from the stored numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import registry
from core.errors import PoisonscopeError
from core.figures import palette
from core.given import is_given, unknown

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
    """The arms that were defended, their controls left out, in the order of the run."""
    return [arm for arm in result.get("arms", {}) if arm != "undefended" and not arm.endswith(tuple(palette.TWINS))]


def caught(detection: dict[str, Any]) -> tuple[int, int, int]:
    """(poisons caught, all poisons, clean rows lost) from detection rates."""
    found = round(detection["precision"] * detection["removed"])
    return found, found + round(detection["poisons_left"]), round(detection["removed"]) - found


def verdict(result: dict[str, Any], names: Sequence[str] = (), *, truth: bool = True) -> Verdict:
    """The outcome of a finished run.

    Args:
        result: as the run stores it.
        names: of the classes; without them they are numbers.
        truth: whether it may say what only the attacker knows: which rows were poisons, and which class is wanted.
    """
    arms = result.get("arms", {})
    attacked, trials = arms.get("undefended"), result.get("pairs") or []
    if attacked and is_given(result.get("spec", {})):
        return _as_it_came(result, attacked, truth)
    if not attacked or not attacked.get("asr"):
        return Verdict(f"{_unattacked(trials)} {_clean(result)}".strip(), "plain")
    if _family(result) == "noise":
        return _worse(result, attacked, truth)
    before = attacked["asr"]
    worked = before["mean"] >= WORKED
    opening = (
        "The attack worked"
        if worked
        else "The attack failed"
        if before["mean"] < FAILED
        else "The attack worked in part"
    )
    opening += f": {_tried(result, trials, names, truth) if trials else _shown(result, before)}"
    defenses = filtered(result)
    if not defenses:
        return Verdict(f"{opening} Nothing defended the model.", "bad" if before["mean"] >= FAILED else "plain")
    told = [_defended(arm, arms[arm], attacked, truth) for arm in defenses]
    best = min((arms[arm]["asr"] or before)["mean"] for arm in defenses)
    tone = "plain" if before["mean"] < FAILED else "good" if best < FAILED else "bad"
    return Verdict(" ".join([opening, *told]), tone)


def _as_it_came(result: dict[str, Any], attacked: dict[str, Any], truth: bool) -> Verdict:
    """A set that may have come poisoned: nobody knows what an attacker would show the model."""
    accuracy = attacked["clean_accuracy"]
    said = [
        f"The data were taken as they came, and the model reads {of(accuracy)} held-back images as they are labelled "
        f"({percent(accuracy['mean'])}). There is no attack success: nobody knows what an "
        "attacker would show the model."
    ]
    for arm in filtered(result):
        said.append(f"{_removed(arm, result['arms'][arm], truth and not unknown(result['spec']))}.")
    said.append("Whether something looks poisoned stands on “Is it poisoned?”.")
    return Verdict(" ".join(said), "plain")


def _unattacked(trials: list[dict[str, Any]]) -> str:
    if trials:
        return f"No trial counts: the clean baseline itself misreads the target in all {len(trials)} of them."
    return "Nothing was attacked."


def _clean(result: dict[str, Any]) -> str:
    accuracy = (result.get("control") or {}).get("clean_accuracy")
    if not accuracy:
        return ""
    return f"The clean model reads {of(accuracy)} test images correctly ({percent(accuracy['mean'])})."


def _shown(result: dict[str, Any], before: dict[str, Any]) -> str:
    """The success of an attack on many test images."""
    images = "triggered test images" if has_trigger(result) else "test images that the attacker shows"
    return f"{percent(before['mean'])} of the {images} ({of(before)}) are read as the attacker wants."


def has_trigger(result: dict[str, Any]) -> bool:
    """Whether test images carry something that the attacker added; so it is where the attack does not say otherwise."""
    return _family(result) == "trigger"


def _family(result: dict[str, Any]) -> str:
    attack = result.get("spec", {}).get("attack")
    try:
        return registry.load("attacks", attack["name"]).family if attack else "trigger"  # type: ignore[attr-defined]
    except PoisonscopeError:
        return "trigger"


def _worse(result: dict[str, Any], attacked: dict[str, Any], truth: bool) -> Verdict:
    """An attack that wants the model to be worse, not to be wrong in one way."""
    after, before = attacked["clean_accuracy"]["mean"], result["control"]["clean_accuracy"]["mean"]
    said = [
        f"The wrong labels cost {100 * (before - after):.1f} points of clean accuracy: {percent(after)} against the "
        f"clean baseline's {percent(before)}."
    ]
    for arm in filtered(result):
        accuracy = percent(result["arms"][arm]["clean_accuracy"]["mean"])
        said.append(f"{_removed(arm, result['arms'][arm], truth)}; after defense clean accuracy is {accuracy}.")
    return Verdict(" ".join(said), "bad" if before - after > ACCURACY_POINTS else "plain")


def _tried(result: dict[str, Any], trials: list[dict[str, Any]], names: Sequence[str], truth: bool) -> str:
    """The success of an attack on one chosen image a key, every key and victim one trial."""
    attacked, control = result["arms"]["undefended"], result["control"]
    before, counted = attacked["asr"], [trial for trial in trials if trial["counted"]]
    said = (
        f"in {_trials(before)} {_target(trials, names, truth)} "
        f"({percent(before['mean'])}, 95 % interval {100 * before['low']:.1f} to {100 * before['high']:.1f} %)"
    )
    if control.get("asr"):
        hits, n = round(control["asr"]["mean"] * control["asr"]["n"]), control["asr"]["n"]
        said += f"; without poison in {hits or 'none'} of {n:,}"
    said += "."
    if attacked.get("target_probability") and control.get("target_probability"):
        poisoned, clean = attacked["target_probability"]["mean"], control["target_probability"]["mean"]
        said += (
            f" On average the poisoned models give the wanted class a probability of {percent(poisoned)}, "
            f"the clean baseline {percent(clean)}."
        )
    if out := len(trials) - len(counted):
        verb = "is" if out == 1 else "are"
        said += f" {out} of {len(trials)} trials {verb} left out: the clean baseline itself misreads the target there."
    return said


def _trials(rate: dict[str, Any]) -> str:
    hits, n = round(rate["mean"] * rate["n"]), rate["n"]
    return f"{hits or 'none'} of {n:,} trial{'s' if n != 1 else ''}"


def _target(trials: list[dict[str, Any]], names: Sequence[str], truth: bool) -> str:
    """What was read as what, by name where all keys share it and it may be told."""
    if not truth:
        return "the target image was read as the attacker wants"
    true, wanted = ({trial[which] for trial in trials} for which in ("true", "wanted"))

    def name(label: int) -> str:
        return f"“{names[label]}”" if label < len(names) else f"class {label}"

    image = f"the target, a {name(*true)}," if len(true) == 1 else "the target image"
    return f"{image} was read as {name(*wanted) if len(wanted) == 1 else 'the attacker wants'}"


def _removed(arm: str, after: dict[str, Any], truth: bool) -> str:
    """What a defense did to the training set; the beginning of a sentence."""
    detection = after.get("detection")
    if detection and not truth:
        return f"{palette.arm_title(arm)} removed {round(detection['removed']):,} rows"
    if detection:
        found, poisons, lost = caught(detection)
        return f"{palette.arm_title(arm)} caught {found:,} of {poisons:,} poisons at the cost of {lost:,} clean rows"
    return f"{palette.arm_title(arm)} was trained in its own way"


def _defended(arm: str, after: dict[str, Any], before: dict[str, Any], truth: bool) -> str:
    sentence = _removed(arm, after, truth)
    if not after["asr"]:
        return f"{sentence}."
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
