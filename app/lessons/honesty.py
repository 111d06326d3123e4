"""Widgets about costs, claims and what stands beside a result."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.components import say
from app.lessons import draw, shipped
from app.lessons.shipped import Screen
from core import describe
from core.errors import StoreError
from core.figures import bars, palette
from core.runs import costs as price
from core.verdict import filtered, percent

NAMES = {"badnets": "sticker", "clean_label": "no trigger", "robust": "no trigger"}
MEASURES = {
    "points": "Clean accuracy lost (points)",
    "passes": "Passes, times an undefended training",
    "asr": "Attack success after (%)",
}


@dataclass(frozen=True)
class Cost:
    """What a defense came to in a shipped run.

    Attributes:
        defense: its title.
        name: the same, and what it met.
        points: of clean accuracy, lost against the clean baseline.
        passes: times those of an undefended training.
        asr: attack success after, in percent.
    """

    defense: str
    name: str
    points: float
    passes: float
    asr: float


def costs() -> list[Cost]:
    """What every defense of the shipped runs won and cost.

    Raises:
        StoreError: no shipped run is here.
    """
    found = []
    for name, words in NAMES.items():
        try:
            run = shipped.run(name)
        except StoreError:
            continue
        result = run.result or {}
        control, arms = result["control"], result["arms"]
        for arm in filtered(result):
            lost = control["clean_accuracy"]["mean"] - arms[arm]["clean_accuracy"]["mean"]
            found.append(
                Cost(
                    palette.arm_title(arm),
                    f"{palette.arm_title(arm)} ({words})",
                    100 * lost,
                    price.of(result, run.steps, arm).times or 0.0,
                    100 * arms[arm]["asr"]["mean"],
                )
            )
    if not found:
        raise StoreError("The shipped runs are not here.")
    return found


def bill(screen: Screen) -> None:
    """One cost of every defense that ships; before the reveal the bars are hidden."""
    measure = screen.told("measure", "points")
    paid = costs()
    found = []
    for cost in paid:
        value = float(getattr(cost, measure))
        said = f"{value:.1f}" + (" %" if measure == "asr" else "")
        found.append(bars.Bar(cost.name, value if screen.revealed else None, colour=palette.BLUE, said=said))
    table = {
        "Defense": [cost.name for cost in paid],
        MEASURES["asr"]: [f"{cost.asr:.1f}" for cost in paid],
        MEASURES["points"]: [f"{cost.points:.1f}" for cost in paid],
        MEASURES["passes"]: [f"{cost.passes:.1f}" for cost in paid],
    }
    figure = bars.bars(found, title=MEASURES[measure], most=None if screen.revealed else 10.0, big=screen.big)
    told = "; ".join(f"{bar.name} {bar.said}" for bar in found) if screen.revealed else "hidden"
    draw.figure(screen, figure, f"{MEASURES[measure]}: {told}.", table if screen.revealed else None)
    say.small("Measured in the shipped runs; a filter’s passes count both trainings.")


CLAIMS: dict[str, dict[str, Any]] = {
    "adaptive": {
        "title": "Poisons that spectral signatures removed (%)",
        "rows": [("BadNets patch", 98.0), ("Blended", 53.8), ("Adap-Blend", 13.3), ("Adap-Patch", 10.0)],
        "source": "150 poisons (0.3 %), CIFAR-10, ResNet-20, mean of 3 runs: Qi et al. (2023), table 1.",
    },
    "fraction": {
        "title": "Attack success (%), BadNets, 10 % poisons",
        "rows": [("No defense", 95.03), ("Spectral, 15 % of each class", 92.41), ("Activation clustering", 86.23)],
        "source": "CIFAR-10, PreAct-ResNet-18: BackdoorBench’s released results (June 2025).",
    },
    "rerun": {
        "title": "Attack success (%), gradient matching, 200 epochs",
        "rows": [
            ("No defense, paper", 45),
            ("No defense, re-run", 44),
            ("EPIC-0.1, paper", 2.3),
            ("EPIC-0.1, re-run", 34),
            ("EPIC-0.2, paper", 1.0),
            ("EPIC-0.2, re-run", 21),
            ("EPIC-0.3, paper", 0.7),
            ("EPIC-0.3, re-run", 10),
        ],
        "source": "100 sets of poisons, CIFAR-10, ResNet-18: Yang et al. (2022), table 2; Bhat et al. (2024), app. E.",
    },
    "transfer": {
        "title": "Attack success (%), bullseye polytope",
        "rows": [
            ("Frozen features, known network", 85),
            ("Frozen features, unknown network", 8.5),
            ("From scratch", 3),
        ],
        "source": "CIFAR-10, ResNet-18: Schwarzschild et al. (2021), README of the benchmark.",
    },
    "price": {
        "title": "Attack success (%), gradient matching, epsilon 8",
        "rows": [("No defense", 25), ("p = 0.25", 4), ("p = 0.5", 1), ("p = 0.75", 0)],
        "source": "CIFAR-10, ResNet-18, 40 epochs; second-hand: Yang et al. (2022), table 2.",
    },
}
"""Published values, as their sources print them; never shown as measured here."""


def claimed(screen: Screen) -> None:
    """Published numbers as bars; before the reveal, the first alone."""
    told = CLAIMS[screen.told("table", "rerun")]
    first = int(screen.step.show.get("first", 1))
    found = []
    for place, (name, value) in enumerate(told["rows"]):
        hidden = place >= first and not screen.revealed
        colour, pattern = (palette.GREEN, "/") if name.endswith("re-run") else (palette.BLUE, "")
        found.append(
            bars.Bar(name, None if hidden else float(value), colour=colour, pattern=pattern, said=f"{value:g} %")
        )
    known = [bar for bar in found if bar.value is not None]
    figure = bars.bars(found, title=told["title"], most=100.0, big=screen.big)
    draw.figure(screen, figure, f"{told['title']}: {'; '.join(f'{bar.name} {bar.said}' for bar in known)}.")
    say.small(f"Claimed, not measured here. {told['source']}")


def caveats(screen: Screen) -> None:
    """A result, and with the reveal the flags that the tool itself puts beside it."""
    run = shipped.run("clean_label")
    result = run.result or {}
    rate = result["arms"]["undefended"]["asr"]
    st.html(f'<div class="ps-verdict plain">“The attack succeeds in {percent(rate["mean"])} of cases.”</div>')
    if not screen.revealed:
        say.small("A sentence as one often reads it. What is missing?")
        return
    say.small(f"95 % interval {percent(rate['low'])} to {percent(rate['high'])}, n = {rate['n']:,} trials.")
    flags = [flag["message"] for flag in result.get("flags", [])]
    st.markdown("\n".join(f"- {describe.markdown(message)}" for message in flags) or "No flag was raised.")
