"""Widgets about backdoors: the pictures, the stamp, what models answer, budgets."""

import html
from typing import Any

import streamlit as st

from app import cache
from app.components import chosen_images, say, stamped
from app.components.images import Tile, png, triples
from app.lessons import draw, facts, samples, shipped
from app.lessons.shipped import Screen, need
from core.axes import BUDGET
from core.errors import StoreError
from core.figures import bars, curves, palette, sweep
from core.runs.store import Run
from core.verdict import filtered, percent

HIDDEN = "shown by Reveal"
TRIPLES = 4


def class_wall(screen: Screen) -> None:
    """Rows that carry one label, some of them poisons."""
    seen = shipped.view("badnets")
    rows = samples.wall_rows(seen)
    labels, truth = need(seen.labels, "labels"), need(seen.is_poison, "truth")
    poison = truth[rows] if screen.revealed else None
    tiles = chosen_images.tiles(seen, rows, labels[rows], poison=poison, removed=None)
    name = (seen.class_names or [])[int(labels[rows[0]])]
    st.markdown(f"**{len(rows)} training pictures, all labeled the same**")
    draw.pictures(screen, tiles, 82)
    say.small(f"Label of every one of them: “{name}”.")


def recipe(screen: Screen) -> None:
    """Poisons beside their originals; before the reveal the originals alone."""
    seen = shipped.view("badnets")
    rows = need(seen.poison_rows, "poisons")[:TRIPLES]
    clean, poisons = need(seen.originals(rows), "originals"), need(seen.images(rows), "images")
    true, given = need(seen.true_labels(rows), "labels"), need(seen.labels, "labels")[rows]
    names = seen.class_names or []
    if screen.revealed:
        words = [f"{names[old]} → labeled {names[new]}" for old, new in zip(true, given, strict=True)]
        st.html(triples(clean, poisons, words, 96, names=("original", "poison"), amplified=1))
        return
    tiles = [Tile(picture, names[old], f"A {names[old]}") for picture, old in zip(clean, true, strict=True)]
    draw.pictures(screen, tiles, 120)
    say.small("Four pictures as the attacker found them.")


def stamp(screen: Screen) -> None:
    """A test picture, the stamp on or off, and what each model makes of it."""
    shown = stamped.pictures(shipped.view("badnets"))
    if shown is None:
        raise StoreError("The shipped run holds no test pictures.")
    number = int(
        st.segmented_control(
            "Picture",
            list(range(len(shown))),
            default=0,
            required=True,
            format_func=lambda at: shown.names[int(shown.true[at])],
            key=f"{screen.key}-picture",
        )
    )
    on = st.toggle("Stamp", key=f"{screen.key}-stamp")
    tiles = [
        stamped.tile(shown, number, arm=arm, stamped=on, heading=palette.arm_title(arm))
        if screen.revealed or not on
        else _unanswered(shown, number, palette.arm_title(arm))
        for arm in shown.arms
    ]
    st.html(f'<div class="ps-lesson-reads" role="status">{"".join(tiles)}</div>')
    say.small(
        f"The answers with the stamp are {HIDDEN}."
        if on and not screen.revealed
        else "Every answer was stored when the networks were tested."
    )


def _unanswered(shown: stamped.Pictures, number: int, heading: str) -> str:
    """The stamped picture, with a question mark in the place of the answer."""
    true = html.escape(shown.names[int(shown.true[number])])
    return (
        f'<figure class="ps-read"><figcaption>{html.escape(heading)}</figcaption>'
        f'<img src="{png(shown.images[1][number])}" alt="A “{true}” sign with the sticker">'
        '<div class="ps-answer">?</div></figure>'
    )


def rates(screen: Screen) -> None:
    """One measure of the arms of a run as bars; those but the first wait for the reveal."""
    run = shipped.run(screen.told("run", "badnets"))
    measure = screen.told("measure", "clean_accuracy")
    result = run.result or {}
    arms = {"control": result.get("control") or {}, **result.get("arms", {})}
    wanted = screen.step.show.get("arms", list(arms))
    names = [arm for arm in arms if arm in wanted or ("defenses" in wanted and arm in filtered(result))]
    names += [arm for arm in arms if "controls" in wanted and arm not in names and arm.endswith(tuple(palette.TWINS))]
    there = [arm for arm in names if arms[arm].get(measure)]
    found = [_bar(arm, arms[arm][measure], there, arm == there[0] or screen.revealed) for arm in there]
    title = {"clean_accuracy": "Clean accuracy (%)", "asr": "Attack success (%)"}[measure]
    known = [bar for bar in found if bar.value is not None]
    told = "; ".join(f"{bar.name} {bar.said}" for bar in known)
    draw.figure(
        screen,
        bars.bars(found, title=title, most=100.0, big=screen.big),
        f"{title}: {told}.",
        {"Model": [bar.name for bar in known], title: [bar.said for bar in known]},
    )
    say.small("Lines at the ends of bars are 95 % intervals.")


