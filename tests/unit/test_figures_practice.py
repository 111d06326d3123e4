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


def test_what_was_not_changed_is_one_bar():
    bars = {bar.name: bar for bar in losses(LOSSES, chosen=0).data}
    assert list(bars["Before"].y) == [1.0] and list(bars["Crafted"].y) == [3.0]
    assert list(bars["Not changed"].y) == [0.5, 4.0] and list(bars["Not changed"].x) == [1, 2]
    assert bars["Before"].x[0] < 0 < bars["Crafted"].x[0]
    assert list(bars["Crafted"].text) == ["3.00"]


def test_what_is_not_known_is_left_out_and_epochs_share_the_axis():
    first, second = losses(LOSSES, chosen=0), losses(LOSSES, chosen=1)
    assert {bar.name: list(bar.y) for bar in second.data} == {"Before": [0.2, 0.1], "Crafted": [0.9, 0.4]}
    assert list(second.layout.xaxis.ticktext) == ["Poisons,<br>own label", "Targets,<br>own label"]
    assert first.layout.yaxis.range == second.layout.yaxis.range
    assert second.layout.yaxis.range[1] == pytest.approx(1.15 * 4)


def test_presentation_size_is_larger():
    figure = losses(LOSSES, chosen=0, big=True)
    assert figure.layout.font.size == palette.BIG_FONT_SIZE and figure.layout.height == 400
