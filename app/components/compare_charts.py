"""The sections of the page Compare that draw what defenses let through and what they cost."""

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.components import frame, say
from app.components.compare_choice import Choice
from app.components.gradient_look import drawn
from core import published
from core.charts import matrix as matrix_chart
from core.charts import tradeoff as tradeoff_chart
from core.figures.heat_map import SHADES
from core.findings import finding
from core.runs.comparison import Comparison, Point
from core.runs.equal_success import equal_success, reference
from core.runs.matrix import matrix
from core.runs.record import Run

WIDE = 10
"""Columns that fit on a laptop's screen; more of them are scrolled."""
NAMED = 4
"""Runs that are named for each reason why they are left out."""


def tradeoff(told: Comparison) -> None:
    """Every defense and strength: what comes through, what it costs."""
    say.section("What comes through, what it costs")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        twins = _twins(told)
        claimed = _claimed()
    chart = tradeoff_chart.chart(told, twins=twins, claimed=claimed, big=frame.big())
    drawn("", chart, "tradeoff", ("Nothing measured", "No arm of these runs has a rate."), "trade-off.csv")
    if told.unplaced:
        say.small(f"Not in the chart, because attack success was not measured: {', '.join(told.unplaced)}.")
    left_out(told.left, "the trade-off, whose runs share everything but their defenses")
    _equal(told)


def _twins(told: Comparison) -> bool:
    if not any(point.role == "twin" for point in told.points):
        return False
    return st.toggle(
        "Controls",
        key="twins",
        bind="query-params",
        help="What does something cheaper in a defense’s place: dropping as many rows at random, for example.",
    )


def _claimed() -> published.Table | None:
    """The published table to draw, if one is wanted."""
    wanted = st.toggle(
        "Published values",
        key="published",
        bind="query-params",
        help="Hollow marks: what papers report on CIFAR-10 with ResNet-18. Not measured here, and not on these images.",
    )
    if not wanted:
        return None
    tables = {table.title: table for table in published.tables()}
    if st.session_state.get("claims") not in tables:
        st.session_state.pop("claims", None)
    chosen = st.selectbox("Published table", list(tables), key="claims", bind="query-params", width=430)
    return tables[chosen]


def _equal(told: Comparison) -> None:
    """What the others cost at the attack success of one of them."""
    say.section("The price of equal success")
    held = _held(told)
    if held is None:
        say.empty("No defense yet", "Where two defenses met the same poisons, their prices are compared here.")
        return
    matches = equal_success(told.points, held)
    if not matches:
        say.small("No other method has met these poisons.")
    said = "".join(f"<li>{html.escape(finding(match, _result(told)))}</li>" for match in matches)
    st.html(f'<ul class="ps-findings">{said}</ul>')
    say.small(
        "Each method stands at the strength whose attack success is nearest. Success counts as equal where the 95 % "
        "interval of the difference holds zero; with few trials it is wide."
    )


def _held(told: Comparison) -> Point | None:
    """The defense that the others are held against, chosen where there are several."""
    points = {point.label: point for point in told.defended}
    usual = reference(told.points)
    if usual is None or len(points) < 2:
        return usual
    if st.session_state.get("held") not in points:
        st.session_state.pop("held", None)
    chosen = st.selectbox(
        "Held against", list(points), list(points).index(usual.label), key="held", bind="query-params", width=430
    )
    return points[chosen]


def _result(told: Comparison) -> dict[str, Any]:
    return told.standing[0].result or {}


def heat_map(choice: Choice) -> None:
    """Attacks against defenses on the baseline's images and network."""
    say.section("Attacks against defenses")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        labels = {words: shade for shade, words in SHADES.items()}
        first = next(iter(labels))
        shade = st.segmented_control(
            "Colour", list(labels), default=first, key="shade", bind="query-params", required=True
        )
    found = matrix(choice.base, choice.candidates, truth=frame.truth(), bare=bool(choice.chosen))
    none = ("Nothing measured", "The cells fill as runs on these images and this network finish.")
    chart = matrix_chart.chart(found, shade=labels[shade or first], big=frame.big())
    with st.container(key="wide-grid" if len(found.columns) > WIDE else "grid"):
        drawn("", chart, "heat-map", none, "attacks-against-defenses.csv")
    left_out(found.left, "the grid, whose runs share images, network and training")


def left_out(left: Sequence[tuple[Run, str]], what: str) -> None:
    """How many runs are not in a chart, and why."""
    if not left:
        return
    reasons: dict[str, list[Run]] = {}
    for run, why in left:
        reasons.setdefault(why, []).append(run)
    many = "1 run is" if len(left) == 1 else f"{len(left)} runs are"
    with st.expander(f"{many} left out"):
        rows = "".join(f"<li>{html.escape(why)}: {_names(runs)}</li>" for why, runs in reasons.items())
        st.html(f'<p class="ps-small">Not in {html.escape(what)}:</p><ul class="ps-findings ps-small">{rows}</ul>')


def _names(runs: Sequence[Run]) -> str:
    named = ", ".join(f'<span title="{html.escape(run.id)}">{html.escape(run.name)}</span>' for run in runs[:NAMED])
    return named + (f" and {len(runs) - NAMED} more" if len(runs) > NAMED else "")
