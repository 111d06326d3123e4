"""Is a data set poisoned? What was looked at in a run that screened it, beside its controls, and one of three answers.

The answers are `signs`, `nothing` and `unclear`; none of them is a proof. Signs of wrong labels need two things: rows
that stand out, and networks that never saw them and read them as something else, far more often than as many rows
drawn at random. What only stands apart is no sign by itself where there are images: nature has groups too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.analysis.controls import anomaly, exceeded, more_often
from core.errors import StoreError
from core.given import is_given
from core.runs.view import RunView
from core.verdict import percent

Outcome = Literal["signs", "nothing", "unclear"]

HEADLINES: dict[str, str] = {"signs": "Signs found", "nothing": "Nothing unusual found", "unclear": "Can’t tell"}
SHAPES = ("groups", "direction")
"""Looks at how a class lies by itself: what stands far outside in one of them wants an explanation."""
FAR = 4.0
"""Robust standard deviations above the middle of its controls from which on a class stands far outside of them."""
OFTEN = 0.5
"""Share of a class's suspects that must be read as something else."""
SURE = 0.01
"""Largest p value, times the number of classes, of a difference that is believed."""
LEARNED = 0.6
"""Accuracy on held-back rows below which a network knows too little to be asked."""
FEWEST_ROWS, FEWEST_CLASSES = 20, 4
"""Rows of the smallest class, and classes, below which controls say too little."""


@dataclass(frozen=True)
class Kind:
    """One way of looking: its name on screen, what it counts, and the least value that can be a sign at all."""

    title: str
    explained: str
    least: float


KINDS = {
    "groups": Kind(
        "Two groups in a class",
        "Activation clustering: how clearly a class’s features fall in two groups (mean silhouette, 0: not at all, "
        "1: two points).",
        0.45,
    ),
    "direction": Kind(
        "One direction that divides a class",
        "Spectral signatures: the share of a class’s spread along its top singular vector that one cut explains (0.64 "
        "for a bell curve, 1 for two points).",
        0.75,
    ),
    "outvoted": Kind(
        "Neighbors that disagree",
        "Deep k-NN: the share of a class’s rows whose 20 nearest rows carry another label.",
        0.1,
    ),
    "alone": Kind(
        "Alone in gradient space",
        "EPIC: the share of a class’s rows whose pull on the network no other row shares.",
        0.2,
    ),
}


@dataclass(frozen=True)
class Look:
    """One way of looking at every class, and the class that stands out most.

    Attributes:
        name: among `KINDS`.
        measured, cleaned, random: (k,) float64, of the set as it came, without its suspects, and without as many rows
            drawn at random, each with a network of its own; NaN where a class is too small.
        label: the class that stands out most; None where there are no controls.
        below, controls: over how many of its controls it lies, and of how many; controls are all classes of the
            cleaned set and the other classes of this one.
        p: the empirical p value of that place.
        anomaly: robust standard deviations above the middle of the controls.
        far: whether it lies above all controls, and far outside of them.
    """

    name: str
    measured: np.ndarray
    cleaned: np.ndarray
    random: np.ndarray
    label: int | None
    below: int
    controls: int
    p: float
    anomaly: float
    far: bool


@dataclass(frozen=True)
class Reread:
    """What networks that never saw them say about the suspects of a class, and about as many rows drawn at random.

    Attributes:
        label: the class.
        suspects, random: how many rows of it were set aside.
        other, random_other: how many of them are read as something else.
        most: the class that suspects are most often read as, apart from their own; None where there is none.
        p: the larger p value of two comparisons, with random rows and with the other classes' suspects, times the
            number of classes.
        sign: whether it is one.
    """

    label: int
    suspects: int
    other: int
    random: int
    random_other: int
    most: int | None
    p: float
    sign: bool


@dataclass(frozen=True)
class Check:
    """The answer, and everything that it stands on."""

    outcome: Outcome
    text: str
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]
    looks: tuple[Look, ...]
    reread: tuple[Reread, ...]
    names: tuple[str, ...]
    rows: int
    accuracy: dict[str, Any]
    images: bool


def check(seen: RunView) -> Check | None:
    """The answer of a run; None where it has not come that far.

    Raises:
        StoreError: the run looks at nothing that came from elsewhere, or did not screen it.
    """
    run = seen.run
    if not is_given(run.spec):
        raise StoreError(f"The run {run.id!r} poisons its data itself: there is nothing to be found out.")
    if not any(defense.get("name") == "screening" for defense in run.spec.get("defenses", [])):
        raise StoreError(f"The run {run.id!r} has no screening among its defenses, so nothing was compared.")
    found, names = seen.meta("inspection"), seen.class_names
    if found is None or names is None or not run.result:
        return None
    looks = tuple(_look(name, found["looks"][name]) for name in KINDS)
    reread = _reread(found["read"]["screening"], found["read"]["screening_random"])
    accuracy = run.result["arms"]["undefended"]["clean_accuracy"]
    pictured = run.spec["data"]["name"] != "feature_file"
    rows = [int(count) for count in found["class_rows"]]
    outcome, text, reasons = _answer(looks, reread, tuple(names), rows, accuracy, pictured)
    unknown = _unknown(looks, rows, pictured)
    return Check(outcome, text, reasons, unknown, looks, reread, tuple(names), sum(rows), accuracy, pictured)


