"""Widgets about poisons without a trigger: the target, the pictures, crafting, and what the victims make of it."""

import numpy as np
import streamlit as st

from app import cache, trials
from app.components import say
from app.components import targeted_charts as charts
from app.components.images import Tile, figure, triples
from app.lessons import draw, samples, shipped
from app.lessons.shipped import Screen, need
from core.charts.targeted import Choice
from core.errors import StoreError
from core.figures import probabilities, targeted
from core.runs.trials import keys
from core.runs.view import RunView

UNDEFENDED = "undefended"
FIRST = 0.15
"""Share of a curve that is shown before the reveal."""
EPSILONS = (0, 2, 4, 8, 16, 32, 64)


def _choice(screen: Screen) -> Choice:
    run = shipped.run("clean_label")
    return Choice(run, cache.view(run), UNDEFENDED, screen.big)


def _target(seen: RunView) -> tuple[np.ndarray, str, str]:
    """The target's picture, its true class and the wanted one."""
    shown, names = seen.evaluation, seen.class_names or []
    if shown is None:
        raise StoreError("The shipped run holds no target.")
    return shown["eval_images"][0], names[int(shown["eval_true"][0])], names[int(shown["eval_wanted"][0])]


def target(screen: Screen) -> None:
    """The picture that is to be misread; with the reveal, three of the pictures that will do it."""
    seen = shipped.view("clean_label")
    picture, true, wanted = _target(seen)
    tiles = [Tile(picture, f"target: a “{true}”", f"The target, a {true}")]
    if screen.revealed:
        rows = need(seen.poison_rows, "poisons")[:3]
        poisons = need(seen.images(rows), "images")
        tiles += [Tile(one, f"poison, labeled “{wanted}”", f"A poison, labeled {wanted}", "poison") for one in poisons]
    draw.pictures(screen, tiles, 130)
    say.small(f"To be read as: “{wanted}”.")


def puzzle(screen: Screen) -> None:
    """Two pictures, one of them poisoned; with the reveal, the difference."""
    seen = shipped.view("clean_label")
    rows = np.array([samples.puzzle_row(seen)])
    clean, poison = need(seen.originals(rows), "originals"), need(seen.images(rows), "images")
    if screen.revealed:
        st.html(triples(clean, poison, [""], 156, names=("original", "poison"), amplified=10, between="difference"))
        return
    pictures = [poison[0], clean[0]] if samples.puzzle_side(seen) == "A" else [clean[0], poison[0]]
    draw.pictures(screen, [Tile(one, side, f"Picture {side}") for one, side in zip(pictures, "AB", strict=True)], 210)


def noise(screen: Screen) -> None:
    """A clean picture with random changes of at most epsilon levels."""
    seen = shipped.view("clean_label")
    epsilon = int(draw.slider(screen, "Epsilon", list(EPSILONS), 0, lambda value: f"{value}/255"))
    picture = need(seen.array("data", "test_images"), "test images")[0]
    signs = np.random.default_rng(2).choice([-1, 1], picture.shape)
    changed = np.clip(picture.astype(int) + epsilon * signs, 0, 255).astype(np.uint8)
    tiles = [Tile(picture, "clean", "A clean picture"), Tile(changed, f"±{epsilon}", f"Changed by {epsilon} levels")]
    draw.pictures(screen, tiles, 210)
    share = f"{100 * epsilon / 255:.1f} % of the range" if screen.revealed else "random signs, every pixel, every color"
    say.small(f"±{epsilon} of 255 levels: {share}. A poison’s changes are chosen with care; these are not.")


def trials_grid(screen: Screen) -> None:
    """Who won; before the reveal the targets alone."""
    look = _choice(screen)
    found = trials.pairs(look.run)
    if screen.revealed:
        draw.chart(screen, charts.outcomes(look, found) if found else None, "No trial is stored.")
        return
    tiles = []
    for key in keys(look.run)[:10]:
        picture, true, wanted = _target(cache.view(look.run, key))
        tiles.append(Tile(picture, f"“{true}” → “{wanted}”?", f"Target {key + 1}, a {true}"))
    draw.pictures(screen, tiles, 96)
    counted = sum(one["counted"] for one in found)
    say.small(f"{len(tiles)} targets; {counted} trials count, each a victim with weights of its own.")


def _begun(length: int) -> int:
    return max(2, round(FIRST * length))


def crafting(screen: Screen) -> None:
    """The attacker's loss while poisons are crafted; before the reveal its beginning."""
    look = _choice(screen)
    if screen.revealed:
        draw.chart(screen, charts.crafting(look), "The shipped run holds no crafting loss.")
        return
    trace = np.array(need(look.seen.trace, "crafting loss"))
    steps = trace.shape[1]
    figure = targeted.crafting_loss(trace[:, : _begun(steps)], big=screen.big)
    figure.update_xaxes(range=[0, steps + 1])
    figure.update_yaxes(range=[0, 1.1 * float(np.nanmax(trace[:, : _begun(steps)]))])
    draw.figure(screen, figure, f"The crafting loss in its first {_begun(steps)} of {steps} steps.")
    say.small("How does it go on?")


def alignment(screen: Screen) -> None:
    """How the poisons' gradient points in the victims; before the reveal an empty chart."""
    look = _choice(screen)
    if screen.revealed:
        draw.chart(screen, charts.alignment(look), "The shipped run holds no alignment.")
        return
    epochs = int(look.run.spec["training"]["epochs"])
    figure = targeted.alignment(np.full((1, epochs + 1), np.nan), big=screen.big)
    figure.update_xaxes(range=[0, epochs])
    figure.update_yaxes(range=[-0.2, 1.05])
    draw.figure(screen, figure, "An empty chart of cosines over epochs.")
    say.small("Where will the line run?")


def tipping_target(screen: Screen) -> None:
    """What the first victim makes of the target; before the reveal the first epochs."""
    seen = shipped.view("clean_label")
    curve, shown = need(seen.probability_curve(UNDEFENDED), "probabilities"), seen.evaluation
    assert shown is not None
    epochs = len(curve) - 1
    part = curve if screen.revealed else curve[: _begun(len(curve))]
    _, true, wanted = _target(seen)
    figure = probabilities.target_probabilities(
        [np.array(part[:, 0])[None]], [int(shown["eval_wanted"][0])], [int(shown["eval_true"][0])], [""], big=screen.big
    )
    figure.update_xaxes(range=[-0.3, epochs + 0.3])
    end = percent_of(part[-1, 0, int(shown["eval_wanted"][0])])
    draw.figure(screen, figure, f"After epoch {len(part) - 1} the victim gives the wanted class {end}.")
    say.small(f"Solid: “{true}”, the truth. Dashed: “{wanted}”, what the attacker wants.")


def percent_of(share: float) -> str:
    """A share as whole percent."""
    return f"{100 * float(share):.0f} %"


def distances(screen: Screen) -> None:
    """How near base images and poisons are to the target; before the reveal base images alone."""
    look = _choice(screen)
    if screen.revealed:
        draw.chart(screen, charts.distances(look), "The shipped run holds no distances.")
        return
    picture, true, _ = _target(look.seen)
    rows = need(look.seen.poison_rows, "poisons")[:4]
    originals = need(look.seen.originals(rows), "originals")
    tiles = [Tile(picture, "target", f"The target, a {true}", "")]
    tiles += [Tile(one, "base image", "A base image") for one in originals]
    st.html(f'<div class="ps-wall" style="--ps-tile:110px">{"".join(map(figure, tiles))}</div>')
    say.small("How far is each base image from the target, and how far once it is a poison?")
