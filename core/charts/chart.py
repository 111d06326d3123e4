"""A figure with everything that has to stand beside it: how to read it, what it says in words, its numbers."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True)
class Chart:
    """A figure, how to read it, what it says in one sentence for those who do not see it, and the same as a table."""

    figure: go.Figure
    reading: str
    alt: str
    table: dict[str, list[Any]]

    @property
    def csv(self) -> str:
        """The table for a spreadsheet."""
        return as_csv(self.table)


def as_csv(table: dict[str, list[Any]]) -> str:
    """Columns as comma-separated values, their names first."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(table)
    lines.writerows(zip(*table.values(), strict=True))
    return written.getvalue()
