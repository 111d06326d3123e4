"""One colour, dash and shape per role, everywhere: Okabe-Ito hues that stand out on white and on near-black."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

GREY = "#888888"
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
EXTRA = ("#56B4E9", "#999933", "#AA4499", "#44AA99")
"""For the third defense and beyond; the line's width and its name in the legend tell them apart as well."""

TWINS = {
    "_random": (PURPLE, "at random"),
    "_loss": ("#E69F00", "highest loss"),
    "_confidence": (EXTRA[0], "least sure"),
}
"""Endings of arms that train beside a defense: their colour, and what they do in its place."""
CAPITALS = {
    "cutmix": "CutMix",
    "deep_knn": "Deep k-NN",
    "dp_sgd": "DP-SGD",
    "epic": "EPIC",
    "hand_picked": "Hand-picked rows",
    "maxup": "MaxUp",
}
"""Defenses whose titles do not follow from their names; drawing needs no torch, which they do."""

ACCURACY_DASH = "solid"
SUCCESS_DASH = "dash"

CLEAN = {"color": BLUE, "symbol": "circle"}
POISON = {"color": VERMILION, "symbol": "x"}
REMOVED = {"color": GREEN, "symbol": "circle-open"}

METHOD_COLOURS = (BLUE, GREEN, "#E69F00", "#AA4499", EXTRA[0], "#999933", "#44AA99")
METHOD_SHAPES = ("circle", "square", "triangle-up", "diamond", "hexagon", "star", "pentagon", "triangle-down", "cross")
"""Of methods side by side; vermilion and purple are taken by what stands beside all of them."""

FONT_SIZE = 13
BIG_FONT_SIZE = 18


def arm_colour(arm: str, arms: list[str]) -> str:
    """The colour of an arm: grey control, vermilion undefended, blue first defense, purple its random filter.

    Args:
        arm: name of the arm as the run stores it.
        arms: all arms of the run, in order, so that the n-th defense keeps its colour.
    """
    if arm == "control":
        return GREY
    if arm == "undefended":
        return VERMILION
    for ending, (colour, _) in TWINS.items():
        if arm.endswith(ending):
            return colour
    twins = tuple(TWINS)
    defenses = [name for name in arms if name not in ("control", "undefended") and not name.endswith(twins)]
    place = defenses.index(arm) if arm in defenses else 0
    return (BLUE, GREEN, *EXTRA)[place % (2 + len(EXTRA))]


def arm_title(arm: str) -> str:
    """The name of an arm on screen."""
    if arm == "control":
        return "Clean baseline"
    if arm == "undefended":
        return "No defense"
    if arm.endswith("_random"):
        return "Random filter"
    for ending in ("_loss", "_confidence"):
        if arm.endswith(ending):
            return f"Dropped: {TWINS[ending][1]}"
    return CAPITALS.get(arm) or re.sub("_", " ", arm).capitalize()


def arm_titles(arms: list[str]) -> dict[str, str]:
    """Names on screen that tell all arms apart: of several random filters each says whose size it has."""
    titles = [arm_title(arm) for arm in arms]

    def named(arm: str, title: str) -> str:
        ending = next((ending for ending in TWINS if arm.endswith(ending)), "")
        return f"{title}: {arm_title(arm.removesuffix(ending))}" if ending and titles.count(title) > 1 else title

    return {arm: named(arm, title) for arm, title in zip(arms, titles, strict=True)}


def styled(figure: go.Figure, *, height: int, big: bool = False, legend: bool = True) -> go.Figure:
    """Give a figure the look that all share: transparent, grey rules, legend below the axis.

    Args:
        height: pixels; grows by a quarter in presentation size.
        big: presentation size.
    """
    size = BIG_FONT_SIZE if big else FONT_SIZE
    look = {
        "height": round(height * 1.25) if big else height,
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font.size": size,
        "showlegend": legend,
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        "hoverlabel.font.size": size,
        "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": BLUE},
    }
    rule = {
        "gridcolor": "rgba(136,136,136,0.22)",
        "zerolinecolor": "rgba(136,136,136,0.55)",
        "automargin": True,
        "title.font.size": size,
        "tickfont.size": size - 1,
    }
    # One by one: Plotly's update methods look every name up in the whole layout, which takes twice as long.
    for part, settings in ((figure.layout, look), *((axis, rule) for axis in _axes(figure))):
        for name, value in settings.items():
            part[name] = value
    return figure


def _axes(figure: go.Figure) -> Iterator[Any]:
    yield from figure.select_xaxes()
    yield from figure.select_yaxes()


def around(ends: Sequence[float], narrowest: float) -> list[float]:
    """A part of 0 to 100 that holds all values with some room.

    Args:
        ends: percent; none at all leaves the whole of it.
        narrowest: points that it spans at least: less would make noise look like an effect.
    """
    low, high = min(ends, default=0.0), max(ends, default=100.0)
    room = max(0.08 * (high - low), (narrowest - (high - low)) / 2)
    return [max(-1.0, low - room), min(101.0, high + room)]


def faint(colour: str, alpha: float) -> str:
    """A colour, `#rrggbb`, that lets through what is behind it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def methods(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a shape for each of several methods; each differs from the others in both where they are few."""
    return {
        name: (METHOD_COLOURS[place % len(METHOD_COLOURS)], METHOD_SHAPES[place % len(METHOD_SHAPES)])
        for place, name in enumerate(names)
    }


def band(x: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> go.Scatter:
    """The area between two lines in a thin colour: from the lowest to the highest of several models."""
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=faint(colour, 0.15),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
