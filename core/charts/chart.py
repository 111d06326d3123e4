"""A figure with everything that has to stand beside it: how to read it, what it says in words, its numbers."""

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
