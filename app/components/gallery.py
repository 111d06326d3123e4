"""The poisons beside their originals; where one chosen image is attacked, beside that image too."""

import numpy as np
import streamlit as st

from app.components import drawing, frame, say
from app.components.images import Tile, triples, wall
from core.given import is_given
from core.runs.view import RunView

PAGE = 9
BESIDE_TARGET = 6
GAINS = (1, 2, 4, 8, 10, 16, 32)
USUAL_GAIN = 8
"""Fills the range of levels at the usual epsilon of 16."""


@st.fragment
def poisons(seen: RunView) -> None:
    """A page of poisons: original, poison, difference amplified. Nothing while the truth is hidden."""
    if frame.unknown():
        say.empty("Nobody knows", "The data were looked at as they came: which rows are poisons is not known.")
        return
    if not frame.truth():
        say.empty("Hidden", f"The poisons beside their originals are part of the truth. {frame.how()}")
        return
    rows = seen.poison_rows
    if drawing.awaited(seen):
        drawing.wait(seen)
    elif rows is None:
        _missing(seen)
    elif seen.targeted:
        _beside_target(seen, rows)
    else:
        _page(seen, rows, PAGE, None)


def _missing(seen: RunView) -> None:
    if seen.run.live:
        say.empty("No poisons yet", "They appear here as soon as those of this key are made.")
    elif all(step["kind"] != "poison" for step in seen.run.steps):
        say.empty("No poisons", "Nothing was attacked in this run.")
    else:
        say.empty("The images are not stored here", "Resume the run to compute them again.")


def _beside_target(seen: RunView, rows: np.ndarray) -> None:
    shown, names = seen.evaluation, seen.class_names or []
    assert shown is not None
    true, wanted = names[int(shown["eval_true"][0])], names[int(shown["eval_wanted"][0])]
    left, right = st.columns([2, 9], gap="large")
    with left:
        caption = f"target: a “{true}”, to be read as “{wanted}”"
        picture = Tile(shown["eval_images"][0], caption, f"The {caption}; test image {int(shown['eval_indices'][0])}")
        st.html(wall([picture], size=190 if frame.big() else 152))
        gain = amplification()
    with right:
        _page(seen, rows, BESIDE_TARGET, gain)


def amplification() -> int:
    """By how much perturbations are enlarged, as somebody wants them: a slider that stands in the link."""
    return int(
        st.select_slider(
            "Amplification",
            GAINS,
            value=USUAL_GAIN,
            format_func=lambda times: f"×{times}",
            key="gain",
            bind="query-params",
            help="By how much the perturbations are enlarged to be seen. Mid grey is no change.",
        )
    )


def _page(seen: RunView, rows: np.ndarray, size: int, gain: int | None) -> None:
    """One page of poisons; with a gain, the perturbation stands between base image and poison."""
    pages = -(-len(rows) // size)
    number = min(st.pagination(pages, key=f"gallery-{seen.poison_key}"), pages) if pages > 1 else 1
    part = rows[(number - 1) * size : number * size]
    images, originals, labels, true = seen.images(part), seen.originals(part), seen.labels, seen.true_labels(part)
    names = seen.class_names or []
    if images is None or originals is None or labels is None or true is None:
        say.empty("The images are not stored here", "Resume the run to compute them again.")
        return
    words = [
        f"row {row}: {names[old]}, label kept" if old == new else f"row {row}: {names[old]}, labelled {names[new]}"
        for row, old, new in zip(part, true, labels[part], strict=True)
    ]
    width = 92 if frame.big() else 72
    if is_given(seen.run.spec):
        tiles = [
            Tile(image, said.split(", ")[0], f"Poison, {said.split(', ')[0]}")
            for image, said in zip(images, words, strict=True)
        ]
        st.html(wall(tiles, width))
    elif gain is None:
        st.html(triples(originals, images, words, size=width, names=("original", "poison")))
    else:
        pictures = triples(
            originals, images, words, width + 24, names=("base image", "poison"), amplified=gain, between="perturbation"
        )
        st.html(pictures)
    say.small(f"{(number - 1) * size + 1} to {(number - 1) * size + len(part)} of {len(rows):,} poisons.")
