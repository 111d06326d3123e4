"""Attacks against defenses, as a chart with its words and its numbers."""

from typing import Any

from core.charts.chart import Chart
from core.figures import heat_map
from core.runs.matrix import Matrix

COLOURED = {
    "success": "The warmer a cell, the more comes through.",
    "drop": "The warmer a cell, the more clean accuracy is lost.",
    "cost": "The warmer a cell, the more passes the training takes.",
}


def chart(found: Matrix, *, shade: str = "success", big: bool = False) -> Chart | None:
    """What every defense makes of every attack; None where nothing was measured.

    Args:
        found: the cells.
        shade: what colours them, a key of `heat_map.SHADES`.
        big: presentation size.
    """
    if not found.cells:
        return None
    knows = any(cell.expects for cell in found.cells.values())
    return Chart(
        heat_map.grid(found.rows, found.columns, found.cells, shade=shade, big=big),
        f"{COLOURED[shade]} A cell says attack success and the trials or images behind it, then clean accuracy gained "
        "or lost and passes, both against no defense. Cells of one row met the same poisons; rows have targets or "
        "triggers of their own."
        + (" An attacker that knows the defense expects the one of its column." if knows else ""),
        _said(found),
        _table(found),
    )


def _said(found: Matrix) -> str:
    told = []
    for row, name in enumerate(found.rows):
        cells = [(100 * cell.success["mean"], found.columns[at[1]]) for at, cell in found.cells.items() if at[0] == row]
        rate, column = min(cells)
        told.append(f"{name}: lowest success {rate:.1f} % with {column}")
    return f"Attack success of {len(found.rows)} attacks against {len(found.columns)} defenses. {'; '.join(told)}."


def _table(found: Matrix) -> dict[str, list[Any]]:
    """A row a cell, in percent and points."""
    rows = []
    for (row, column), cell in sorted(found.cells.items(), key=lambda item: item[0]):
        mean, low, high = (round(100 * cell.success[side], 2) for side in ("mean", "low", "high"))
        lost = [None if share is None else round(100 * share, 2) for share in (cell.drop, cell.low, cell.high)]
        rows.append(
            {
                "Attack": found.rows[row],
                "Defense": found.columns[column],
                "Attack success, %": mean,
                "Attack success, low": low,
                "Attack success, high": high,
                "Attack success, n": cell.success["n"],
                "Points lost": lost[0],
                "Points lost, low": lost[1],
                "Points lost, high": lost[2],
                "Passes, of no defense": None if cell.cost is None else round(cell.cost, 2),
                "The attacker expects": cell.expects,
                "Run": cell.run,
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}
