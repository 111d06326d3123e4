"""What the page of the gradient space looks at, and how: the choices that all its parts share."""

from dataclasses import dataclass

import streamlit as st

from app.components import say
from app.components.gradient_data import Space
from app.components.targeted_charts import Chart
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

    def name(self, label: int) -> str:
        """A class by its name."""
        names = self.seen.class_names or []
        return names[label] if label < len(names) else f"class {label}"


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
