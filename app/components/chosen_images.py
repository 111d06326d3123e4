"""Walls of rows: the chosen ones page by page, the most suspicious ones in their order."""

import numpy as np
import streamlit as st

from app import cache
from app.components import one_row, say
from app.components.choosable import choosable
from app.components.images import Tile, wall
from app.components.look import Look
from app.components.selection import Selection
from core.runs.view import RunView

PAGE = 48
NEAR = 4
"""Chosen images that are shown beside a map, where a click is seen to do something; the wall shows all of them."""
SUSPECTS = 24


def beside(seen: RunView, rows: np.ndarray, labels: np.ndarray, truth: np.ndarray | None, size: int) -> None:
    """The first chosen rows that the map shows, or what to do to have some; as `chosen`, but nothing to click."""
    with st.container(key="chosen"):
        if not len(rows):
            say.small("Click a point to see its image here, or draw around many with Lasso or Box.")
            return
        shown = rows[:NEAR]
        poison = None if truth is None else truth[shown]
        st.html(wall(tiles(seen, shown, labels[shown], poison=poison, removed=None), size))


def chosen(seen: RunView, rows: np.ndarray, labels: np.ndarray, truth: np.ndarray | None, size: int) -> None:
    """The chosen rows; a click on one looks at it closely.

    Args:
        seen: the run.
        rows: (m,) int64, row ids.
        labels: (n,) int64, of all rows.
        truth: (n,) bool, of all rows; None hides it.
        size: width of a tile in pixels.
    """
    with st.container(key="chosen-rows"):
        if not len(rows):
            return
        say.section("Selected rows")
        pages = -(-len(rows) // PAGE)
        # another choice, other pages: each starts at its first
        number = st.pagination(pages, key=f"chosen-page-{len(rows)}-{int(rows.sum())}") if pages > 1 else 1
        shown = rows[(number - 1) * PAGE : number * PAGE]
        poison = None if truth is None else truth[shown]
        made = tiles(seen, shown, labels[shown], poison=poison, removed=None, choosable=True)
        choosable(made, size, key="chosen-wall", chosen=st.session_state.get("row"), choose=one_row.take)


def suspects(look: Look, every: cache.AllRows, chosen: Selection) -> None:
    """The rows with the highest scores, of the class or of all, in their order."""
    title, among, take = st.columns([4, 3, 3], vertical_alignment="bottom")
    title.subheader("Ranked suspects", anchor=False)
    scores = every.scores.get(look.defense or "")
    if scores is None:
        say.empty("No filter scored these rows", "Add a defense such as spectral signatures in the Lab.")
        return
    everywhere = among.segmented_control(
        "Among", ("This class", "All classes"), default="This class", key="among", bind="query-params", required=True
    )
    rows = np.arange(len(scores)) if everywhere == "All classes" else np.flatnonzero(every.labels == look.label)
    rows = rows[np.argsort(-scores[rows], kind="stable")[:SUSPECTS]]
    take.button(
        f"Select these {len(rows)}",
        on_click=chosen.add,
        args=(rows,),
        key="select-suspects",
        icon=":material/playlist_add_check:",
        width="stretch",
        disabled=not len(rows),
    )
    poison = every.poison[rows] if look.truth else None
    removed = every.flagged.get(look.defense or "")
    made = tiles(
        look.seen,
        rows,
        every.labels[rows],
        poison=poison,
        removed=None if removed is None else removed[rows],
        choosable=True,
        selected=np.isin(rows, chosen.rows),
        more=[f"{place + 1}. score {score:.3g}" for place, score in enumerate(scores[rows])],
    )
    choosable(made, look.tile, key="suspects", chosen=st.session_state.get("row"), choose=one_row.take)
    marks = "Outlined: poison. " * look.truth + "Green ring: removed by the filter. " * (removed is not None)
    say.small(f"The highest score first. {marks}Click one to see its nearest neighbours.")


def tiles(
    seen: RunView,
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    poison: np.ndarray | None,
    removed: np.ndarray | None,
    selected: np.ndarray | None = None,
    choosable: bool = False,
    more: list[str] | None = None,
) -> list[Tile]:
    """Tiles of some rows; poisons, what was removed and what is selected are marked.

    Args:
        seen: the run.
        rows: (m,) int64.
        labels: (m,) int64, as given.
        poison: (m,) bool, the truth; None hides it.
        removed, selected: (m,) bool.
        choosable: whether the tiles can be taken; they name their class then, because all classes may be among them.
        more: m texts that stand before the others.
    """
    pictures, true = seen.images(rows), seen.true_labels(rows)
    names = seen.class_names or []
    assert pictures is not None and true is not None
    made = []
    for i, row in enumerate(rows.tolist()):
        bad, gone = poison is not None and bool(poison[i]), removed is not None and bool(removed[i])
        picked = selected is not None and bool(selected[i])
        caption = (f"{more[i]} · " if more else "") + f"row {row}" + f" · {names[labels[i]]}" * choosable
        if bad:
            caption += " · poison" + f", was {names[true[i]]}" * bool(true[i] != labels[i])
        alt = f"Row {row}, labelled {names[labels[i]]}" + ", poison" * bad + ", removed" * gone + ", selected" * picked
        classes = " ".join(["poison"] * bad + ["removed"] * gone + ["picked"] * picked)
        made.append(Tile(pictures[i], caption, alt, classes, row if choosable else None))
    return made
