"""The curve of attack success against a setting: what is drawn where, with which interval."""

import json
from typing import Any

import pytest

from core.axes import BUDGET, EPIC_SHARE, EPSILON
from core.figures import palette
from core.figures.sweep import APART, success_curve


def rate(mean: float, low: float, high: float, n: int = 20) -> dict[str, Any]:
    return {"mean": mean, "low": low, "high": high, "n": n, "seeds": 1, "interval": "wilson"}


POINTS = [
    (4, {"control": rate(0.0, 0.0, 0.1), "undefended": rate(0.25, 0.1, 0.5)}),
    (16, {"control": rate(0.0, 0.0, 0.1), "undefended": rate(0.75, 0.5, 0.9), "epic": rate(0.1, 0.05, 0.4)}),
]


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_every_arm_is_a_line_in_percent_with_its_interval():
    drawn = traces(success_curve(POINTS, axis=EPSILON))
    assert list(drawn) == ["Clean baseline", "No defense", "EPIC"]
    line = drawn["No defense"]
    assert list(line.y) == [25, 75]
    assert list(line.error_y.array) == pytest.approx([25, 15])
    assert list(line.error_y.arrayminus) == pytest.approx([15, 25])
    assert line.customdata[1] == "75.0 % (50.0 to 90.0), n = 20"
    assert len(drawn["EPIC"].x) == 1


def test_rates_are_read_in_percent():
    axis = success_curve(POINTS, axis=EPSILON).layout.yaxis
    assert list(axis.ticktext) == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_the_control_is_grey_and_dashed_and_the_others_are_not():
    drawn = traces(success_curve(POINTS, axis=EPSILON))
    control, attacked = drawn["Clean baseline"], drawn["No defense"]
    assert (control.line.dash, control.line.color) == ("dash", palette.GREY)
    assert (attacked.line.dash, attacked.line.color) == ("solid", palette.VERMILION)
    assert control.marker.symbol != attacked.marker.symbol


def test_values_that_were_doubled_are_evenly_apart_and_named():
    figure = success_curve(POINTS, axis=EPSILON, pending=[(64, "Waiting (1st)")])
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.tickvals) == [4, 16, 64]
    assert list(figure.layout.xaxis.ticktext) == ["4", "16", "64"]
    low, high = figure.layout.xaxis.range
    assert 10**low < 4 and 10**high > 64


def test_values_close_together_have_an_ordinary_axis():
    close = [(0.01, POINTS[0][1]), (0.015, POINTS[1][1])]
    figure = success_curve(close, axis=BUDGET)
    assert figure.layout.xaxis.type == "linear"
    assert list(figure.layout.xaxis.ticktext) == ["1 %", "1.5 %"]
    low, high = figure.layout.xaxis.range
    assert low < 0.01 and high > 0.015


@pytest.mark.parametrize("points", [POINTS, [(0.01, POINTS[0][1]), (0.015, POINTS[0][1])]])
def test_arms_at_one_value_stand_beside_each_other_in_order(points):
    figure = success_curve(points, axis=BUDGET)
    control, attacked = figure.data[0].x[0], figure.data[1].x[0]
    assert control < attacked
    logarithmic = figure.layout.xaxis.type == "log"
    low, high = figure.layout.xaxis.range
    if not logarithmic:
        assert attacked - control == pytest.approx(APART * (high - low))
        assert (attacked + control) / 2 == pytest.approx(points[0][0])


def test_a_run_without_a_result_is_hollow_and_below_every_rate():
    figure = success_curve(POINTS, axis=EPSILON, pending=[(8, "Waiting (1st)"), (32, "Failed")])
    hollow = traces(figure)["No result yet"]
    assert list(hollow.x) == [8, 32] and all(y < 0 for y in hollow.y)
    assert hollow.marker.symbol.endswith("open")
    assert list(hollow.customdata) == ["Waiting (1st)", "Failed"]
    assert figure.layout.yaxis.range[0] < min(hollow.y)


def test_one_point_is_drawn_with_room_around_it_and_no_rule():
    figure = success_curve(POINTS[:1], axis=EPSILON, own=4)
    low, high = figure.layout.xaxis.range
    assert low < 4 < high and figure.layout.xaxis.type == "linear"
    assert len(figure.layout.shapes) == 0


def test_the_own_value_has_a_rule_among_others():
    (rule,) = success_curve(POINTS, axis=EPSILON, own=16).layout.shapes
    assert rule.x0 == rule.x1 == 16


def test_no_runs_at_all_make_an_empty_figure():
    assert len(success_curve([], axis=EPSILON).data) == 0


def test_nothing_is_black():
    drawn = success_curve(POINTS, axis=EPSILON, own=16, pending=[(8, "Failed")]).to_plotly_json()
    drawn["layout"].pop("template")
    text = json.dumps(drawn, default=str).lower()
    assert "#000" not in text and "black" not in text


ACCURACIES = [
    (0.1, {"control": rate(0.62, 0.6, 0.64), "epic": rate(0.61, 0.59, 0.63)}),
    (0.3, {"control": rate(0.62, 0.6, 0.64), "epic": rate(0.56, 0.54, 0.58)}),
]
SHARES = [(share, POINTS[1][1]) for share in (0.1, 0.3)]


def test_clean_accuracy_stands_below_attack_success_on_the_same_axis():
    figure = success_curve(SHARES, axis=EPIC_SHARE, accuracies=ACCURACIES, own=0.1)
    upper = {trace.name: trace for trace in figure.data if trace.yaxis is None}
    lower = {trace.name: trace for trace in figure.data if trace.yaxis == "y2"}
    assert list(upper) == ["Clean baseline", "No defense", "EPIC"] and list(lower) == ["Clean baseline", "EPIC"]
    assert list(lower["EPIC"].y) == pytest.approx([61, 56])
    assert list(lower["EPIC"].error_y.array) == pytest.approx([2, 2])
    assert list(lower["EPIC"].x) == list(upper["EPIC"].x)  # an arm stands at the same place in both
    assert lower["EPIC"].line.color == upper["EPIC"].line.color
    assert lower["EPIC"].showlegend is False and lower["EPIC"].legendgroup == upper["EPIC"].legendgroup
    layout = figure.layout
    assert layout.xaxis.anchor == "y2" and layout.yaxis.domain[0] > layout.yaxis2.domain[1]
    assert (layout.yaxis.title.text, layout.yaxis2.title.text) == ("Attack success", "Clean accuracy")
    assert list(layout.xaxis.ticktext) == ["0.1", "0.3"]


def test_the_axis_of_accuracy_holds_every_interval_and_shows_a_cost_of_a_few_points():
    low, high = success_curve(SHARES, axis=EPIC_SHARE, accuracies=ACCURACIES).layout.yaxis2.range
    assert low < 54 and high > 64 and high - low < 20


def test_accuracies_that_hardly_differ_do_not_look_as_if_they_did():
    same = [(0.1, {"epic": rate(0.62, 0.619, 0.621)}), (0.3, {"epic": rate(0.621, 0.62, 0.622)})]
    low, high = success_curve(SHARES, axis=EPIC_SHARE, accuracies=same).layout.yaxis2.range
    assert high - low == pytest.approx(10)


def test_without_accuracies_there_is_one_chart():
    layout = success_curve(SHARES, axis=EPIC_SHARE).layout
    assert "yaxis2" not in layout.to_plotly_json() and layout.yaxis.domain is None
