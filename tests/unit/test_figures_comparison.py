"""The trade-off, the grid of attacks and defenses, and small multiples: what is drawn where."""

import math
from typing import Any

import numpy as np
import pytest

from core import published
from core.figures import heat_map, multiples, palette, tradeoff
from core.figures.epochs import Line, Panel
from core.runs.comparison import Point
from core.runs.matrix import Cell
from tests.comparing import rate


def point(name: str, success: float, accuracy: float, *, role: Any = "defense", **more: Any) -> Point:
    told = {"strength": "", "cost": 1.0, "seconds": 90.0, "arm": name.lower(), **more}
    defense = {"name": name.lower()} if role in ("defense", "twin") else None
    rates = rate(success), rate(accuracy, 0.01)
    return Point("r-1", told["arm"], role, defense, name, told["strength"], *rates, told["cost"], told["seconds"])


POINTS = [
    point("Clean baseline", 0.0, 0.96, role="control", cost=None),
    point("No defense", 0.8, 0.95, role="undefended"),
    point("EPIC", 0.3, 0.93, strength="q 0.2", cost=4.0),
    point("EPIC", 0.1, 0.90, strength="q 0.3"),
    point("Mixup", 0.4, 0.92),
    point("At random, as many as EPIC", 0.7, 0.94, role="twin", arm="epic_random"),
]


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_a_method_is_one_trace_with_intervals_in_both_directions() -> None:
    drawn = traces(tradeoff.scatter(POINTS))
    epic = drawn["EPIC"]
    assert (list(epic.x), list(epic.y)) == ([93, 90], [30, 10])
    assert list(epic.error_y.array) == pytest.approx([5, 5]) and list(epic.error_x.arrayminus) == pytest.approx([1, 1])
    assert list(epic.text) == ["q 0.2", "q 0.3"]
    assert "4.0 × the passes of no defense, 90 s" not in epic.hovertext[1]
    assert "4.0 × the passes of no defense" in epic.hovertext[0] and "n = 20" in epic.hovertext[0]


def test_the_area_of_a_mark_is_its_cost() -> None:
    sizes = traces(tradeoff.scatter(POINTS))["EPIC"].marker.size
    assert sizes[0] == pytest.approx(2 * sizes[1])  # four times the passes, four times the area
    assert tradeoff.size(None) == tradeoff.size(1.0) and tradeoff.size(1000.0) == tradeoff.LARGEST


def test_the_front_steps_up_before_it_goes_right() -> None:
    line = traces(tradeoff.scatter(POINTS))[tradeoff.FRONT]
    assert (list(line.x), list(line.y)) == ([90, 93, 95], [10, 30, 80])  # Mixup is beaten by EPIC, twins do not count
    assert line.line.shape == "vh" and line.line.dash == "dash"


def test_the_control_and_no_defense_keep_their_looks_and_every_method_has_one_of_its_own() -> None:
    drawn = traces(tradeoff.scatter(POINTS))
    looks = {name: (drawn[name].marker.color, drawn[name].marker.symbol) for name in drawn if name != tradeoff.FRONT}
    assert looks["Clean baseline"][0] == palette.GREY and looks["No defense"][0] == palette.VERMILION
    for which in (0, 1):
        assert len({look[which] for look in looks.values()}) == len(looks)


def test_controls_are_drawn_hollow_on_request() -> None:
    twin = "At random, as many as EPIC"
    assert twin not in traces(tradeoff.scatter(POINTS))
    drawn = traces(tradeoff.scatter(POINTS, twins=True))[twin]
    assert drawn.marker.symbol == "circle-open" and drawn.mode == "markers"


def test_one_point_has_no_front() -> None:
    assert tradeoff.FRONT not in traces(tradeoff.scatter([POINTS[1]]))


def test_published_values_are_hollow_in_the_looks_of_their_method_and_say_where_they_come_from() -> None:
    table = published.tables()[0]
    figure = tradeoff.scatter(POINTS, claimed=table)
    drawn = traces(figure)
    epic, plain = drawn["EPIC (published)"], drawn["No defense (published)"]
    assert list(epic.x) == pytest.approx([90.92, 88.95, 87.03]) and list(epic.text) == ["q 0.1", "q 0.2", "q 0.3"]
    assert epic.marker.symbol == f"{drawn['EPIC'].marker.symbol}-open"
    assert (epic.marker.color, plain.marker.color) == (drawn["EPIC"].marker.color, palette.VERMILION)
    claims = [trace for name, trace in drawn.items() if name.endswith("(published)")]
    assert sum(len(trace.x) for trace in claims) == len(table.claims)
    assert all("CIFAR-10, ResNet-18" in text and "arXiv" in text for trace in claims for text in trace.hovertext)
    low, high = figure.layout.xaxis.range
    assert low < 70.34 and high > 97


