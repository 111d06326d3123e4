"""What holds for every defense: what it is told, what it says of itself, and how its scores behave."""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from core import registry, spec
from core.defenses.base import FACTS, Defense, Fact, Filter, View
from core.errors import PoisonscopeError

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "activation_clustering": [{}, {"rule": "silhouette"}, {"rule": "smaller", "reduction": "ica"}],
    "deep_knn": [{}, {"neighbours": 9, "vote": "majority"}],
    "hand_picked": [{"rows": "2-3,5"}],
    "spectral_signatures": [
        {},
        {"assumed_count": 3, "score": "uncentred"},
        {"classes": "target", "cap": 0.2},
    ],
}
"""Settings to try beside each other; a defense that is not here is tried as it comes."""

CASES = [(name, settings) for name in registry.names("defenses") for settings in SETTINGS.get(name, [{}])]
FILTERS = [(name, settings) for name, settings in CASES if issubclass(registry.load("defenses", name), Filter)]
BY_NUMBER = ("hand_picked",)
"""Filters that name rows by their numbers: their scores say yes or no, and do not follow a row to another place."""
SCORING = [(name, settings) for name, settings in FILTERS if name not in BY_NUMBER]
each_defense = pytest.mark.parametrize(
    "name, settings", CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)]
)
each_filter = pytest.mark.parametrize("name, settings", FILTERS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(FILTERS)])
each_scoring = pytest.mark.parametrize("name, settings", SCORING, ids=[f"{n}-{i}" for i, (n, _) in enumerate(SCORING)])

TRUTH: dict[Fact, Any] = {"poison_count": 6, "target_class": 1, "clean_data": None}


def make(name: str, settings: dict[str, Any]) -> Any:
    return registry.load("defenses", name)(**settings)


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (90, 12) and labels of three classes out of five; six rows of class 1 stand apart."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat([0, 1, 4], 30))
    features = random.normal(size=(90, 12)) + 3 * np.eye(12)[labels]
    features[np.flatnonzero(labels == 1)[:6], 7] += 9
    return features.astype(np.float32), labels.astype(np.int64)


def view_of(defense: Defense, features: np.ndarray, labels: np.ndarray) -> View:
    facts = {fact: TRUTH[fact] for fact in defense.knows}
    return View(labels, ("a", "b", "c", "d", "e"), 0, lambda: features, facts)


def test_the_table_names_defenses_that_exist() -> None:
    assert set(SETTINGS) <= set(registry.names("defenses"))


@pytest.mark.parametrize("name", registry.names("defenses"))
def test_a_defense_says_what_it_is(name: str) -> None:
    defense = registry.load("defenses", name)
    assert issubclass(defense, Defense) and defense.__doc__
    assert defense.kind in ("filter", "training", "repair")
    assert issubclass(defense, Filter) == (defense.kind == "filter")
    for text in (defense.title, defense.summary, defense.source, defense.fails_when):
        assert isinstance(text, str) and text.strip()
    assert defense.summary.endswith(".") and defense.fails_when.endswith(".")
    for field, facts in defense.model_fields.items():
        assert facts.description and facts.description.endswith("."), f"{name}.{field} has no sentence of help"


@pytest.mark.parametrize("name", registry.names("defenses"))
def test_a_defense_may_not_be_called_like_another_arm(name: str) -> None:
    assert name not in ("control", "undefended") and not name.endswith("_random")


@each_defense
def test_a_defense_is_told_legal_facts_only(name: str, settings: dict[str, Any]) -> None:
    knows = make(name, settings).knows
    assert set(knows) <= set(FACTS) and len(set(knows)) == len(knows)


@each_defense
def test_a_defense_survives_the_way_through_json(name: str, settings: dict[str, Any]) -> None:
    experiment = spec.parse({"defenses": [{"name": name, **settings}]})
    again = spec.parse(json.loads(experiment.model_dump_json()))
    assert again == experiment and again.hash() == experiment.hash()
    assert again.defenses == (make(name, settings),)


@each_filter
def test_scores_are_one_finite_number_a_row_and_the_same_every_time(name: str, settings: dict[str, Any]) -> None:
    defense, (features, labels) = make(name, settings), rows()
    scores = defense.scores(view_of(defense, features, labels))
    assert scores.shape == (90,) and scores.dtype == np.float64 and np.isfinite(scores).all()
    assert len(np.unique(scores)) > 45 or name in BY_NUMBER  # rows differ, and so do their scores
    assert np.array_equal(scores, make(name, settings).scores(view_of(defense, features.copy(), labels.copy())))


@each_scoring
def test_scores_go_with_the_rows_and_not_with_their_order(name: str, settings: dict[str, Any]) -> None:
    defense, (features, labels) = make(name, settings), rows(1)
    order = np.random.default_rng(2).permutation(len(labels))
    straight = defense.scores(view_of(defense, features, labels))
    shuffled = defense.scores(view_of(defense, features[order], labels[order]))
    np.testing.assert_allclose(shuffled, straight[order], rtol=1e-5, atol=1e-8 * np.abs(straight).max())


@each_filter
def test_flags_are_one_decision_a_row_and_the_same_every_time(name: str, settings: dict[str, Any]) -> None:
    defense, (features, labels) = make(name, settings), rows(3)
    view = view_of(defense, features, labels)
    scores = defense.scores(view)
    scores.flags.writeable = False  # the runner hands over a file
    flagged = defense.flag(scores, view)
    assert flagged.shape == (90,) and flagged.dtype == bool and 0 < flagged.sum() < 90
    assert np.array_equal(flagged, defense.flag(scores, view_of(defense, features, labels)))


@each_filter
@pytest.mark.parametrize("features", [np.ones((7, 3), np.float32), np.zeros((7, 1), np.float32)])
def test_rows_that_are_all_alike_and_classes_of_one_row_are_no_problem(
    name: str, settings: dict[str, Any], features: np.ndarray
) -> None:
    defense = make(name, settings)
    view = view_of(defense, features, np.array([0, 0, 0, 0, 1, 4, 4]))
    scores = defense.scores(view)
    assert scores.shape == (7,) and np.isfinite(scores).all()
    assert defense.flag(scores, view).shape == (7,)


@each_filter
def test_a_filter_does_not_work_without_what_it_says_that_it_is_told(name: str, settings: dict[str, Any]) -> None:
    defense, (features, labels) = make(name, settings), rows()
    told = view_of(defense, features, labels)
    for missing in defense.knows:
        facts = {fact: value for fact, value in told.facts.items() if fact != missing}
        ignorant = View(labels, told.class_names, 0, told.read_features, facts)
        with pytest.raises(PoisonscopeError, match=FACTS[missing]):
            defense.flag(defense.scores(ignorant), ignorant)


def test_a_view_holds_no_ground_truth_and_what_it_holds_cannot_be_changed() -> None:
    features, labels = rows()
    view = View(labels, ("a", "b", "c", "d", "e"), 0, lambda: features)
    assert {field.name for field in fields(View)} == {"labels", "class_names", "seed", "read_features", "facts"}
    with pytest.raises(ValueError, match="read-only"):
        view.labels[0] = 3
    assert labels.flags.writeable
    for fact in FACTS:
        with pytest.raises(PoisonscopeError, match="was not told"):
            view.fact(fact)


def test_a_fact_that_is_told_is_handed_over_even_if_it_is_zero() -> None:
    _, labels = rows()
    view = View(labels, ("a", "b", "c", "d", "e"), 0, lambda: labels, {"target_class": 0})
    assert view.fact("target_class") == 0
