"""Be the defender: what would go if the chosen rows went, and a run in which they do."""

import html

import numpy as np
import streamlit as st

from app import queueing, routes
from app.ahead import ahead, told
from app.components import frame, say
from app.components.selection import Selection
from core import by_hand, row_list
from core.errors import PoisonscopeError
from core.runs.view import RunView
from core.spec import Experiment

HINT = (
    "Choose rows that look wrong to you, on the map or in a wall. What would go with them is said here, and a button "
    "removes them and trains again: your choice is a defense like any other, and is measured like one."
)


def panel(seen: RunView, labels: np.ndarray, poison: np.ndarray, chosen: Selection) -> None:
    """The whole section.

    Args:
        seen: the run.
        labels: (n,) int64, as given.
        poison: (n,) bool, the truth; shown only where that is revealed.
        chosen: what is chosen.
    """
    rows, truth = chosen.rows, frame.truth()
    with st.container(border=True, key="defend"):
        say.section("Be the defender")
        if not len(rows):
            say.small(HINT)
            return
        found = by_hand.removal(rows, labels, seen.class_names or [], poison if truth else None)
        cost = by_hand.cost(found) or "How many of them are poisons is hidden, as it is from a defender."
        st.html(f"<p><b>{html.escape(by_hand.words(found))}</b><br>{html.escape(cost)}</p>")
        problem, experiment = _experiment(seen, rows, chosen.revealed)
        if experiment is not None:
            _offer(seen, experiment)
        else:
            say.small(problem)


def _experiment(seen: RunView, rows: np.ndarray, revealed: bool) -> tuple[str, Experiment | None]:
    """The run that removes the rows, or why there is none."""
    run = seen.run
    if seen.poison_key != 0:
        return (
            "A run by hand has one draw of the poisons, the first: choose key 1 above to remove rows. The same numbers "
            "would be other rows there.",
            None,
        )
    if len(rows) > row_list.MOST:
        return f"{len(rows):,} rows are too many to remove by hand; choose at most {row_list.MOST:,}.", None
    if _shipped_without_network(seen):
        return "This run was shipped without its network: repeat it in the Lab, then choose again.", None
    try:
        asked = by_hand.experiment({**run.spec, "name": run.name}, rows, revealed=revealed)
    except PoisonscopeError as error:
        return f"This version cannot repeat the run: {error}", None
    name = queueing.renamed(run.name, by_hand.part(len(rows)), by_hand.NAMED)
    return "", asked.model_copy(update={"name": name})


def _shipped_without_network(seen: RunView) -> bool:
    """Whether the features, which every filter waits for, could not be computed."""
    if seen.step("train", arm="undefended") is None or seen.step("features") is not None:
        return False
    return not seen.has_network("undefended")


def _offer(seen: RunView, experiment: Experiment) -> None:
    known = queueing.twin(experiment)
    with st.container(horizontal=True, vertical_alignment="center"):
        if known is not None:
            if st.button("Open that run", type="primary", key="same-choice", icon=":material/monitoring:"):
                routes.open_run(known.id)
        elif st.button("Remove and retrain", type="primary", key="remove-and-retrain", icon=":material/mop:"):
            queueing.start(experiment, f"by-hand-{seen.run.id}")
        _send(seen)
    if known is not None:
        say.small(f"This very choice {'was tried already' if known.finished else 'is on its way'}.")
        return
    try:
        cost = told(ahead([experiment]))
    except PoisonscopeError as error:
        say.small(str(error))
        return
    others = " The defenses of this run stand beside it." if len(experiment.defenses) > 1 else ""
    say.small_html(
        f"{cost}, among them one without your rows and one without as many others at random. What is there already is "
        f"used again.{others}"
    )


def _send(seen: RunView) -> None:
    """The same selection on another page."""
    st.page_link(
        routes.page("images"),
        label="Send to Images",
        icon=":material/grid_view:",
        query_params={"run": seen.run.id, "only": "true"},
    )
    if "compare" in routes.PAGES:
        st.page_link(
            routes.page("compare"),
            label="Compare",
            icon=":material/compare_arrows:",
            query_params={"run": seen.run.id},
        )
