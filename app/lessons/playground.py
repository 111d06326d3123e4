"""Widgets that need no run: small models computed at once, with sliders."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.components import say
from app.lessons import draw
from app.lessons.shipped import Screen
from core import metrics
from core.analysis import toys
from core.figures import bars, palette, spectral
from core.figures import toys as figures
from core.verdict import percent

ROWS = 6000
SHARES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)
SHIFTS = tuple(round(0.5 * half, 1) for half in range(31))
FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
ANGLES = tuple(range(0, 181, 5))


def budget(screen: Screen) -> None:
    """A training set as squares, and how many of them a share is."""
    share = draw.slider(screen, "Poison budget", list(SHARES), 0.005, percent)
    poisons = round(share * ROWS)
    drawn = poisons if screen.revealed else 0
    draw.figure(screen, figures.squares(ROWS, drawn, big=screen.big), f"{ROWS:,} squares, {drawn} of them marked.")
    many = f"{poisons:,} poisons" if screen.revealed else "how many?"
    say.small(f"{percent(share)} of {ROWS:,} rows: {many}")


def interval(screen: Screen) -> None:
    """How much a count of successes tells: the rate with its 95 % interval."""
    left, right = st.columns(2)
    n = left.select_slider("Trials", (5, 10, 20, 50, 100, 1000), 10, key=f"{screen.key}-n")
    share = right.select_slider("Won", (0.0, 0.25, 0.5, 0.75, 0.9, 1.0), 1.0, percent, key=f"{screen.key}-share")
    rate = metrics.wilson(round(share * n), n)
    said = f"{round(share * n)} of {n}"
    low, high = (100 * rate.low, 100 * rate.high) if screen.revealed else (None, None)
    found = [bars.Bar(said, 100 * rate.mean, low, high, palette.VERMILION, said=percent(rate.mean))]
    words = (
        f"95 % interval: {percent(rate.low)} to {percent(rate.high)}." if screen.revealed else "Its interval is hidden."
    )
    draw.figure(screen, bars.bars(found, title="Attack success (%)", most=100.0, big=screen.big), f"{said}. {words}")
    say.small(words)


def batch(screen: Screen) -> None:
    """How many poisons a batch holds, drawn by chance."""
    left, right = st.columns(2)
    share = left.select_slider("Poison budget", SHARES, 0.01, percent, key=f"{screen.key}-share")
    size = right.select_slider("Batch", (32, 64, 128, 256), 128, key=f"{screen.key}-size")
    some = 1 - (1 - share) ** size
    words = f"{percent(some)} of batches hold at least one; on average {share * size:.2g}." if screen.revealed else ""
    if screen.revealed:
        draw.figure(screen, figures.counts(size, share, none=True, big=screen.big), words)
        say.small(words)
    else:
        draw.figure(
            screen,
            figures.squares(size, 0, big=screen.big).update_layout(height=160),
            f"A batch of {size} pictures, drawn at random.",
        )
        say.small(f"A batch of {size} pictures, drawn at random from a set of which {percent(share)} are poisons.")


# ---- spectral signatures in a plane


@dataclass(frozen=True)
class _Cloud:
    shift: float
    fraction: float


def _sigmas(value: float) -> str:
    return f"{value:g} σ"


def _cloud(screen: Screen, shift: float, fraction: float) -> _Cloud:
    left, right = st.columns(2)
    moved = left.select_slider("Shift of the mean", SHIFTS, shift, _sigmas, key=f"{screen.key}-shift")
    share = right.select_slider("Share of poisons", FRACTIONS, fraction, percent, key=f"{screen.key}-fraction")
    return _Cloud(float(moved), float(share))


def plane(screen: Screen) -> None:
    """A class in a plane: as poisons are shifted, the top singular vector turns."""
    cloud = _cloud(screen, 4.0, 0.1)
    drawn = toys.mixture(cloud.shift, cloud.fraction)
    words = "One class of rows in a plane, centred by its mean."
    if screen.revealed:
        words = f"Angle between the top singular vector and the shift: {drawn.angle:.0f}°."
    figure = figures.plane(drawn, truth=screen.revealed, vector=screen.revealed, big=screen.big)
    draw.figure(screen, figure, words)
    say.small(words)


def variance(screen: Screen) -> None:
    """Variance along every direction, without and with the shift."""
    cloud = _cloud(screen, 5.0, 0.1)
    figure = figures.variances(cloud.shift, cloud.fraction, added=screen.revealed, big=screen.big)
    added = cloud.fraction * (1 - cloud.fraction) * cloud.shift**2
    words = "Dotted: variance of the two groups about their own means."
    if screen.revealed:
        words = f"The shift adds {added:.3g} σ² along its own direction (dashed rule), and less along all others."
    draw.figure(screen, figure, words)
    say.small(words)


def condition(screen: Screen) -> None:
    """Scores of a class in a plane, and whether separation is promised."""
    cloud = _cloud(screen, 4.0, 0.05)
    drawn = toys.mixture(cloud.shift, cloud.fraction)
    truth = drawn.poison if screen.revealed else None
    figure = spectral.score_histogram(drawn.scores, poison=truth, big=screen.big)
    poisons = int(drawn.poison.sum())
    words = f"Scores of {len(drawn.points)} rows."
    if screen.revealed:
        met = "met" if cloud.shift >= drawn.needed else "not met"
        words = (
            f"Condition {met}: it asks for {drawn.needed:.1f} σ, and the shift is {cloud.shift:g} σ. "
            f"Caught by removing 1.5 times as many rows: {drawn.caught} of {poisons}."
        )
    draw.figure(screen, figure, words)
    st.html(f'<p class="ps-remark">{words}</p>')


# ---- gradients


def arrows(screen: Screen) -> None:
    """Two gradients as arrows, and their cosine."""
    angle = float(draw.slider(screen, "Angle between them", list(ANGLES), 60, lambda value: f"{value}°"))
    cosine = np.cos(np.radians(angle))
    words = "Both arrows are one unit long."
    if screen.revealed:
        does = "lowers" if cosine > 1e-9 else "raises" if cosine < -1e-9 else "does not change"
        words = f"Cosine {cosine:.2f}: to first order, a step on the poison {does} the target’s loss."
    draw.figure(screen, figures.arrows(angle, named=screen.revealed, big=screen.big), words)
    say.small(words)


def descent(screen: Screen) -> None:
    """The target's loss after one step on a poison."""
    angle = float(draw.slider(screen, "Angle between the gradients", list(ANGLES), 60, lambda value: f"{value}°"))
    exact, first = toys.loss_after_step(angle)
    words = "The dotted rule is the target’s loss before the step."
    if screen.revealed:
        words = f"At {angle:.0f}° the loss goes from 1 to {exact:.2f}; first order says {first:.2f}."
    draw.figure(screen, figures.losses(angle, curve=screen.revealed, big=screen.big), words)
    say.small(words)


