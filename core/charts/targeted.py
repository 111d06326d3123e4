"""The charts of an attack on one chosen image, each with a sentence that says how to read it, and its numbers."""

from dataclasses import dataclass

import numpy as np

from core.charts.chart import Chart
from core.figures import palette, probabilities, targeted
from core.runs.record import Run
from core.runs.trials import Pair, grid, keys, victims
from core.runs.view import RunView
from core.verdict import percent

SMALL_PLOTS = 20
"""Keys that are drawn as small plots; the table has all of them."""


@dataclass(frozen=True)
class Choice:
    """What is looked at, and how.

    Attributes:
        still: whether nobody can click, as on paper; then no trial is the chosen one.
    """

    run: Run
    seen: RunView
    arm: str
    big: bool
    still: bool = False

    def name(self, label: int) -> str:
        """A class by its name."""
        names = self.seen.class_names or []
        return names[label] if label < len(names) else f"class {label}"

    def everywhere(self) -> list[RunView]:
        """The run through every key and victim."""
        return [
            RunView(self.seen.store, self.run, key, victim) for key in keys(self.run) for victim in victims(self.run)
        ]


# ---- which trials succeeded


def outcomes(look: Choice, found: list[Pair]) -> Chart:
    """Every trial of the run with the chosen arm."""
    chosen = look.seen.poison_key, look.seen.victim
    succeeded, probability, counted = grid(found, look.arm)
    done = np.isfinite(probability)
    wins, of = int((succeeded & counted & done).sum()), int((counted & done).sum())
    frame = chosen if len(found) > 1 and not look.still else None
    rows = [one for one in found if look.arm in one["predicted"]]
    where = "Below each mark" if max(succeeded.shape) <= targeted.NAMED else "Under the pointer"
    click = " Click a mark to look at that trial." if frame else ""
    return Chart(
        targeted.outcomes(succeeded, probability, counted, chosen=frame, big=look.big),
        "A filled diamond is a trial that the attacker won: this victim, trained on this key's poisons, reads the "
        f"target as the wanted class. {where}: the probability that the victim gives to that class.{click}",
        f"{palette.arm_title(look.arm)}: the attacker won {wins} of {of} trials that count.",
        {
            "Key": [one["key"] + 1 for one in rows],
            "Victim": [one["victim"] + 1 for one in rows],
            "Target": [f"test image {one['target']}" for one in rows],
            "True class": [look.name(one["true"]) for one in rows],
            "Wanted class": [look.name(one["wanted"]) for one in rows],
            "Read as": [look.name(one["predicted"][look.arm]) for one in rows],
            "Probability of the wanted class": [percent(one["probability"][look.arm]) for one in rows],
            "Clean baseline reads": [
                look.name(one["predicted"]["control"]) if "control" in one["predicted"] else "–" for one in rows
            ],
            "Counts": ["yes" if one["counted"] else "no" for one in rows],
        },
    )


# ---- crafting


def crafting(look: Choice) -> Chart | None:
    """The crafting loss of the chosen key; None where the attack recorded none."""
    trace = look.seen.trace
    if trace is None or not np.isfinite(trace).any():
        return None
    kept = targeted.kept_restart(trace)
    measured = [row[np.isfinite(row)] for row in np.asarray(trace)]
    ends = [(float(row[0]), float(row[-1]), float(row.min())) if len(row) else (np.nan,) * 3 for row in measured]
    assert kept is not None
    first, last, _ = ends[kept]
    lines = "Each line starts from other noise; the diamond marks the one that was kept. " if len(ends) > 1 else ""
    return Chart(
        targeted.crafting_loss(np.asarray(trace), big=look.big),
        f"The lower, the nearer the poisons are to what the attack wants of them. {lines}"
        f"From {first:.3g} to {last:.3g} in {trace.shape[1]:,} steps.",
        f"Crafting loss of {len(ends)} restarts; the kept one falls from {first:.3g} to {last:.3g}.",
        {
            "Restart": [number + 1 for number in range(len(ends))],
            "First loss": [end[0] for end in ends],
            "Last loss": [end[1] for end in ends],
            "Lowest loss": [end[2] for end in ends],
            "Kept": ["yes" if number == kept else "no" for number in range(len(ends))],
        },
    )


# ---- while the victims learn


def alignment(look: Choice) -> Chart | None:
    """How the poisons' gradient aligns with the target's in the victims of the chosen key; None while none is done."""
    seen = [RunView(look.seen.store, look.run, look.seen.poison_key, victim) for victim in victims(look.run)]
    told = [one.alignment(look.arm) or [] for one in seen]
    if not any(told):
        return None
    curves = np.full((len(told), max(map(len, told))), np.nan)
    for row, values in zip(curves, told, strict=True):
        row[: len(values)] = [np.nan if value is None else value for value in values]
    arms = [arm for arm in look.seen.arms if arm != "control"]
    middle = float(np.nanmean(curves)) if np.isfinite(curves).any() else 0.0
    several = "Dotted: each victim; solid: their mean, in a band from lowest to highest. " if len(curves) > 1 else ""
    return Chart(
        targeted.alignment(curves, colour=palette.arm_colour(look.arm, arms), big=look.big),
        "Above zero, whatever teaches the victim the poisons also teaches it the wrong label of the target; at zero "
        f"the two have nothing to do with each other. {several}Mean over the epochs: {middle:.2f}.",
        f"Cosine between the poisons' and the target's gradient per epoch, on average {middle:.2f}.",
        {
            "Epoch": list(range(curves.shape[1])),
            **{f"Victim {number + 1}": curve.tolist() for number, curve in enumerate(curves)},
        },
    )