# ---- numbers


def _look(name: str, told: dict[str, list[float | None]]) -> Look:
    measured, cleaned, random = (
        np.array([np.nan if value is None else value for value in told[part]], dtype=np.float64)
        for part in ("measured", "without_suspects", "without_random")
    )
    places = []
    for each in np.flatnonzero(np.isfinite(measured)).tolist():
        controls = np.concatenate([cleaned, np.delete(measured, each)])
        controls = controls[np.isfinite(controls)]
        if len(controls):
            places.append((anomaly(float(measured[each]), controls), int(each), controls))
    if not places:
        return Look(name, measured, cleaned, random, None, 0, 0, 1.0, 0.0, False)
    above, label, controls = max(places, key=lambda place: place[0])
    below, p = exceeded(float(measured[label]), controls)
    enough = len(measured) >= FEWEST_CLASSES
    far = enough and below == len(controls) and above >= FAR and measured[label] >= KINDS[name].least
    return Look(name, measured, cleaned, random, label, below, len(controls), p, above, bool(far))


def _reread(suspects: Sequence[Sequence[int]], random: Sequence[Sequence[int]]) -> tuple[Reread, ...]:
    read, drawn = np.array(suspects, dtype=np.int64), np.array(random, dtype=np.int64)
    classes = len(read)
    wrong, drawn_wrong = (table.sum(axis=1) - np.diag(table) for table in (read, drawn))
    counts, drawn_counts = read.sum(axis=1), drawn.sum(axis=1)
    told = []
    for label in range(classes):
        hits, n = int(wrong[label]), int(counts[label])
        others = int(wrong.sum()) - hits, int(counts.sum()) - n
        chances = more_often(hits, n, int(drawn_wrong[label]), int(drawn_counts[label])), more_often(hits, n, *others)
        p = min(1.0, classes * max(chances))
        elsewhere = np.where(np.arange(classes) == label, -1, read[label])
        most = int(elsewhere.argmax()) if elsewhere.max() > 0 else None
        sign = n > 0 and hits / n >= OFTEN and p <= SURE
        told.append(Reread(label, n, hits, int(drawn_counts[label]), int(drawn_wrong[label]), most, p, bool(sign)))
    return tuple(told)


# ---- words


def _answer(
    looks: tuple[Look, ...],
    reread: tuple[Reread, ...],
    names: tuple[str, ...],
    rows: list[int],
    accuracy: dict[str, Any],
    pictured: bool,
) -> tuple[Outcome, str, tuple[str, ...]]:
    """The outcome, its sentence, and what speaks for it."""
    far = [look for look in looks if look.far and look.label is not None]
    signs = [each for each in reread if each.sign]
    apart = [look.label for look in far if look.name in SHAPES and look.label is not None]
    reasons = [*(_read_as(each, names) for each in signs), *(_stands(look, names) for look in far)]
    if signs:
        where = _listed([each.label for each in signs], names)
        return "signs", f"Signs found: rows of {where} do not look like what they are labelled.", tuple(reasons)
    if not pictured and len(apart) == len(SHAPES) and len(set(apart)) == 1:
        where = _listed(apart[:1], names)
        return "signs", f"Signs found: {where} falls in two groups, as no other class does.", tuple(reasons)
    doubts = _doubts(names, rows, accuracy)
    if doubts:
        return "unclear", f"Can’t tell: {doubts[0]}", (*doubts[1:], *reasons)
    if apart:
        where = _listed(sorted(set(apart)), names)
        text = f"Can’t tell: {where} stands apart, but its odd rows are read as they are labelled."
        extra = "Natural groups in a class look like that, and so do poisons that keep the right label."
        return "unclear", text, (*reasons, extra)
    return "nothing", "Nothing unusual found in what was looked at.", (_calm(reread),)


def _doubts(names: tuple[str, ...], rows: list[int], accuracy: dict[str, Any]) -> list[str]:
    """Why not finding anything would mean nothing."""
    said = []
    if accuracy["mean"] < LEARNED:
        said.append(
            f"the network reads only {percent(accuracy['mean'])} of the held-back rows as they are labelled, so it "
            "knows too little to be asked."
        )
    smallest = int(np.argmin(rows))
    if rows[smallest] < FEWEST_ROWS:
        said.append(
            f"“{names[smallest]}” has {rows[smallest]} rows, and below {FEWEST_ROWS} there is too little to see."
        )
    if len(names) < FEWEST_CLASSES:
        said.append(f"with {len(names)} classes there are too few others to compare one with.")
    return said