def test_published_methods_take_no_looks_from_measured_ones() -> None:
    bare, full = (traces(tradeoff.scatter(POINTS, claimed=table)) for table in (None, published.tables()[0]))
    assert all(full[name].marker.color == bare[name].marker.color for name in bare if name != tradeoff.FRONT)


def test_names_are_escaped() -> None:
    figure = tradeoff.scatter([point("<b>x</b>", 0.1, 0.9)])
    assert figure.data[0].name == "&lt;b&gt;x&lt;/b&gt;" and "&lt;b&gt;x" in figure.data[0].hovertext[0]


# ---- the grid

CELLS = {
    (0, 0): Cell("r-1", rate(0.8), None, None, None, 1.0, ""),
    (0, 1): Cell("r-1", rate(0.05), 0.021, 0.01, 0.03, 4.0, ""),
    (1, 1): Cell("r-2", rate(0.3), -0.005, -0.01, 0.02, None, "EPIC"),
}
ROWS, COLUMNS = ["A", "B"], ["No defense", "EPIC · q 0.2"]


def grid(**how: Any) -> Any:
    return heat_map.grid(ROWS, COLUMNS, CELLS, **how)


def test_a_cell_says_success_with_its_number_what_it_costs_and_the_passes() -> None:
    text = grid().data[0].text
    assert text[0][0] == "<b>80.0 %</b><br>16 of 20<br>1.0 ×"
    assert text[0][1] == "<b>5.0 %</b><br>1 of 20<br>−2.1 pts<br>4.0 ×"
    assert text[1][1] == "<b>30.0 %</b><br>6 of 20<br>+0.5 pts"
    assert "The attacker expects EPIC" in grid().data[0].hovertext[1][1]


def test_what_was_not_run_says_so() -> None:
    (note,) = grid().layout.annotations
    assert (note.text, note.x, note.y) == ("not run", 0, 1)
    assert math.isnan(grid().data[0].z[1][0]) and grid().data[0].text[1][0] == ""


def test_the_colour_follows_what_was_chosen() -> None:
    assert [grid().data[0].z[0][0], grid().data[0].z[1][1]] == [0.8, 0.3]
    drop = grid(shade="drop").data[0].z
    assert (drop[0][0], drop[0][1], drop[1][1]) == (0.0, pytest.approx(0.21), 0.0)
    cost = grid(shade="cost").data[0].z
    assert (cost[0][0], cost[0][1], cost[1][1]) == (0.0, pytest.approx(0.5), 0.5)  # 4 is half way to 16 in doublings


def test_headings_are_wrapped_and_the_first_row_is_at_the_top() -> None:
    figure = grid()
    assert list(figure.layout.xaxis.ticktext) == ["No defense", "EPIC<br>q 0.2"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]


@pytest.mark.parametrize(
    ("drop", "said"), [(0.021, "−2.1 pts"), (-0.004, "+0.4 pts"), (0.0001, "0.0 pts"), (-0.0001, "0.0 pts")]
)
def test_points_have_a_sign_where_they_are_not_nothing(drop: float, said: str) -> None:
    assert heat_map.points(drop) == said


# ---- small multiples


def line(name: str) -> Line:
    return Line(name, np.array([0, 1]), np.array([0.1, 0.2]), palette.BLUE)


def test_panels_stand_three_across_and_share_their_axes() -> None:
    shown = [Panel(name, [line("Baseline"), line(name)]) for name in "ABCD"]
    figure = multiples.panels(shown, 5, y_title="Attack success", span=[0.0, 100.0])
    assert [note.text for note in figure.layout.annotations] == list("ABCD")
    assert {trace.xaxis for trace in figure.data} == {"x", "x2", "x3", "x4"}
    assert figure.layout.yaxis.range == figure.layout.yaxis4.range == (0, 100)
    assert figure.layout.yaxis.title.text == "Attack success" and figure.layout.yaxis2.title.text is None


def test_only_what_is_in_several_panels_stands_in_the_legend_and_once() -> None:
    shown = [Panel(name, [line("Baseline"), line(name)]) for name in "AB"]
    figure = multiples.panels(shown, 5, y_title="", span=[0.0, 100.0])
    assert [trace.name for trace in figure.data if trace.showlegend] == ["Baseline"]


# ---- published values


def test_published_tables_are_complete_and_say_their_source() -> None:
    names = [table.name for table in published.tables()]
    assert len(set(names)) == len(names) == 7
    for table in published.tables():
        assert "arXiv:" in table.source and table.setting.startswith("CIFAR-10, ResNet-18;")
        assert table.claims[0].defense == "No defense"
        assert all(0 <= claim.success <= 1 and 0.5 < claim.accuracy < 1 for claim in table.claims)
        assert len({claim.label for claim in table.claims}) == len(table.claims)


def test_a_value_that_is_printed_twice_is_noted() -> None:
    doubted = [claim for table in published.tables() for claim in table.claims if claim.accuracy == 0.8797]
    assert len(doubted) == 2 and all(claim.note for claim in doubted)
