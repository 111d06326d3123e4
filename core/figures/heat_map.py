"""Attacks against defenses as a grid whose cells say what was measured."""

import html
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from core.figures import palette
from core.runs.matrix import Cell

GOOD_TO_BAD = [[0.0, "#cfe5f5"], [0.35, "#f7efcf"], [0.65, "#f6c177"], [1.0, "#e2803f"]]
"""From pale blue to orange, for those too who do not see red or green; dark words are readable on all of it."""
INK = "#1b1b1b"
WORST_DROP, WORST_COST = 0.10, 16.0
"""Loss of clean accuracy and cost at which the colour ends, unless a cell is worse."""
WIDE = 105
"""Letters that fit beside each other above all columns together."""
WRAPPED = (10, 17, 34)
"""Letters in a line of a column's heading, fewest and most, and of a row's."""

SHADES: dict[str, str] = {"success": "Attack success", "drop": "Accuracy lost", "cost": "Cost in passes"}
"""What may colour the cells."""


def grid(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[int, int], Cell],
    *,
    shade: str = "success",
    big: bool = False,
) -> go.Figure:
    """Every attack (row) against every defense (column).

    Args:
        rows, columns: what they are called.
        cells: by (row, column); the others say that they were not run.
        shade: a key of SHADES, what colours the cells. Every cell says all three.
        big: presentation size.
    """
    value = _values(shade, cells.values())
    places = [(row, column) for row in range(len(rows)) for column in range(len(columns))]
    size = palette.BIG_FONT_SIZE if big else palette.FONT_SIZE
    figure = go.Figure(
        go.Heatmap(
            z=_table(rows, columns, cells, value, math.nan),
            text=_table(rows, columns, cells, words, ""),
            hovertext=_table(rows, columns, cells, _said, ""),
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            texttemplate="%{text}",
            textfont={"size": size, "color": INK},
            hovertemplate="%{hovertext}<extra></extra>",
            hoverongaps=False,
            colorscale=GOOD_TO_BAD,
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=4,
            ygap=4,
        )
    )
    palette.styled(figure, height=90 + 96 * len(rows), big=big, legend=False)
    for row, column in places:
        if (row, column) not in cells:
            figure.add_annotation(x=column, y=row, text="not run", showarrow=False, font={"size": size - 1})
    fewest, most, beside = WRAPPED
    across = max(fewest, min(most, WIDE // max(1, len(columns))))
    bare = {"showgrid": False, "zeroline": False}
    figure.update_xaxes(
        side="top", tickvals=list(range(len(columns))), ticktext=_wrapped(columns, across), tickangle=0, **bare
    )
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=_wrapped(rows, beside), **bare)
    figure.update_xaxes(range=[-0.5, len(columns) - 0.5])
    figure.update_yaxes(range=[len(rows) - 0.5, -0.5])
    figure.update_layout(uirevision="heat-map")
    return figure


def _table(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[int, int], Cell],
    make: Callable[[Cell], Any],
    empty: float | str,
) -> list[list[Any]]:
    return [
        [make(cells[row, column]) if (row, column) in cells else empty for column in range(len(columns))]
        for row in range(len(rows))
    ]


def _values(shade: str, cells: Iterable[Cell]) -> Callable[[Cell], float]:
    """Where a cell lies between good (0) and bad (1); in the middle where that cannot be told."""
    told = list(cells)
    if shade == "drop":
        worst = max([WORST_DROP, *(cell.drop for cell in told if cell.drop is not None)])
        return lambda cell: max(0.0, cell.drop or 0.0) / worst
    if shade == "cost":
        most = max([WORST_COST, *(cell.cost for cell in told if cell.cost is not None)])
        return lambda cell: 0.5 if not cell.cost else max(0.0, math.log(cell.cost) / math.log(most))
    return lambda cell: float(cell.success["mean"])


def words(cell: Cell) -> str:
    """What a cell says: attack success with n, what it costs in clean accuracy, and in passes."""
    hits, n = round(cell.success["mean"] * cell.success["n"]), cell.success["n"]
    lines = [f"<b>{100 * cell.success['mean']:.1f} %</b>", f"{hits:,} of {n:,}"]
    costs = [] if cell.drop is None else [points(cell.drop)]
    costs += [] if cell.cost is None else [f"{cell.cost:.1f} ×"]
    return "<br>".join([*lines, *costs])


def points(drop: float) -> str:
    """A change of clean accuracy in points, with its sign."""
    return f"{-100 * drop:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0") + " pts"


def _said(cell: Cell) -> str:
    rate = cell.success
    said = [
        f"Attack success {100 * rate['mean']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f}), "
        f"n = {rate['n']:,}"
    ]
    if cell.drop is not None and cell.low is not None and cell.high is not None:
        said.append(f"Clean accuracy lost {100 * cell.drop:.1f} points ({100 * cell.low:.1f} to {100 * cell.high:.1f})")
    if cell.cost is not None:
        said.append(f"{cell.cost:.1f} × the passes of no defense")
    if cell.expects:
        said.append(f"The attacker expects {html.escape(cell.expects)}")
    return "<br>".join(said)


def _wrapped(names: Sequence[str], width: int) -> list[str]:
    """Names over several lines: the method, then what tells it from others."""
    return [
        "<br>".join(
            html.escape(line)
            for part in name.split(" · ")
            for line in textwrap.wrap(part, width, break_long_words=False) or [""]
        )
        for name in names
    ]
