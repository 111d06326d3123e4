"""Images of the rows that a person chose in the lens; without a choice, of the most suspicious ones.

Both parts have the same pieces with and without a choice: what stands on a page only sometimes can stay on it for good
when two of its fragments are drawn at once.
"""

import numpy as np
import streamlit as st

from app import cache
from app.components.images import Tile, wall
from app.components.look import Look
from app.components.selection import clear

WALL = 48
NEAR = 4
"""Chosen images that are shown beside the chart, where a click is seen to do something; the wall shows the others."""
SUSPECTS = 18


def beside(look: Look, rows: cache.ClassRows, removed: np.ndarray | None, places: np.ndarray) -> None:
    """The first chosen images, beside the chart."""
    poisons = f"; {int(rows.poison[places].sum())} poison" if look.truth and len(places) else ""
    many = f"{len(places):,} of {len(rows.rows):,}{poisons}" if len(places) else "nothing selected"
    words, button = st.columns([7, 3], vertical_alignment="center")
    words.markdown(f"**Selection: {many}**")
    button.button(
        "Clear", on_click=clear, args=(look.place,), key="clear-selection", width="stretch", disabled=not len(places)
    )
    hint = '<p class="ps-small">Click a point to see its image here, or draw around many with Lasso or Box.</p>'
    st.html(wall(_tiles(look, rows, removed, places[:NEAR]), size=_size(look)) if len(places) else hint)


def below(look: Look, rows: cache.ClassRows, removed: np.ndarray | None, places: np.ndarray) -> None:
    """The chosen images that have no place beside the chart; without such, the most suspicious ones."""
    further = places[NEAR:]
    if len(further):
        title = f"Selection: images {NEAR + 1} to {NEAR + min(len(further), WALL)}"
        places = further[:WALL]
    elif rows.scores is not None:
        title, places = "Most suspicious rows", np.argsort(-rows.scores)[:SUSPECTS]
    else:
        title, places = "First rows", np.arange(min(SUSPECTS, len(rows.rows)))
    st.markdown(f"**{title}**")
    with st.container(key="wall"):
        st.html(wall(_tiles(look, rows, removed, places), size=_size(look)))


def _size(look: Look) -> int:
    return 96 if look.big else 64


def _tiles(look: Look, rows: cache.ClassRows, removed: np.ndarray | None, places: np.ndarray) -> list[Tile]:
    pictures, true = look.seen.images(rows.rows[places]), look.seen.true_labels(rows.rows[places])
    names = look.seen.class_names or []
    assert pictures is not None and true is not None
    tiles = []
    for i, place in enumerate(places):
        poison, gone = look.truth and bool(rows.poison[place]), removed is not None and bool(removed[place])
        caption = f"row {rows.rows[place]}"
        if poison:
            caption += f" · poison, was {names[true[i]]}"
        alt = f"Row {rows.rows[place]}, labelled {names[look.label]}" + ", poison" * poison + ", removed" * gone
        tiles.append(Tile(pictures[i], caption, alt, " ".join(["poison"] * poison + ["removed"] * gone)))
    return tiles
