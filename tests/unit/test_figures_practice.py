"""The pictures of a defense's own attack: which line and which bars, and what is left out."""

import numpy as np
import pytest

from core.figures import palette
from core.figures.practice import course, losses

COURSE = np.array([[0.1, 0.0, 0.2], [0.1, 0.1, 0.6]])
LOSSES = np.array([[[1.0, 3.0], [0.5, 0.5], [4.0, 4.0]], [[0.2, 0.9], [0.1, 0.4], [np.nan, np.nan]]])


def test_the_chosen_epoch_stands_out_of_the_others():
    figure = course(COURSE, [1, 9], chosen=1, measure="alignment")
    other, own = figure.data
    assert (other.name, own.name) == ("Other recorded epochs", "Epoch 9")
    assert list(own.y) == [0.1, 0.1, 0.6] and own.line.color == palette.VERMILION and own.line.dash == "solid"
    assert other.line.color == palette.GREY and other.line.dash == "dot"
    assert list(figure.layout.xaxis.ticktext) == ["untouched", "start", "1"]
    assert figure.layout.yaxis.title.text == "Alignment (cosine)"


def test_one_epoch_needs_no_others():
    (own,) = course(COURSE[:1], [4], chosen=0, measure="distance").data
    assert own.name == "Epoch 4" and own.showlegend


def bars(chosen: int) -> dict[str, list[tuple[float, float]]]:
    """Places and heights of the bars, by name."""
    found: dict[str, list[tuple[float, float]]] = {}
    for bar in losses(LOSSES, chosen=chosen).data:
        found.setdefault(bar.name, []).extend(zip(bar.x, bar.y, strict=True))
    return found


def test_what_was_not_changed_is_one_bar():
    assert bars(0) == {"Before": [(-0.2, 1.0)], "Crafted": [(0.2, 3.0)], "Not changed": [(1, 0.5), (0, 4.0)]}
    shown = [bar.name for bar in losses(LOSSES, chosen=0).data if bar.showlegend]
    assert sorted(shown) == ["Before", "Crafted", "Not changed"]


def test_the_fake_label_has_an_axis_of_its_own():
    figure = losses(LOSSES, chosen=0)
    assert figure.layout.yaxis.range == (0, pytest.approx(1.15 * 3))
    assert figure.layout.yaxis2.range == (0, pytest.approx(1.15 * 4))
    assert list(figure.layout.xaxis2.ticktext) == ["Targets,<br>fake label"]


def test_what_is_not_known_is_left_out():
    assert bars(1) == {"Before": [(-0.2, 0.2), (0.8, 0.1)], "Crafted": [(0.2, 0.9), (1.2, 0.4)]}
    assert "xaxis2" not in losses(LOSSES, chosen=1).layout.to_plotly_json()


def test_poisons_that_aim_at_nothing_have_their_bars():
    nothing = LOSSES[:1].copy()
    nothing[:, 1:] = np.nan
    before, crafted = losses(nothing, chosen=0).data
    assert (list(before.y), list(crafted.y)) == ([1.0], [3.0])


def test_presentation_size_is_larger():
    figure = losses(LOSSES, chosen=0, big=True)
    assert figure.layout.font.size == palette.BIG_FONT_SIZE and figure.layout.height == 400
