"""How widgets of lessons put figures and pictures on the page."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.components import say
from app.components.images import Tile, wall
from app.lessons.shipped import Screen
from core.charts.chart import Chart

CONFIG = {"displaylogo": False, "displayModeBar": False}


def figure(screen: Screen, drawn: go.Figure, alt: str, table: dict[str, list[Any]] | None = None) -> None:
    """A figure, and the same as a table where there is more in it than its sentence says."""
    st.plotly_chart(drawn, key=f"{screen.key}-chart", config=CONFIG, alt=alt)
    if table:
        with st.expander("The same as a table"):
            st.dataframe(table, hide_index=True, height="auto", alt=alt, key=f"{screen.key}-table")


def chart(screen: Screen, made: Chart | None, missing: str) -> None:
    """A chart of another page, with its sentence and its table."""
    if made is None:
        say.empty("Nothing to show", missing)
        return
    figure(screen, made.figure, made.alt, made.table)
    say.small(made.reading)


def pictures(screen: Screen, tiles: list[Tile], size: int) -> None:
    """Pictures side by side."""
    st.html(wall(tiles, round(1.3 * size) if screen.big else size))


def slider(screen: Screen, label: str, values: list[Any], start: Any, words: Any = str, name: str = "slider") -> Any:
    """A slider over a few values, which belongs to its step."""
    return st.select_slider(label, values, start, format_func=words, key=f"{screen.key}-{name}")
