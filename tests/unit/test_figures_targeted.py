"""Figures of targeted attacks: right numbers, marks beside colours, gaps where nothing was measured."""

import json

import numpy as np
import pytest

from core.figures import curves, probabilities, targeted

NAN = np.nan


def by_name(figure):
    return {trace.name: trace for trace in figure.data}


def test_the_kept_restart_has_the_lowest_loss_at_its_end():
    trace = np.full((3, 40), 0.5, np.float32)
    trace[0, 20] = 0.0  # one lucky step in the middle
    trace[2, -10:] = 0.3
    assert targeted.kept_restart(trace) == 2
    trace[1, -10::2], trace[1, -9::2] = 0.1, NAN  # measured at every other step only
    trace[1, 20:30] = 0.1
    assert targeted.kept_restart(trace) == 1
    assert targeted.kept_restart(np.full((2, 5), NAN, np.float32)) is None


def test_crafting_draws_a_line_a_restart_and_marks_the_kept_one():
    trace = np.array([[0.9, 0.8, 0.7], [0.9, NAN, 0.5]], np.float32)
    figure = targeted.crafting_loss(trace)
    lines = by_name(figure)
    assert list(lines["Other restarts"].x) == [1, 2, 3]
    kept = lines["Kept restart"]
    assert list(kept.x) == [1, 3] and list(kept.y) == pytest.approx([0.9, 0.5])
    other = lines["Other restarts"].line
    assert kept.line.width > other.width and kept.line.dash != other.dash
    assert figure.data[-1].marker.symbol == "diamond" and list(figure.data[-1].x) == [3]


def test_one_restart_needs_no_legend_and_no_loss_draws_no_mark():
    assert not targeted.crafting_loss(np.array([[0.9, 0.8]], np.float32)).layout.showlegend
    assert [len(trace.x) for trace in targeted.crafting_loss(np.full((1, 3), NAN, np.float32)).data] == [0]


def test_alignment_of_several_models_has_a_mean_and_a_band():
    figure = targeted.alignment(np.array([[NAN, 0.1, 0.5], [NAN, 0.3, NAN]]))
    lines = by_name(figure)
    assert list(lines["Victim 1"].x) == [1, 2] and list(lines["Victim 2"].x) == [1]
    assert list(lines["Mean"].x) == [1, 2] and list(lines["Mean"].y) == pytest.approx([0.2, 0.5])
    band = figure.data[0]
    assert list(band.x) == [1, 2, 2, 1] and list(band.y) == pytest.approx([0.3, 0.5, 0.5, 0.1])


def test_alignment_of_one_model_is_one_line_and_of_none_is_empty():
    assert [trace.name for trace in targeted.alignment(np.array([[0.0, 0.2]])).data] == ["Victim 1"]
    assert [len(trace.x) for trace in targeted.alignment(np.full((1, 3), NAN)).data] == [0]
    assert len(targeted.alignment(np.zeros((0, 3))).data) == 0


@pytest.fixture
def learned():
    """Two models, three epochs, four classes: class 0 is true, class 2 wanted."""
    curve = np.zeros((2, 3, 4))
    curve[:, :, 0] = [[0.2, 0.6, 0.1], [0.4, 0.6, 0.3]]
    curve[:, :, 2] = [[0.2, 0.2, 0.8], [0.2, 0.4, 0.6]]
    curve[:, :, 3] = [[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]]
    return curve


def test_small_multiples_highlight_the_true_and_the_wanted_class(learned):
    figure = probabilities.target_probabilities(
        [learned, learned[:1]], [2, 2], [0, 0], ["a <b>", "b"], control=[0.05, None]
    )
    wanted = [trace for trace in figure.data if trace.name == "Wanted class"]
    true = [trace for trace in figure.data if trace.name == "True class"]
    assert [list(trace.y) for trace in wanted] == [pytest.approx([20, 30, 70]), pytest.approx([20, 20, 80])]
    assert list(true[0].y) == pytest.approx([30, 60, 20])
    assert (wanted[0].line.dash, wanted[0].marker.symbol) != (true[0].line.dash, true[0].marker.symbol)
    assert [trace.showlegend for trace in wanted] == [True, False]
    assert list(by_name(figure)["Wanted class, in the clean baseline at the end"].y) == [5, 5]
    assert [note.text for note in figure.layout.annotations] == ["a &lt;b&gt;", "b"]


def test_bands_are_there_for_several_models_only(learned):
    figure = probabilities.target_probabilities([learned, learned[:1]], [2, 2], [0, 0], ["a", "b"])
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert [(band.xaxis, list(band.y)) for band in bands] == [
        ("x", pytest.approx([40, 60, 30, 10, 60, 20])),
        ("x", pytest.approx([20, 40, 80, 60, 20, 20])),
    ]