def _bar(arm: str, rate: dict[str, Any], arms: list[str], seen: bool) -> bars.Bar:
    colour, name = palette.arm_colour(arm, arms), palette.arm_title(arm)
    if not seen:
        return bars.Bar(name, None, colour=colour)
    mean, low, high = (100 * float(rate[side]) for side in ("mean", "low", "high"))
    pattern = "/" if arm.endswith(tuple(palette.TWINS)) else ""
    return bars.Bar(name, mean, low, high, colour, pattern, percent(rate["mean"]))


def learning(screen: Screen) -> None:
    """Accuracy while the poisoned model learns; with the reveal, attack success too."""
    run = shipped.run("badnets")
    points = [point for point in cache.store().points(run.id) if point["arm"] == "undefended"]
    if not screen.revealed:
        points = [{**point, "asr": None} for point in points]
    if not points:
        say.empty("Nothing to show", "The shipped run holds no curves.")
        return
    last = points[-1]
    success = f", attack success {percent(last['asr'])}" if last["asr"] is not None else ""
    draw.figure(
        screen,
        curves.training_curves(points, arms=["undefended"], big=screen.big),
        f"After the last epoch clean accuracy is {percent(last['clean_accuracy'])}{success}.",
        {
            "Epoch": [point["epoch"] for point in points],
            "Clean accuracy": [percent(point["clean_accuracy"]) for point in points],
            **({"Attack success": [percent(p["asr"]) for p in points]} if screen.revealed else {}),
        },
    )


# ---- budgets


def tipping(screen: Screen) -> None:
    """Attack success against the budget; before the reveal every value is a hollow mark."""
    runs = shipped.family("rates")
    values = [(float(run.spec["attack"]["poison_fraction"]), run) for run in runs]
    success = [(value, _rates(run, "asr")) for value, run in values]
    accuracy = [(value, _rates(run, "clean_accuracy")) for value, run in values]
    both = screen.told("part", "success") == "accuracy"
    shown = success if screen.revealed or both else []
    figure = sweep.success_curve(
        shown,
        axis=BUDGET,
        accuracies=accuracy if both and screen.revealed else (),
        pending=[] if shown else [(value, HIDDEN) for value, _ in values],
        big=screen.big,
    )
    told = "; ".join(f"{shipped.counted(run)[1]} poisons {percent(facts.success(run))}" for _, run in values)
    table: dict[str, list[Any]] = {
        "Poisons": [shipped.counted(run)[1] for run in runs],
        "Attack success": [percent(facts.success(run)) for run in runs],
    }
    if both and screen.revealed:
        table["Clean accuracy"] = [percent(told["undefended"]["mean"]) for _, told in accuracy]
    alt = f"Attack success without a defense: {told}." if shown else f"{len(runs)} budgets, results {HIDDEN}."
    draw.figure(screen, figure, alt, table if shown else None)
    rows, _ = shipped.counted(runs[0])
    counts = ", ".join(f"{shipped.counted(run)[1]:,}" for run in runs)
    say.small(f"The budgets as numbers of poisoned pictures, of {rows:,}: {counts}.")


def _rates(run: Run, measure: str) -> dict[str, dict[str, Any]]:
    result = run.result or {}
    arms = {"undefended": result["arms"]["undefended"]}
    return {arm: told[measure] for arm, told in arms.items() if told.get(measure)}


def duel(screen: Screen) -> None:
    """A budget to choose, and what it does with and without a defense."""
    runs = shipped.family("rates")
    counts = [shipped.counted(run)[1] for run in runs]
    chosen = draw.slider(screen, "Poisons in the training set", counts, counts[len(counts) // 2])
    run = runs[counts.index(chosen)]
    result = run.result or {}
    arms = ["undefended", *filtered(result)[:1]]
    found = [
        _bar(arm, result["arms"][arm]["asr"], arms, screen.revealed or place == 0) for place, arm in enumerate(arms)
    ]
    told = "; ".join(f"{bar.name} {bar.said}" for bar in found if bar.value is not None)
    draw.figure(
        screen,
        bars.bars(found, title="Attack success (%)", most=100.0, big=screen.big),
        f"Attack success with {chosen} poisons: {told}.",
    )
    clean = result["arms"][arms[-1] if screen.revealed else arms[0]]["clean_accuracy"]["mean"]
    say.small(f"{chosen} of {shipped.counted(run)[0]:,} pictures; clean accuracy {percent(clean)}.")


def innocents(screen: Screen) -> None:
    """Rows that the filter removed; with the reveal, which of them were poisons."""
    seen = shipped.view("badnets")
    rows = samples.least_suspicious(seen, facts.defense(seen))
    labels, truth = need(seen.labels, "labels"), need(seen.is_poison, "truth")
    poison = truth[rows] if screen.revealed else None
    draw.pictures(screen, chosen_images.tiles(seen, rows, labels[rows], poison=poison, removed=None), 82)
    say.small(
        "The rows that only just crossed the line. Framed: poisons." if screen.revealed else "Removed, but barely."
    )
