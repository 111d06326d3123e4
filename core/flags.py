"""Validity flags: when a number may not mean what it says, and what to do about it."""

from collections.abc import Iterator
from typing import Any

from core import registry
from core.describe import within
from core.figures import palette

CONTROL_LIMIT = 0.1
ACCURACY_POINTS = 0.02
FEW_IMAGES = 100
FEW_PAIRS = 20
TELLING = ("told_budget",)
"""Codes of flags that say how many poisons there are."""
OTHER_NETWORK = "other_network"
"""Code of the flag that says which published results need not hold on the network."""
HALF = 0.5
LOSS_LIMIT = 0.5


def flags(
    result: dict[str, Any], losses: dict[str, float], told: dict[str, dict[str, Any]], removed: dict[str, float]
) -> list[dict[str, str]]:
    """Look at a result with doubt.

    Args:
        result: {"spec", "arms", "control", "pairs"} as `core.results.summary` makes them.
        losses: per arm, the largest mean training loss of the last epoch.
        told: per filter, the facts that it was told.
        removed: per filter, the largest share of a class that it removed (0 to 1).

    Returns:
        [{"code", "message"}]; each message says what to do.
    """
    return [{"code": code, "message": message} for code, message in _found(result, losses, told, removed)]


def tellable(found: list[dict[str, str]], *, truth: bool) -> list[dict[str, str]]:
    """The flags that may be shown: without the truth those are left out that say how many poisons there are."""
    return [flag for flag in found if truth or flag["code"] not in TELLING]


def of_network(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """The flags that hold for every run on the same network."""
    return [flag for flag in found if flag["code"] == OTHER_NETWORK]


def _found(
    result: dict[str, Any], losses: dict[str, float], told: dict[str, dict[str, Any]], removed: dict[str, float]
) -> Iterator[tuple[str, str]]:
    arms, control, spec = result["arms"], result["control"], result["spec"]
    if spec["attack"] is None and spec["defenses"]:
        yield (
            "no_attack",
            (
                "There was no attack, so only the control was trained and the defenses did nothing. "
                "Choose an attack to see them work."
            ),
        )
    if control and control["asr"] and control["asr"]["mean"] > CONTROL_LIMIT:
        yield (
            "control_predicts_wanted",
            (
                f"The control, which saw no poison, predicts the wanted class for {control['asr']['mean']:.1%} of the "
                "attack's images; attack success says little here. Choose a smaller trigger or another target."
            ),
        )
    for arm, numbers in arms.items() if control else ():
        fall = control["clean_accuracy"]["mean"] - numbers["clean_accuracy"]["mean"]
        if round(fall, 9) > ACCURACY_POINTS:  # 0.92 - 0.90 is a little more than 0.02 in floating point
            yield (
                "accuracy_fell",
                (
                    f"Clean accuracy of {_words(arm)} is {fall * 100:.1f} points below the control's; read its attack "
                    "success beside that cost, or weaken the attack or the defense."
                ),
            )
    yield from _about_network(spec.get("model"))
    yield from _about_pairs(result["pairs"])
    shown = [] if result["pairs"] else [numbers["asr"] for numbers in arms.values() if numbers["asr"]]
    images = shown[0]["n"] // spec["victims"] if shown else FEW_IMAGES  # every victim sees the same ones
    if images < FEW_IMAGES:
        yield (
            "few_images",
            (
                f"Attack success was measured on {images} images; the interval is wide. "
                "Use a larger test set or more keys."
            ),
        )
    if (control or next(iter(arms.values())))["clean_accuracy"]["seeds"] == 1:
        yield (
            "one_seed",
            ("One seed only: another seed may differ by more than the interval shows. Set victims to 3 or more."),
        )
    for name, facts in told.items():
        if "poison_count" in facts:
            yield (
                "told_budget",
                (
                    f"{palette.arm_title(name)} was told the true number of poisons ({facts['poison_count']}), which "
                    "a real defender does not know. Set assumed_count to see it without."
                ),
            )
        if "poison_rows" in facts:
            yield (
                "saw_truth",
                (
                    f"{palette.arm_title(name)} were chosen with the truth on screen: this shows what removing "
                    "them does, and not what a defender would find. Switch off Reveal truth and pick again."
                ),
            )
    for name, share in removed.items():
        if share > HALF:
            yield (
                "class_removed",
                (
                    f"{palette.arm_title(name)} removed {share:.0%} of a class; the model hardly sees it any more. "
                    "Lower its cap or multiplier."
                ),
            )
    for arm, loss in losses.items():
        if not loss <= LOSS_LIMIT:  # a loss that is no number is no success either
            yield (
                "not_converged",
                (
                    f"Training of {_words(arm)} ended at a loss of {loss:.2f}; train longer before believing its "
                    "numbers."
                ),
            )


def _about_network(model: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """What published results, of other networks, say about this one."""
    caution = registry.load("models", model["name"]).caution if model else ""  # type: ignore[attr-defined]
    if caution:
        yield OTHER_NETWORK, f"{caution} Repeat with resnet18 what is to be held against a published number."


def _about_pairs(pairs: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Attacks on one chosen image: every (key, victim) is one trial."""
    counted = sum(pair["counted"] for pair in pairs)
    if counted < len(pairs):
        yield (
            "target_misread",
            (
                f"In {len(pairs) - counted} of {len(pairs)} trials the control, which saw no poison, already misreads "
                "the target; they are left out. Train longer or add keys."
            ),
        )
    if pairs and counted < FEW_PAIRS:
        yield (
            "few_pairs",
            (
                f"Attack success was measured in {counted} trials (keys x victims); the interval is wide. "
                f"Add keys until there are {FEW_PAIRS} or more."
            ),
        )


def _words(arm: str) -> str:
    """An arm's name for people."""
    if arm in ("control", "undefended"):
        return f"the {arm} model"
    for ending, rule in (("_random", "random"), ("_loss", "loss"), ("_confidence", "confidence")):
        if arm.endswith(ending):
            return f"the control by {rule} beside {arm.removesuffix(ending).replace('_', ' ')}"
    return within(palette.arm_title(arm))
