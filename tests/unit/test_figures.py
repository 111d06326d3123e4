"""Figures say what the arrays say, in colours that do not carry the meaning alone."""

import json

import numpy as np
import pytest

from core.figures import curves, groups, palette, spectral


def points(arm, values, **more):
    return [{"arm": arm, "epoch": i + 1, "clean_accuracy": a, "asr": s, **more} for i, (a, s) in enumerate(values)]


def test_curves_draw_both_rates_of_every_arm_in_percent():
    figure = curves.training_curves(points("undefended", [(0.5, 0.1), (0.9, 1.0)]) + points("epic", [(0.4, 0.0)]))
    lines = {trace.name: trace for trace in figure.data}
    assert set(lines) == {
        "No defense: accuracy",
        "No defense: attack success",
        "EPIC: accuracy",
        "EPIC: attack success",
    }
    assert list(lines["No defense: accuracy"].y) == [50, 90]
    assert list(lines["No defense: attack success"].y) == [10, 100]


def test_accuracy_is_solid_and_attack_success_dashed_in_one_colour():
    accuracy, success = curves.training_curves(points("undefended", [(0.5, 0.1)])).data
    assert (accuracy.line.dash, success.line.dash) == ("solid", "dash")
    assert accuracy.line.color == success.line.color == palette.VERMILION


def test_order_and_colour_do_not_depend_on_who_trained_first():
    measured = points("epic", [(0.4, None)]) + points("control", [(0.5, None)])
    figure = curves.training_curves(measured, arms=["control", "undefended", "other", "epic"])
    assert [trace.name for trace in figure.data] == ["Clean baseline: accuracy", "EPIC: accuracy"]
    assert figure.data[1].line.color == palette.GREEN


def test_a_control_without_attack_has_no_attack_curve():
    figure = curves.training_curves(points("control", [(0.5, None), (0.6, None)]))
    assert [trace.name for trace in figure.data] == ["Clean baseline: accuracy"]


def test_several_victims_become_a_mean_and_a_band():
    figure = curves.training_curves(
        points("undefended", [(0.4, None)], victim=0) + points("undefended", [(0.8, None)], victim=1)
    )
    band, line = figure.data
    assert list(line.y) == pytest.approx([60])
    assert sorted(band.y) == pytest.approx([40, 80])


def test_no_points_make_an_empty_figure():
    assert len(curves.training_curves([]).data) == 0


@pytest.fixture
def cloud():
    coordinates = np.arange(18, dtype=np.float32).reshape(6, 3)
    return coordinates, np.array([10, 11, 12, 13, 14, 15]), np.array([False, True, False, False, True, False])


def test_projection_marks_poisons_by_colour_and_shape(cloud):
    coordinates, rows, poison = cloud
    clean, poisons = spectral.projection(coordinates, rows, poison=poison).data
    assert list(poisons.customdata) == [11, 14]
    assert list(poisons.x) == [3, 12] and list(poisons.y) == [4, 13]
    assert clean.marker.symbol != poisons.marker.symbol and clean.marker.color != poisons.marker.color


def test_projection_takes_other_axes_and_rings_removed_rows(cloud):
    coordinates, rows, _ = cloud
    removed = np.array([True, False, False, False, False, True])
    rings, all_rows = spectral.projection(coordinates, rows, axes=(0, 2), removed=removed).data
    assert list(rings.x) == [0, 15] and list(rings.y) == [2, 17]
    assert rings.customdata is None and list(all_rows.customdata) == list(rows)


def test_hidden_truth_leaves_no_trace_in_the_figures(cloud):
    coordinates, rows, _ = cloud
    scores = coordinates[:, 0].astype(float)
    for figure in (spectral.projection(coordinates, rows), spectral.score_histogram(scores, cut=4.0)):
        assert "oison" not in json.dumps(figure.to_plotly_json(), default=str)