def _read_as(each: Reread, names: tuple[str, ...]) -> str:
    most = f", most often “{names[each.most]}”" if each.most is not None else ""
    return (
        f"Of {each.suspects:,} rows of “{names[each.label]}” that stand out most, a network that never saw them reads "
        f"{each.other:,} as something else{most}; of {each.random:,} rows of the class drawn at random, "
        f"{each.random_other:,} (p {chance(each.p)}, corrected for {len(names)} classes)."
    )


def _stands(look: Look, names: tuple[str, ...]) -> str:
    assert look.label is not None
    return (
        f"{KINDS[look.name].title}: “{names[look.label]}” has {look.measured[look.label]:.2f}, more than all "
        f"{look.controls} controls, which lie around {np.nanmedian(look.cleaned):.2f} and reach "
        f"{np.nanmax(look.cleaned):.2f} without the suspects."
    )


def _calm(reread: tuple[Reread, ...]) -> str:
    suspects, other = sum(each.suspects for each in reread), sum(each.other for each in reread)
    random, random_other = sum(each.random for each in reread), sum(each.random_other for each in reread)
    return (
        f"Of {suspects:,} rows that stand out most, networks that never saw them read {other:,} as something else; of "
        f"{random:,} drawn at random, {random_other:,}. No class is far above the others in that, or in any other look."
    )


def _unknown(looks: tuple[Look, ...], rows: list[int], pictured: bool) -> tuple[str, ...]:
    """What no answer of this page can mean."""
    least = min((1 / (1 + look.controls) for look in looks if look.controls), default=1.0)
    said = [
        "Poisons with the right label and small changes (clean-label) leave little of what is looked for here.",
        "An attacker who knows these looks can hide from them: adaptive attacks are made for that.",
        "Honest mistakes in labels look like poison with wrong labels. Whether somebody meant it, no number tells.",
        f"Few poisons are lost among natural odd rows; the smallest class here has {min(rows):,} rows.",
        "Controls are the set’s own other classes, and the set without its suspects: where every class is poisoned in "
        "the same way, none stands out.",
        f"With {max((look.controls for look in looks), default=0)} controls no p value of a place can be below "
        f"{least:.2f}, and the class that stands out most of {len(rows)} is often above all others by chance. So a "
        "place alone is no sign: it has to lie far outside too.",
    ]
    if not pictured:
        said.insert(
            0,
            "There are no images, so no network could learn them anew without the suspects: only a linear one was "
            "trained on the features, and natural groups in a class look like poison here.",
        )
    return tuple(said)


def _listed(labels: Sequence[int], names: tuple[str, ...]) -> str:
    return " and ".join(f"“{names[label]}”" for label in labels)


def chance(value: float) -> str:
    """A p value in words."""
    return "below 0.0001" if value < 1e-4 else f"{value:.4f}"


def place(look: Look, names: tuple[str, ...]) -> str:
    """Where the class that stands out most lies among its controls, in one sentence."""
    if look.label is None:
        return "No class has enough rows."
    return (
        f"“{names[look.label]}” stands out most, with {look.measured[look.label]:.2f}: larger than {look.below} of "
        f"{look.controls} controls (empirical p {look.p:.2f}), {look.anomaly:+.1f} robust standard deviations from "
        f"their middle. {'That is far outside.' if look.far else 'That is nothing unusual.'}"
    )


def named(found: Check) -> list[int]:
    """The classes that an answer is about, by label; none where it is about none."""
    if signs := [each.label for each in found.reread if each.sign]:
        return signs
    far = [look.label for look in found.looks if look.far and look.name in SHAPES and look.label is not None]
    return list(dict.fromkeys(far))


def as_json(found: Check) -> dict[str, Any]:
    """The answer for a program: outcome, sentences, and every number; what is not there is null."""

    def told(values: np.ndarray) -> list[float | None]:
        return [None if np.isnan(value) else float(value) for value in values]

    looks = [
        {
            "look": look.name,
            "class": None if look.label is None else found.names[look.label],
            "larger_than": look.below,
            "controls": look.controls,
            "p": look.p,
            "anomaly": look.anomaly,
            "far": look.far,
            "as_it_came": told(look.measured),
            "without_suspects": told(look.cleaned),
            "without_random": told(look.random),
        }
        for look in found.looks
    ]
    reread = [
        {
            "class": found.names[each.label],
            "suspects": each.suspects,
            "read_otherwise": each.other,
            "random": each.random,
            "random_read_otherwise": each.random_other,
            "p": each.p,
            "sign": each.sign,
        }
        for each in found.reread
    ]
    said = {"outcome": found.outcome, "text": found.text, "reasons": found.reasons, "unknown": found.unknown}
    return {**said, "rows": found.rows, "accuracy": found.accuracy, "looks": looks, "reread": reread}
