"""Figures of the lessons: what they hold, and what they hold back before the reveal."""

import numpy as np
import pytest

from core.analysis import toys as models
from core.figures import bars, toys
from core.figures.bars import Bar


def names(figure: object) -> list[str]:
    return [trace.name for trace in figure.data]  # type: ignore[attr-defined]


def test_a_hidden_bar_leaves_nothing_but_its_name() -> None:
    shown = [
        Bar("first", 40.0, 30.0, 60.0, said="40.0 %"),
        Bar("second", None, said="secret"),
        Bar("third", 0.0, said="0"),
    ]
    figure = bars.bars(shown, title="Success (%)", most=100.0)
    (trace,) = figure.data
    assert list(trace.x) == [40.0, 0.0] and list(trace.y) == [0, 2]
    assert list(trace.error_x.array) == [20.0, 0] and list(trace.error_x.arrayminus) == [10.0, 0]
    assert list(figure.layout.yaxis.ticktext) == ["first", "second", "third"]
    assert [note.text for note in figure.layout.annotations] == ["<b>40.0 %</b>", "?", "<b>0</b>"]
    assert "secret" not in figure.to_json()


def test_bars_without_an_end_reach_as_far_as_their_values() -> None:
    figure = bars.bars([Bar("a", 10.0), Bar("b", 2.0, 1.0, 20.0)], title="Times")
    low, high = figure.layout.xaxis.range
    assert low == 0 and 20 < high < 30


def test_a_value_below_zero_is_not_cut_off() -> None:
    low, high = bars.bars([Bar("a", -2.0), Bar("b", 3.0)], title="Points").layout.xaxis.range
    assert low < -2 and high > 3


def test_nothing_but_bars_that_are_hidden_is_a_figure_too() -> None:
    figure = bars.bars([Bar("a", None), Bar("b", None)], title="Points", most=10.0)
    assert [note.text for note in figure.layout.annotations] == ["?", "?"]


def test_the_plane_holds_no_truth_before_the_reveal() -> None:
    drawn = models.mixture(4.0, 0.1)
    hidden = toys.plane(drawn, truth=False, vector=False)
    assert names(hidden) == ["Rows"] and len(hidden.data[0].x) == models.ROWS
    shown = toys.plane(drawn, truth=True, vector=True)
    assert names(shown) == ["Clean rows", "Poisons", "Top singular vector", "Shift of the mean"]
    assert len(shown.data[1].x) == 40
    ends = np.array([shown.data[2].x, shown.data[2].y])
    assert ends[:, 1] == pytest.approx(toys.REACH * drawn.top) and ends[:, 0] == pytest.approx(-ends[:, 1])


def test_the_largest_variance_is_marked_where_it_is() -> None:
    assert names(toys.variances(5.0, 0.1, added=False)) == ["Within the groups"]
    figure = toys.variances(5.0, 0.1, added=True)
    curve, mark = figure.data[1], figure.data[2]
    assert mark.y[0] == max(curve.y) and curve.x[int(np.argmax(curve.y))] == mark.x[0]
    assert abs(mark.x[0] - models.DIRECTION) < 10, "near the shift"


def test_arrows_and_losses_at_a_right_angle() -> None:
    assert "Cosine 0.00" in names(toys.arrows(90.0)) and len(names(toys.arrows(90.0, named=False))) == 2
    figure = toys.losses(90.0)
    assert figure.data[2].y[0] == pytest.approx(1.25) and not toys.losses(90.0, curve=False).data


def test_counts_tell_none_from_some() -> None:
    figure = toys.counts(2, 0.5, none=True)
    assert names(figure) == ["At least one", "None at all"]
    assert list(figure.data[0].y) == pytest.approx([50, 25]) and list(figure.data[1].y) == pytest.approx([25])
    assert names(toys.counts(2, 0.5, none=False)) == ["At least one"]


def test_loners_are_told_only_when_asked() -> None:
    hidden, shown = toys.medoids(7, alone=False), toys.medoids(7, alone=True)
    assert names(hidden)[1:] == ["Rows", "Medoids"] and len(hidden.data[2].x) == 7
    assert names(shown)[1:] == ["Rows", "Medoids", "Medoids that stand alone: dropped"]
    assert len(shown.data[3].x) == 4


def test_squares_are_as_many_as_rows() -> None:
    cells = np.array(toys.squares(250, 7).data[0].z, dtype=float)
    assert cells.shape == (3, 100) and np.isnan(cells).sum() == 50 and np.nansum(cells) == 7


@pytest.mark.parametrize(
    "figure",
    [
        lambda big: toys.plane(models.mixture(4.0, 0.1), truth=True, vector=True, big=big),
        lambda big: toys.counts(2, 0.5, none=True, big=big),
        lambda big: bars.bars([Bar("a", 1.0)], title="x", big=big),
    ],
)
def test_presentation_size_is_larger(figure: object) -> None:
    small, large = figure(False), figure(True)  # type: ignore[operator]
    assert large.layout.height > small.layout.height and large.layout.font.size > small.layout.font.size
