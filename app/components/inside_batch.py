"""The batch inside the step: who became a poison, who a target, and one poison large, before and after."""

import html
from typing import Any

import numpy as np
import streamlit as st

from app.components import gallery, inside_words, say
from app.components.choosable import choosable
from app.components.images import Tile, figure, wall
from app.components.inside_look import NOBODY, InsideLook
from core.pictures import difference

VIEWS = ("Before", "Perturbation", "After")
LARGE = 112
"""Pixels of a picture of the chosen poison, so that three stand side by side."""


def panel(look: InsideLook) -> None:
    """Both parts of the batch, and the chosen poison beside them."""
    left, right = st.columns([13, 11], gap="large")
    with right, st.container(key="row-detail"):
        box, slider = st.columns(2)
        with box:
            place = _chosen(look)
        with slider:
            gain = gallery.amplification()
        _detail(look, place, gain)
    with left:
        shown = st.segmented_control(
            "Pictures", VIEWS, default="After", key="view", bind="query-params", required=True, width="content"
        )
        _walls(look, str(shown), gain, place)
    _table(look)


def hardest(look: InsideLook) -> int:
    """Place of the poison whose own label loses most of its probability."""
    places = np.arange(look.shown)
    own = look.part("probabilities")[places, :, look.part("labels")[: look.shown]].astype(np.float64)
    return int(np.argmax(own[:, 0] - own[:, 1]))


def _chosen(look: InsideLook) -> int:
    """Place of the poison that is shown large; first the one that its perturbation hurts most."""
    rows = [int(row) for row in look.part("rows")[: look.shown]]
    first = rows[hardest(look)]
    if st.session_state.get("row") not in rows:  # of another epoch, perhaps
        st.session_state.pop("row", None)
    row = st.selectbox(
        "Poison",
        [first, *(row for row in rows if row != first)],
        format_func=lambda row: f"{row}",
        key="row",
        bind="query-params",
        help="By its row in the training set; or click an image. First comes the one that the perturbation hurts most.",
    )
    return rows.index(int(row))


def _take(row: int) -> None:
    st.session_state["row"] = row


# ---- both parts


def _walls(look: InsideLook, shown: str, gain: int, chosen: int) -> None:
    sizes, size = look.sizes, 84 if look.big else 62
    made = _tiles(look, shown, gain)
    row = int(look.part("rows")[chosen])
    st.markdown(f"**Poisons: {_of(look.shown, sizes['all'])}**")
    choosable(made[: look.shown], size, key="inside-poisons", chosen=row, choose=_take)
    targets = made[look.shown :]
    if targets:
        st.markdown(f"**Targets: {_of(len(targets), sizes['targets'])}**")
        st.html(wall(targets, size))
    say.small(_reading(look))


def _of(shown: int, whole: int) -> str:
    return f"all {whole}" if shown == whole else f"{shown} of {whole} shown"


def _reading(look: InsideLook) -> str:
    words = "Click a poison, or press Enter on it, to see it large."
    if look.proxy == "trigger":
        words += " Behind a target’s arrow stands the class that its patches belong to."
    elif look.settings["targets"] != "shuffled":
        words += " Targets are not changed."
    if len(look.fakes) == 1:
        words += f" Fake label of all targets: “{look.name(look.fakes[0])}”; nothing is ever trained with it."
    return f"{words} {inside_words.revealed(look)}".strip()


def _tiles(look: InsideLook, shown: str, gain: int) -> list[Tile]:
    before, after = look.part("before"), look.part("after")
    pictures = {"Before": before, "After": after}.get(shown)
    if pictures is None:
        pictures = difference(before, after, gain)
    return [_tile(look, place, picture) for place, picture in enumerate(pictures)]


def _tile(look: InsideLook, place: int, picture: np.ndarray) -> Tile:
    row, label, fake = (int(look.part(name)[place]) for name in ("rows", "labels", "fake"))
    target, bad = place >= look.shown, look.attackers is not None and bool(look.attackers[place])
    caption = look.name(label)
    if target and fake != NOBODY and len(look.fakes) > 1:
        caption += f" → {look.name(fake)}"
    caption += " · attacker’s" * bad
    role = "Target" if target else "Poison"
    alt = f"{role}, row {row}, labelled {look.name(label)}" + ", poisoned by the attacker" * bad
    return Tile(picture, caption, alt, "poison" * bad, None if target else row)


# ---- one poison, large


def _detail(look: InsideLook, place: int, gain: int) -> None:
    before, after = look.part("before")[place], look.part("after")[place]
    row, label = int(look.part("rows")[place]), int(look.part("labels")[place])
    size = round(LARGE * 1.2) if look.big else LARGE
    pictures = (
        (before, "original"),
        (difference(before, after, gain), f"difference ×{gain}"),
        (after, "poisoned"),
    )
    drawn = [figure(Tile(picture, words, f"Row {row}, {look.name(label)}: {words}")) for picture, words in pictures]
    badge = ""
    if look.attackers is not None and look.attackers[place]:
        badge = ' <span class="ps-chip red">the attacker’s poison</span>'
    st.html(
        f"<b>Row {row}: “{html.escape(look.name(label))}”</b>{badge}"
        f'<div class="ps-wall" style="--ps-tile:{size}px;margin-top:.5rem">{"".join(drawn)}</div>'
    )
    st.html(_facts(look, place))


def _facts(look: InsideLook, place: int) -> str:
    label = look.name(int(look.part("labels")[place]))
    before, after = look.part("before")[place].astype(int), look.part("after")[place].astype(int)
    reads = [look.name(int(each)) for each in look.part("probabilities")[place].argmax(axis=1)]
    lines = [
        ("Label given", f"{label}, not changed"),
        ("Aims at", inside_words.aim(look, place)),
        ("Read as", reads[0] if reads[0] == reads[1] else f"{reads[0]} → {reads[1]}"),
        ("Probability of its label", inside_words.sure(look, place)),
        ("Largest change", f"{np.abs(after - before).max()}/255"),
    ]
    rows = "".join(f'<tr><th scope="row">{html.escape(a)}</th><td>{html.escape(b)}</td></tr>' for a, b in lines)
    return f'<table class="ps-arms ps-facts"><tbody>{rows}</tbody></table>'


# ---- the same in words


def _table(look: InsideLook) -> None:
    """All shown images as a table, which a screen reader reads."""
    places = range(len(look.part("rows")))
    labels, fakes = look.part("labels").tolist(), look.part("fake").tolist()
    columns: dict[str, list[Any]] = {
        "part": ["poison" if place < look.shown else "target" for place in places],
        "row": look.part("rows").tolist(),
        "label": [look.name(label) for label in labels],
        "fake label of its target": [None if fake == NOBODY else look.name(fake) for fake in fakes],
        "probability of the label": [inside_words.sure(look, place) for place in places],
    }
    if look.attackers is not None:
        columns["the attacker’s"] = look.attackers.tolist()
    with st.expander("The same images as a table"):
        alt = f"{len(labels)} images of the batch with labels and probabilities, before and after."
        st.dataframe(columns, hide_index=True, height=300, alt=alt, key="inside-images")