def test_other_classes_are_one_grey_trace_with_gaps_and_the_highest_only(learned):
    many = np.concatenate([learned, np.linspace(0.01, 0.02, 20) * np.ones((2, 3, 1))], axis=2)
    (greys,) = (
        t for t in probabilities.target_probabilities([many], [2], [0], ["a"]).data if t.name == "Other classes"
    )
    assert len(greys.x) == probabilities.OTHERS * 4 and np.isnan(greys.x[3])
    assert list(greys.y[:3]) == pytest.approx([10, 10, 10])


def test_every_plot_has_a_place_of_its_own(learned):
    figure = probabilities.target_probabilities([learned] * 7, [2] * 7, [0] * 7, list("abcdefg"))
    assert len({trace.xaxis for trace in figure.data}) == 7
    assert len(probabilities.target_probabilities([], [], [], []).data) == 0


def test_distances_stand_before_and_after_in_every_quantity():
    quantities = {name: np.array([[3.0, 1.0], [5.0, 2.0]]) for name in ("pixels", "features", "gradients")}
    boxes = targeted.distances(quantities).data
    assert [(box.name, box.xaxis) for box in boxes] == [
        (words, axis) for axis in ("x", "x2", "x3") for words in ("Base images", "Poisons")
    ]
    assert list(boxes[0].y) == [3, 5] and list(boxes[1].y) == [1, 2]
    assert boxes[0].marker.symbol != boxes[1].marker.symbol
    assert len(targeted.distances({}).data) == 0


@pytest.fixture
def grid():
    succeeded = np.array([[True, False], [False, False], [True, False]])
    probability = np.array([[0.9, 0.2], [0.1, 0.0], [0.8, NAN]])
    counted = np.array([[True, True], [True, True], [False, True]])
    return succeeded, probability, counted


def test_outcomes_tell_success_failure_and_what_is_left_out_by_shape(grid):
    fooled, not_fooled, left_out, numbers = targeted.outcomes(*grid).data
    assert fooled.customdata == ([0, 0],)
    assert numbers.text == ("90 %", "20 %", "10 %", "0 %", "80 %") and list(numbers.x) == [1, 1, 2, 2, 3]
    assert not_fooled.customdata == ([0, 1], [1, 0], [1, 1])
    assert left_out.customdata == ([2, 0],) and "Left out" in left_out.name
    assert len({fooled.marker.symbol, not_fooled.marker.symbol, left_out.marker.symbol}) == 3


def test_the_longer_side_of_the_outcomes_lies_across(grid):
    wide = targeted.outcomes(*grid, chosen=(2, 0))
    assert list(wide.data[0].x) == [1] and list(wide.data[-1].x) == [3] and list(wide.data[-1].y) == [1]
    assert wide.layout.xaxis.title.text == "Key"
    turned = targeted.outcomes(*(array.T for array in grid), chosen=(0, 2))
    assert list(turned.data[-1].x) == [3] and list(turned.data[-1].y) == [1]
    assert turned.data[2].customdata == ([0, 2],) and list(turned.data[2].x) == [3]
    assert turned.layout.xaxis.title.text == "Victim"


def test_many_trials_stand_without_numbers():
    side = np.ones((40, 1), bool)
    (marks,) = targeted.outcomes(side, np.full((40, 1), 0.5), side).data
    assert marks.mode == "markers" and "Key 40, victim 1" in marks.hovertext[-1]


def test_nothing_is_black_and_the_paper_is_transparent(grid, learned):
    for figure in (
        targeted.outcomes(*grid, chosen=(0, 0)),
        targeted.crafting_loss(np.ones((2, 3), np.float32)),
        targeted.alignment(np.ones((2, 3))),
        targeted.distances({"pixels": np.ones((2, 2))}),
        probabilities.target_probabilities([learned], [2], [0], ["a"], control=[0.1]),
    ):
        drawn = figure.to_plotly_json()
        drawn["layout"].pop("template")
        text = json.dumps(drawn, default=str).lower()
        assert "#000" not in text and "black" not in text and "rgba(0,0,0,0)" in text


def test_success_on_one_image_a_model_has_no_band_across_the_whole_chart():
    points = [
        {"arm": "undefended", "epoch": 1, "clean_accuracy": accuracy, "asr": asr}
        for accuracy, asr in ((0.4, 0.0), (0.8, 1.0))
    ]
    bands = [trace for trace in curves.training_curves(points).data if trace.fill == "toself"]
    assert [sorted(band.y) for band in bands] == [pytest.approx([40, 80])]
