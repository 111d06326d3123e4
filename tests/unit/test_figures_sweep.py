"""The curve of attack success against a setting: what is drawn where, with which interval."""

import json
from typing import Any

import pytest

from core.figures import palette
from core.figures.sweep import APART, success_curve, words


def rate(mean: float, low: float, high: float, n: int = 20) -> dict[str, Any]:
    return {"mean": mean, "low": low, "high": high, "n": n, "seeds": 1, "interval": "wilson"}


POINTS = [
    (4, {"control": rate(0.0, 0.0, 0.1), "undefended": rate(0.25, 0.1, 0.5)}),
    (16, {"control": rate(0.0, 0.0, 0.1), "undefended": rate(0.75, 0.5, 0.9), "epic": rate(0.1, 0.05, 0.4)}),
]


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_every_arm_is_a_line_in_percent_with_its_interval():
    drawn = traces(success_curve(POINTS, axis="epsilon"))
    assert list(drawn) == ["Clean baseline", "No defense", "EPIC"]
    line = drawn["No defense"]
    assert list(line.y) == [25, 75]
    assert list(line.error_y.array) == pytest.approx([25, 15])
    assert list(line.error_y.arrayminus) == pytest.approx([15, 25])
    assert line.customdata[1] == "75.0 % (50.0 to 90.0), n = 20"
    assert len(drawn["EPIC"].x) == 1


def test_rates_are_read_in_percent():
    axis = success_curve(POINTS, axis="epsilon").layout.yaxis
    assert list(axis.ticktext) == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_the_control_is_grey_and_dashed_and_the_others_are_not():
    drawn = traces(success_curve(POINTS, axis="epsilon"))
    control, attacked = drawn["Clean baseline"], drawn["No defense"]
    assert (control.line.dash, control.line.color) == ("dash", palette.GREY)
    assert (attacked.line.dash, attacked.line.color) == ("solid", palette.VERMILION)
    assert control.marker.symbol != attacked.marker.symbol


def test_values_that_were_doubled_are_evenly_apart_and_named():
    figure = success_curve(POINTS, axis="epsilon", pending=[(64, "Waiting (1st)")])
    assert figure.layout.xaxis.type == "log"
    assert list(figure.layout.xaxis.tickvals) == [4, 16, 64]
    assert list(figure.layout.xaxis.ticktext) == ["4", "16", "64"]
    low, high = figure.layout.xaxis.range
    assert 10**low < 4 and 10**high > 64


def test_values_close_together_have_an_ordinary_axis():
    close = [(0.01, POINTS[0][1]), (0.015, POINTS[1][1])]
    figure = success_curve(close, axis="poison_fraction")
    assert figure.layout.xaxis.type == "linear"
    assert list(figure.layout.xaxis.ticktext) == ["1 %", "1.5 %"]
    low, high = figure.layout.xaxis.range
    assert low < 0.01 and high > 0.015


@pytest.mark.parametrize("points", [POINTS, [(0.01, POINTS[0][1]), (0.015, POINTS[0][1])]])
def test_arms_at_one_value_stand_beside_each_other_in_order(points):
    figure = success_curve(points, axis="poison_fraction")
    control, attacked = figure.data[0].x[0], figure.data[1].x[0]
    assert control < attacked
    logarithmic = figure.layout.xaxis.type == "log"
    low, high = figure.layout.xaxis.range
    if not logarithmic:
        assert attacked - control == pytest.approx(APART * (high - low))
        assert (attacked + control) / 2 == pytest.approx(points[0][0])


def test_a_run_without_a_result_is_hollow_and_below_every_rate():
    figure = success_curve(POINTS, axis="epsilon", pending=[(8, "Waiting (1st)"), (32, "Failed")])
    hollow = traces(figure)["No result yet"]
    assert list(hollow.x) == [8, 32] and all(y < 0 for y in hollow.y)
    assert hollow.marker.symbol.endswith("open")
    assert list(hollow.customdata) == ["Waiting (1st)", "Failed"]
    assert figure.layout.yaxis.range[0] < min(hollow.y)


def test_one_point_is_drawn_with_room_around_it_and_no_rule():
    figure = success_curve(POINTS[:1], axis="epsilon", own=4)
    low, high = figure.layout.xaxis.range
    assert low < 4 < high and figure.layout.xaxis.type == "linear"
    assert len(figure.layout.shapes) == 0


def test_the_own_value_has_a_rule_among_others():
    (rule,) = success_curve(POINTS, axis="epsilon", own=16).layout.shapes
    assert rule.x0 == rule.x1 == 16


def test_no_runs_at_all_make_an_empty_figure():
    assert len(success_curve([], axis="epsilon").data) == 0


def test_nothing_is_black():
    drawn = success_curve(POINTS, axis="epsilon", own=16, pending=[(8, "Failed")]).to_plotly_json()
    drawn["layout"].pop("template")
    text = json.dumps(drawn, default=str).lower()
    assert "#000" not in text and "black" not in text


def test_values_in_words():
    assert [words("epsilon", 8), words("poison_fraction", 0.015)] == ["8/255", "1.5 %"]
