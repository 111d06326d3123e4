"""The animated map of the gradient space, and lines over epochs."""

import numpy as np
import pytest

from core.figures import epochs, gradients, palette
from core.figures.epochs import Line, Panel
from core.figures.gradients import Group

ROWS = np.array([4, 7, 9])
EPOCHS = np.array([1, 5])
POSITIONS = np.array([[[0, 0], [2, 0], [0, 2], [4, 4]], [[4, 0], [2, 0], [0, 2], [4, 4]]], np.float32)
GROUPS = [
    Group("left", np.array([True, False, False]), palette.BLUE, "circle"),
    Group("right", np.array([False, True, True]), palette.VERMILION, "x"),
]


def test_frames_move_points_and_nothing_else() -> None:
    figure = gradients.animated_map(POSITIONS, ROWS, EPOCHS, GROUPS)
    assert [frame.name for frame in figure.frames] == ["1", "1 + 1/4", "1 + 2/4", "1 + 3/4", "5"]
    walked = [float(frame.data[0].x[0]) for frame in figure.frames]
    # four units wide, from -10,000 to 10,000
    assert walked == [-10000, -5000, 0, 5000, 10000]
    for frame in figure.frames:
        np.testing.assert_array_equal(frame.data[1].x, figure.data[1].x)
        assert all(set(trace.to_plotly_json()) == {"x", "y", "type"} for trace in frame.data)


def test_points_keep_their_rows_and_the_target_has_its_star() -> None:
    figure = gradients.animated_map(POSITIONS, ROWS, EPOCHS, GROUPS, start=1)
    assert [trace.name for trace in figure.data] == ["left (1)", "right (2)", "Target"]
    assert [trace.customdata.tolist() for trace in figure.data] == [[4], [7, 9], [gradients.TARGET]]
    assert figure.data[-1].marker.symbol == "star"
    assert figure.layout.sliders[0].active == 1
    assert float(figure.data[0].x[0]) == 10000
    hidden = gradients.animated_map(POSITIONS, ROWS, EPOCHS, GROUPS, target=False)
    assert len(hidden.data) == 2
    assert all(len(frame.data) == 2 for frame in hidden.frames)


def test_many_points_are_drawn_by_webgl() -> None:
    many = gradients.GL_ABOVE + 1
    places = np.random.default_rng(0).normal(size=(2, many + 1, 2)).astype(np.float32)
    group = Group("all", np.ones(many, bool), palette.BLUE, "circle")
    figure = gradients.animated_map(places, np.arange(many), EPOCHS, [group])
    assert figure.data[0].type == "scattergl"
    assert figure.data[0].x.dtype == np.int16


def names(groups: list[Group]) -> dict[str, list[int]]:
    return {group.name: np.flatnonzero(group.points).tolist() for group in groups}


def test_groups() -> None:
    assert names(gradients.by_class(np.array([1, 0, 1]), ["a", "<b>"])) == {"a": [1], "&lt;b&gt;": [0, 2]}
    assert names(gradients.by_size(np.array([1, 2, 5, 6]))) == {
        "More than 5": [3],
        "2 to 5": [1, 2],
        "1: stands alone": [0],
    }
    poison, effective = np.array([False, True, True]), np.array([False, True, False])
    assert names(gradients.by_truth(poison, effective)) == {
        "Clean rows": [0],
        "Other poisons": [2],
        "Effective poisons": [1],
    }
    assert names(gradients.by_truth(poison, None)) == {"Clean rows": [0], "Poisons": [1, 2]}
    assert names(gradients.by_distance(np.array([0.25, 0.3, 0.9, 1.4]))) == {
        "More than 1.0": [3],
        "0.5 to 1.0": [2],
        "0.25 to 0.5": [1],
        "At most 0.25": [0],
    }
    assert names(gradients.by_drop(np.array([-1, 6, 8]))) == {"Stayed": [0], "After epoch 6": [1], "After epoch 8": [2]}


def test_many_drops_share_groups_and_lose_nobody() -> None:
    groups = gradients.by_drop(np.arange(-1, 30))
    assert len(groups) == 6
    assert np.sum([group.points for group in groups], axis=0).tolist() == [1] * 31


@pytest.mark.parametrize("classes", [10, 43])
def test_no_two_classes_look_alike(classes: int) -> None:
    groups = gradients.by_class(np.arange(classes), [str(label) for label in range(classes)])
    assert len({(group.colour, group.symbol) for group in groups}) == classes


def test_panels_share_their_epochs() -> None:
    line = Line("in", np.arange(3), np.array([1, 0.5, 0.25]), palette.BLUE, low=np.zeros(3), high=np.ones(3))
    figure = epochs.stacked([Panel("Share", [line]), Panel("Count", [], percent=False, why="nobody")], 2, now=1)
    band, drawn = figure.data[:2]
    assert drawn.y.tolist() == [100, 50, 25]
    assert max(band.y) == 100
    assert figure.data[2].text == ("nobody",)
    assert figure.layout.xaxis.matches == "x2" or figure.layout.xaxis2.matches == "x"
    assert [shape.x0 for shape in figure.layout.shapes] == [1]  # none where nothing is drawn


def test_shares_against_shares() -> None:
    line = Line("epic", np.array([0, 10.0]), np.array([0, 0.5]), palette.BLUE)
    figure = epochs.chart(Panel("", [line]), None, x_title="all", y_title="effective")
    assert figure.data[0].y.tolist() == [0, 50]
    assert figure.layout.xaxis.ticksuffix == " %"
