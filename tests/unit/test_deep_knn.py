"""Deep k-NN: votes that can be counted by hand, on a circle."""

from typing import Any

import numpy as np
import pytest

from core.analysis.neighbours import nearest, votes
from core.defenses.base import View
from core.defenses.deep_knn import DeepKnn


def circle(degrees: list[float]) -> np.ndarray:
    """Features of different lengths, of which only the angle counts."""
    angles = np.deg2rad(np.array(degrees))
    lengths = np.linspace(1, 50, len(degrees))
    return (np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]).astype(np.float32)


FEATURES = circle([0, 2, 5, 9, 90, 93, 97, 102, 91])
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0])
"""The last row is labelled 0 and lies among the ones."""


def view_of(features: np.ndarray, labels: np.ndarray, **facts: Any) -> View:
    return View(labels, ("a", "b", "c", "d"), 0, lambda: features, facts)


def test_votes_by_hand() -> None:
    found = votes(FEATURES, LABELS, 3)
    # Row 4, at 90 degrees: 91, 93 and 97 vote, labels 0, 1, 1. Row 7, at 102: 97, 93 and 91. Row 8: 90, 93, 97.
    assert found.own.tolist() == [3, 3, 3, 3, 2, 2, 2, 2, 0]
    assert found.rival.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 3]


def test_the_nearest_rows_by_hand() -> None:
    rows, distances = nearest(FEATURES, 8, 3)  # at 91 degrees: 90, 93 and 97 are next
    assert rows.tolist() == [4, 5, 6]
    assert distances == pytest.approx(2 * np.sin(np.deg2rad([1, 2, 6]) / 2), rel=1e-4)


def test_the_nearest_rows_may_be_measured_without_scaling() -> None:
    points = np.array([[1.0, 0], [10, 0], [0, 2], [2, 1]])
    assert nearest(points, 0, 2)[0].tolist() == [1, 3]
    rows, distances = nearest(points, 0, 2, by_angle=False)
    assert rows.tolist() == [3, 2] and distances == pytest.approx([2**0.5, 5**0.5])


def test_a_row_is_not_its_own_neighbour_and_ties_go_by_number() -> None:
    same = np.ones((4, 2), np.float32)
    assert nearest(same, 1, 2)[0].tolist() == [0, 2]
    assert nearest(same, 1, 99)[0].tolist() == [0, 2, 3]
    assert nearest(np.zeros((1, 2), np.float32), 0, 8)[0].tolist() == []


def test_who_is_nearer_by_hand() -> None:
    found = votes(FEATURES, LABELS, 3)
    chord = 2 * np.sin(np.deg2rad(np.arange(360)) / 2)
    assert found.leaning[8] == pytest.approx((chord[82] - chord[1]) / (chord[82] + chord[1]), rel=1e-5)
    assert found.leaning[0] == pytest.approx((chord[2] - chord[90]) / (chord[2] + chord[90]), rel=1e-5)


def test_a_row_does_not_vote_on_itself() -> None:
    found = votes(circle([0, 1, 3]), np.array([0, 1, 1]), 1)
    assert found.own.tolist() == [0, 0, 1] and found.rival.tolist() == [1, 1, 0]


def test_only_the_outvoted_row_goes() -> None:
    view = view_of(FEATURES, LABELS, poison_count=1)
    defense = DeepKnn(neighbours=3)
    assert defense.knows == ()
    scores = defense.scores(view)
    assert np.round(scores).tolist() == [-3, -3, -3, -3, -1, -1, -1, -1, 3]
    assert defense.flag(scores, view).tolist() == [False] * 8 + [True]


def test_plurality_keeps_what_a_majority_removes() -> None:
    """Row 0 has votes 0, 0, 1, 2, 3: its own label leads with two, all others together have three."""
    features, labels = circle([0, 1, 2, 3, 4, 5]), np.array([0, 0, 0, 1, 2, 3])
    view = view_of(features, labels)
    found = {vote: DeepKnn(neighbours=5, vote=vote) for vote in ("plurality", "majority")}
    scores = {vote: defense.scores(view) for vote, defense in found.items()}
    assert round(scores["plurality"][0]) == -1 and round(scores["majority"][0]) == 1
    assert not found["plurality"].flag(scores["plurality"], view)[0]
    assert found["majority"].flag(scores["majority"], view)[0]


def test_a_tie_keeps_the_row_however_near_the_others_are() -> None:
    """Row 0 has one vote of each side; a row of the other class is its exact double."""
    view = view_of(circle([0, 0, 5, 60]), np.array([0, 1, 0, 1]))
    defense = DeepKnn(neighbours=2)
    scores = defense.scores(view)
    assert scores[0] == pytest.approx(0.25) and not defense.flag(scores, view)[0]


def test_one_vote_more_removes_the_row_however_near_its_own_are() -> None:
    view = view_of(circle([0, 0, 5, 6, 60]), np.array([0, 0, 1, 1, 2]))
    defense = DeepKnn(neighbours=3)
    scores = defense.scores(view)
    assert scores[0] == pytest.approx(0.75) and defense.flag(scores, view)[0]


def test_two_neighbours_for_each_poison_that_the_defender_was_told_of() -> None:
    defense = DeepKnn()
    assert defense.knows == ("poison_count",)
    for told, count in ((0, 1), (1, 2), (3, 6), (100, 8)):
        assert defense.count(view_of(FEATURES, LABELS, poison_count=told)) == count


def test_the_answer_does_not_depend_on_how_many_rows_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(60, 5)).astype(np.float32), random.integers(0, 4, 60)
    whole = votes(features, labels, 7)
    assert (whole.own + whole.rival <= 7).all()
    monkeypatch.setattr("core.analysis.neighbours.CHUNK", 13)
    again = votes(features, labels, 7)
    assert np.array_equal(whole.own, again.own) and np.array_equal(whole.rival, again.rival)
    np.testing.assert_allclose(again.leaning, whole.leaning, rtol=1e-5)