@dataclass(frozen=True)
class _Plot:
    title: str
    curves: np.ndarray
    true: int
    wanted: int
    control: float | None


def learned(look: Choice) -> Chart | None:
    """What the victims made of the target while they learned: a small plot a key, or a victim of the only key."""
    seen = look.everywhere()
    by_key: dict[int, list[RunView]] = {}
    for one in seen:
        by_key.setdefault(one.poison_key, []).append(one)
    if len(by_key) > 1:
        groups = [(f"Key {key + 1}", own) for key, own in by_key.items()]
    else:
        groups = [(f"Victim {one.victim + 1}", [one]) for one in seen]
    plots = [plot for title, own in groups if (plot := _plot(look, title, own)) is not None]
    if not plots:
        return None
    shown = plots[:SMALL_PLOTS]
    rest = f" {len(shown)} of {len(plots)} are drawn; the table has all." if len(shown) < len(plots) else ""
    each = "a key" if len(by_key) > 1 else "a victim"
    bands = " Bands go from the lowest to the highest of its victims." if any(len(p.curves) > 1 for p in plots) else ""
    ends = [plot.curves[:, -1].mean(axis=0) for plot in plots]
    wins = sum(int(end.argmax()) == plot.wanted for end, plot in zip(ends, plots, strict=True))
    return Chart(
        probabilities.target_probabilities(
            [plot.curves for plot in shown],
            [plot.wanted for plot in shown],
            [plot.true for plot in shown],
            [plot.title for plot in shown],
            control=[plot.control for plot in shown],
            big=look.big,
        ),
        f"Each small plot is {each}. The attacker has won where the dashed line with diamonds (wanted class) ends "
        f"above the solid one (true class).{bands}{rest}",
        f"Class probabilities of the target per epoch; the wanted class ends highest in {wins} of {len(plots)} plots.",
        {
            "Plot": [plot.title.split("\n")[0] for plot in plots],
            "True class": [look.name(plot.true) for plot in plots],
            "Wanted class": [look.name(plot.wanted) for plot in plots],
            "True class at the end": [percent(float(end[plot.true])) for end, plot in zip(ends, plots, strict=True)],
            "Wanted class at the end": [
                percent(float(end[plot.wanted])) for end, plot in zip(ends, plots, strict=True)
            ],
            "Wanted class, clean baseline": ["–" if p.control is None else percent(p.control) for p in plots],
        },
    )


def _plot(look: Choice, title: str, seen: list[RunView]) -> _Plot | None:
    """One small plot of some views that share a key; None while none of their victims is trained."""
    curves = [curve[:, 0] for one in seen if (curve := one.probability_curve(look.arm)) is not None]
    shown = seen[0].evaluation
    if not curves or shown is None:
        return None
    true, wanted = int(shown["eval_true"][0]), int(shown["eval_wanted"][0])
    clean = [one.array("measure", "eval_probabilities", arm="control") for one in seen]
    controls = [float(guess[0, wanted]) for guess in clean if guess is not None]
    words = f"{title}\n{_short(look.name(true))} → {_short(look.name(wanted))}"
    return _Plot(words, np.stack(curves), true, wanted, float(np.mean(controls)) if controls else None)


def _short(name: str) -> str:
    """A class name that fits above a small plot."""
    return name if len(name) <= 11 else f"{name[:10]}…"


# ---- distances


def distances(look: Choice) -> Chart | None:
    """How near base images and poisons are to the target, in the eyes of the chosen victim; None while unknown."""
    found = look.seen.distances
    if found is None:
        return None
    medians = {name: np.median(values, axis=0) for name, values in found.items()}
    told = ", ".join(f"{name} {before:.3g} → {after:.3g}" for name, (before, after) in medians.items())
    return Chart(
        targeted.distances({name: np.asarray(values) for name, values in found.items()}, big=look.big),
        "Every mark is one image, seen by the victim without defense. Where the right box is lower than the left one, "
        f"the attack moved its images towards the target in that measure. Medians: {told}.",
        f"Distance to the target before and after crafting, medians: {told}.",
        {
            "Measure": [targeted.QUANTITIES[name] for name in found],
            "Base images, median": [float(medians[name][0]) for name in found],
            "Poisons, median": [float(medians[name][1]) for name in found],
            "Poisons that came nearer": [
                f"{int((values[:, 1] < values[:, 0]).sum())} of {len(values)}" for values in found.values()
            ],
        },
    )
