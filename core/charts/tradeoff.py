"""Attack success against clean accuracy over runs, as a chart with its words and its numbers."""

from typing import Any

from core.charts.chart import Chart
from core.figures import tradeoff
from core.findings import subject
from core.published import Table
from core.runs.comparison import Comparison, Point, front
from core.verdict import percent


def chart(told: Comparison, *, twins: bool = False, claimed: Table | None = None, big: bool = False) -> Chart | None:
    """Every defense and strength that met the same poisons; None where nothing was measured.

    Args:
        told: the arms.
        twins: whether what does something cheaper in a defense's place is shown too.
        claimed: published values to put beside them.
        big: presentation size.
    """
    points = [point for point in told.points if twins or point.role != "twin"]
    if not points:
        return None
    best = front(point for point in points if point.role in ("undefended", "defense"))
    return Chart(
        tradeoff.scatter(told.points, twins=twins, claimed=claimed, big=big),
        _reading(claimed),
        f"Attack success against clean accuracy. Nothing is better at both than {_listed(best)}.",
        _table(points, best, told, claimed),
    )


def _reading(claimed: Table | None) -> str:
    said = (
        "Good is low and far to the right: little comes through, and clean images are still read. Bars are 95 % "
        "intervals in both directions; marks whose bars overlap may be in either order. The area of a mark is its cost "
        "in passes, a filter’s with the training that it reads from. The dashed step joins what nothing else beats at "
        "both."
    )
    if claimed is None:
        return said
    return (
        f"{said} Hollow marks are published values, not measured here and on other data ({claimed.setting}); source: "
        f"{claimed.source}."
    )


def _listed(best: list[Point]) -> str:
    return "; ".join(
        f"{subject(point)} ({percent(point.success['mean'])} at {percent(point.accuracy['mean'])})" for point in best
    )


def _table(points: list[Point], best: list[Point], told: Comparison, claimed: Table | None) -> dict[str, list[Any]]:
    plain, rows = told.undefended, []
    for point in points:
        lost = None if plain is None else round(100 * (plain.accuracy["mean"] - point.accuracy["mean"]), 2)
        rows.append(
            {
                "Defense": point.label,
                **_rate("Attack success", point.success),
                **_rate("Clean accuracy", point.accuracy),
                "Points lost": lost if point.role in ("defense", "twin") else None,
                "Passes, of no defense": None if point.cost is None else round(point.cost, 2),
                "Seconds": None if point.seconds is None else round(point.seconds, 1),
                "On the front": "yes" if point in best else "",
                "Differential privacy": point.privacy,
                "Source": point.run,
            }
        )
    for claim in claimed.claims if claimed else ():
        rows.append(
            {
                "Defense": f"{claim.label} (published)",
                "Attack success, %": 100 * claim.success,
                "Clean accuracy, %": 100 * claim.accuracy,
                "Source": f"{claimed.source}: {claimed.setting}" if claimed else "",
            }
        )
    return {name: [row.get(name) for row in rows] for name in rows[0]}


def _rate(words: str, rate: dict[str, Any]) -> dict[str, Any]:
    mean, low, high = (round(100 * rate[side], 2) for side in ("mean", "low", "high"))
    return {f"{words}, %": mean, f"{words}, low": low, f"{words}, high": high, f"{words}, n": rate["n"]}