def test_histogram_counts_every_row_once_and_shows_the_cut():
    scores, poison = np.array([0.0, 0.1, 0.2, 5.0, 9.0, 9.0]), np.array([False, False, False, False, True, True])
    figure = spectral.score_histogram(scores, poison=poison, cut=7.0)
    clean, poisons = figure.data
    assert (clean.y.sum(), poisons.y.sum(), poisons.y[-1]) == (4, 2, 2)
    assert figure.layout.shapes[0].x0 == 7.0


def test_equal_scores_and_no_scores_still_have_bins():
    assert np.all(np.diff(spectral.bins(np.full(3, 2.0))) > 0)
    assert np.all(np.diff(spectral.bins(np.zeros(0))) > 0)


def test_bins_of_squares_have_equal_width_on_a_square_root_axis():
    assert list(spectral.bins(np.array([0.0, 9.0]), 3, power=2)) == [0, 1, 4, 9]
    assert spectral.stretch(np.arange(20.0) ** 4) == 2
    assert spectral.stretch(np.arange(20.0)) == 1


def test_singular_values_of_the_class_stand_out_from_the_others():
    values = np.array([[9.0, 2.0], [3.0, 1.0], [4.0, 1.5]])
    bars, dots = spectral.singular_values(values, 0).data
    assert list(bars.y) == [9, 2]
    assert sorted(dots.y) == [1, 1.5, 3, 4]


def test_arms_have_different_colours_that_do_not_depend_on_chance():
    arms = ["control", "undefended", "spectral_signatures", "spectral_signatures_random", "epic"]
    colours = [palette.arm_colour(arm, arms) for arm in arms]
    assert len(set(colours)) == len(arms)
    assert palette.arm_colour("spectral_signatures", arms) == palette.BLUE


def test_nothing_is_black_and_the_paper_is_transparent(cloud):
    coordinates, rows, poison = cloud
    drawn = spectral.projection(coordinates, rows, poison=poison).to_plotly_json()
    drawn["layout"].pop("template")  # Plotly's own, or that of whoever imported Plotly first
    text = json.dumps(drawn, default=str).lower()
    assert "#000" not in text and "black" not in text
    assert "rgba(0,0,0,0)" in text


def test_a_selection_from_elsewhere_is_drawn_and_fades_the_rest(cloud):
    coordinates, rows, poison = cloud
    chosen = np.array([rows[poison][0], 10_000])
    clean, poisons = spectral.projection(coordinates, rows, poison=poison, selected=chosen).data
    assert list(poisons.selectedpoints) == [0] and list(clean.selectedpoints) == []
    for nobody in (None, np.empty(0, np.int64)):
        clean, poisons = spectral.projection(coordinates, rows, poison=poison, selected=nobody).data
        assert clean.selectedpoints is None and poisons.selectedpoints is None


def test_scores_are_grouped_by_their_place_whatever_their_size():
    scores = np.arange(200.0) ** 3
    rest, quarter, five, one = groups.by_score(scores)
    assert [int(each.points.sum()) for each in (one, five, quarter, rest)] == [2, 8, 40, 150]
    assert np.flatnonzero(one.points).tolist() == [198, 199] and np.flatnonzero(rest.points).tolist() == [*range(150)]
    assert [each.name for each in (one, rest)] == ["Highest 1 % of scores", "The other 75 %"]
    assert len({each.symbol for each in (one, five, quarter, rest)}) == 4
    assert sum(each.points for each in groups.by_score(np.zeros(7))).tolist() == [1] * 7


def test_covers_are_told_from_poisons_and_from_clean_rows():
    poison, cover = np.array([1, 0, 0, 0], bool), np.array([0, 1, 0, 0], bool)
    assert {each.name: each.points.tolist() for each in groups.by_poison(poison, cover)} == {
        "Clean rows": [False, False, True, True],
        "Covers": [False, True, False, False],
        "Poisons": [True, False, False, False],
    }
    assert [each.name for each in groups.by_poison(poison, np.zeros(4, bool))] == ["Clean rows", "Poisons"]


def test_what_a_filter_removes_is_a_group_only_where_there_is_any():
    assert [each.name for each in groups.by_removal(np.array([True, False]))] == ["Kept", "Removed"]
    assert [each.name for each in groups.by_removal(np.array([False, False]))] == ["Kept"]
