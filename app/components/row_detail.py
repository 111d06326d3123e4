"""One row of the training set, large: what was done to it, what it is called, what the defenses think of it."""

import html

import numpy as np
import streamlit as st

from app import cache
from app.components import gallery, say
from app.components.images import Tile, triples, wall
from core.figures import palette
from core.figures.targeted import QUANTITIES
from core.given import is_given
from core.runs.view import RunView

TIMES = 8
MOST = 320
"""Pixels that an enlarged image is wide at most, so that it fits beside the wall."""
SMALL = 74
"""Pixels of the pictures of a comparison, so that four stand side by side."""
COVER = "cover (changed, and keeps its label)"
"""What a row is called that an attack changed only to hide its poisons."""


def draw(seen: RunView, every: cache.AllRows, row: int, truth: bool) -> None:
    """Everything about a row; with the truth hidden, only what a defender sees."""
    one, names = np.array([row]), seen.class_names or []
    images, true = seen.images(one), seen.true_labels(one)
    assert images is not None and true is not None
    label, poison = int(every.labels[row]), truth and bool(every.poison[row])
    covers = seen.cover_rows if truth else None
    cover = covers is not None and row in covers
    times = max(1, min(TIMES, MOST // images.shape[-1]))
    big = Tile(images[0], f"row {row}, ×{times}", f"Row {row}, labelled {names[label]}, enlarged {times} times")
    st.html(wall([big], times * images.shape[-1]))
    facts = [("Label given", names[label])]
    if truth:
        changed = " (changed)" if true[0] != label else ""
        kind = "poison" if poison else COVER if cover else "clean"
        before = "nobody knows" if is_given(seen.run.spec) else f"{names[int(true[0])]}{changed}"
        facts += [("Label before", before), ("Truth", kind)]
    st.html(_table(facts + _scores(every, row)))
    if is_given(seen.run.spec):
        say.small("The data were looked at as they came: what was done to a row, nobody here knows.")
    elif poison or cover:
        _changed(seen, row, images)
    elif truth:
        say.small("Nothing was done to this image.")


def _scores(every: cache.AllRows, row: int) -> list[tuple[str, str]]:
    """A line a defense: score, place among all rows, and what became of the row."""
    lines = []
    for defense, scores in every.scores.items():
        words = f"score {scores[row]:.4g}, higher than {every.ranks[defense][row]:.1f} % of the rows"
        if defense in every.flagged:
            words += "; flagged and removed" if every.flagged[defense][row] else "; kept"
        if defense in every.random and every.random[defense][row]:
            words += "; removed by the random filter"
        lines.append((palette.arm_title(defense), words))
    return lines


def _table(lines: list[tuple[str, str]]) -> str:
    rows = "".join(f'<tr><th scope="row">{html.escape(a)}</th><td>{html.escape(b)}</td></tr>' for a, b in lines)
    return f'<table class="ps-arms ps-facts"><tbody>{rows}</tbody></table>'


def _target(seen: RunView) -> list[Tile]:
    """The one image that is attacked; nothing where there are many."""
    shown, names = seen.evaluation, seen.class_names or []
    if not seen.targeted or shown is None:
        return []
    true, wanted = (names[int(shown[f"eval_{which}"][0])] for which in ("true", "wanted"))
    return [Tile(shown["eval_images"][0], "target", f"The target: a “{true}”, to be read as “{wanted}”")]


def _changed(seen: RunView, row: int, images: np.ndarray) -> None:
    """Before, after and the difference; where one image is attacked, that image and how far the row is from it."""
    gain = gallery.amplification()
    originals, target = seen.originals(np.array([row])), _target(seen)
    assert originals is not None
    st.html(triples(originals, images, [""], SMALL, names=("original", "poisoned"), amplified=gain, beside=target))
    rows = seen.poison_rows
    if not target or rows is None:
        return
    far = seen.distances
    if far is None:
        say.small("The distances to the target are not measured yet.")
        return
    place = int(np.searchsorted(rows, row))
    lines = [(QUANTITIES[name], f"{both[place, 0]:.3g} → {both[place, 1]:.3g}") for name, both in far.items()]
    st.html("<b>Distance to the target</b>, of the original → of the poison" + _table(lines))
