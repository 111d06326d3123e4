"""What the page of the gradient space looks at, and how: the choices that all its parts share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st

from app import cache
from app.components import say
from app.components.gradient_data import Space
from app.components.targeted_charts import Chart
from core.home import home
from core.runs.store import Run
from core.runs.view import RunView

CONFIG = {"displaylogo": False, "toImageButtonOptions": {"scale": 3}}


@dataclass(frozen=True)
class GradientLook:
    """What is looked at, and how.

    Attributes:
        epoch: number of the chosen recorded epoch.
        threshold: distance to the target's gradient up to which a poison is effective.
        arm: the training defense whose drops are shown, or None.
    """

    run: Run
    seen: RunView
    space: Space
    epoch: int
    threshold: float
    arm: str | None
    truth: bool
    big: bool

    @property
    def at(self) -> int:
        """Place of the chosen epoch among the recorded ones."""
        return self.space.epochs.tolist().index(self.epoch)

    @property
    def place(self) -> str:
        """A text that differs between any two things that deserve a memory of their own."""
        return f"{self.run.id}-{self.seen.poison_key}-{self.seen.victim}-gradients"

    @property
    def choices(self) -> tuple[Any, ...]:
        """All that was chosen: with the run's files it decides what is drawn."""
        return self.place, self.epoch, self.threshold, self.arm, self.truth, self.big

    @cached_property
    def names(self) -> list[str]:
        """Of the classes, as far as they are known."""
        return self.seen.class_names or []

    def name(self, label: int) -> str:
        """A class by its name."""
        return self.names[label] if label < len(self.names) else f"class {label}"


def kept(make: Callable[[GradientLook], Chart | None], look: GradientLook) -> Chart | None:
    """A chart; that of a run which has ended is drawn once, for everybody who chooses the same.

    Args:
        make: draws it; nobody may change the figure afterwards.
        look: what is drawn.
    """
    if look.run.live:
        return make(look)
    return _kept(str(home()), make.__qualname__, cache.present(look.run), look.choices, make, look)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept(
    folder: str,
    name: str,
    steps: tuple[str, ...],
    choices: tuple[Any, ...],
    _make: Callable[[GradientLook], Chart | None],
    _look: GradientLook,
) -> Chart | None:
    return _make(_look)


def drawn(title: str, chart: Chart | None, key: str, why: tuple[str, str], file: str = "") -> None:
    """One chart with its heading, its sentence and its numbers, or what stands in its place.

    Args:
        title: above it; empty where a heading stands there already.
        chart: None where there is nothing to draw.
        key: of the chart; another one for another run.
        why: heading and words of the empty place.
        file: name of the file that its numbers are handed out in; empty where they are not.
    """
    if title:
        st.markdown(f"**{title}**")
    if chart is None:
        say.empty(*why)
        return
    st.plotly_chart(chart.figure, key=key, config=CONFIG, alt=chart.alt)
    say.small(chart.reading)
    with st.expander("The same as a table"):
        st.dataframe(chart.table, hide_index=True, height=260, alt=chart.alt, key=f"table-{key}")
        if file:
            handed_out(chart.csv, file, key)


def handed_out(csv: str, file: str, key: str) -> None:
    """A button that downloads numbers."""
    st.download_button(
        "Numbers as CSV", csv, file, "text/csv", on_click="ignore", key=f"csv-{key}", icon=":material/download:"
    )