def medoids(screen: Screen) -> None:
    """Points, medoids chosen greedily, and those that stand for nobody else."""
    count = int(draw.slider(screen, "Medoids", list(range(1, 15)), 7))
    _, cluster = toys.medoids(toys.islands(), count)
    alone = int((np.bincount(cluster, minlength=count) == 1).sum())
    words = f"{count} medoids for {len(cluster)} rows; lines lead from every row to its medoid."
    if screen.revealed:
        words += f" {alone} of them stand for nobody else and would be dropped."
    draw.figure(screen, figures.medoids(count, alone=screen.revealed, big=screen.big), words)
    say.small(words)


def passes(screen: Screen) -> None:
    """What a training step costs when it attacks itself first."""
    left, right = st.columns(2)
    part = left.select_slider(
        "Part of a batch that is poisoned", (0.25, 0.5, 0.75), 0.75, percent, key=f"{screen.key}-p"
    )
    steps = right.select_slider("Inner steps", (1, 2, 3, 5, 10), 5, key=f"{screen.key}-steps")
    times = toys.passes(part, steps)
    found = [
        bars.Bar("Ordinary step", 1.0, colour=palette.GREY, said="1"),
        bars.Bar("With poisoning", times if screen.revealed else None, colour=palette.BLUE, said=f"{times:.1f}"),
    ]
    words = f"{times:.1f} times an ordinary step." if screen.revealed else "How long is the second bar?"
    figure = bars.bars(found, title="Passes of the batch", most=25.0, big=screen.big)
    draw.figure(screen, figure, words)
    say.small(words)
