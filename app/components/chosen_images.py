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
from core.runs.view import RunView

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
    return tiles(
        look.seen,
        rows.rows[places],
        np.full(len(places), look.label),
        poison=rows.poison[places] if look.truth else None,
        removed=None if removed is None else removed[places],
    )


def tiles(
    seen: RunView,
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    poison: np.ndarray | None,
    removed: np.ndarray | None,
    choosable: bool = False,
) -> list[Tile]:
    """Tiles of some rows; poisons and what was removed are marked.

    Args:
        seen: the run.
        rows: (m,) int64.
        labels: (m,) int64, as given.
        poison: (m,) bool, the truth; None hides it.
        removed: (m,) bool.
        choosable: whether the tiles can be taken; they name their class then, because all classes may be among them.
    """
    pictures, true = seen.images(rows), seen.true_labels(rows)
    names = seen.class_names or []
    assert pictures is not None and true is not None
    made = []
    for i, row in enumerate(rows.tolist()):
        bad, gone = poison is not None and bool(poison[i]), removed is not None and bool(removed[i])
        caption = f"row {row}" + f" · {names[labels[i]]}" * choosable
        if bad:
            caption += " · poison" + f", was {names[true[i]]}" * bool(true[i] != labels[i])
        alt = f"Row {row}, labelled {names[labels[i]]}" + ", poison" * bad + ", removed" * gone
        classes = " ".join(["poison"] * bad + ["removed"] * gone)
        made.append(Tile(pictures[i], caption, alt, classes, row if choosable else None))
    return made
