"""What charts in core say beside their figures, worked out by hand."""

from typing import Any

import numpy as np
import pytest

from core import registry
from core.charts import learning, lens
from core.figures import palette
from core.flags import tellable
from core.runs.loss import loss
from core.runs.store import Store
from core.runs.view import RunView
from core.versions import versions
from tests.app import conftest as made


@pytest.fixture
def store(home: Any) -> Store:
    return Store(home)


def written(store: Store, **changes: Any) -> str:
    points = [
        {
            "arm": "undefended",
            "victim": victim,
            "epoch": epoch,
            "clean_accuracy": 0.1 * epoch + 0.2 * victim,
            "asr": None,
        }
        for epoch in (1, 2)
        for victim in (0, 1)
    ]
    whole = made.Made(made.steps(), lambda step: made.arrays()[step["kind"]], points, made.result())
    return made.write_run(store, made.experiment(name="x", **changes), whole, "done", True, {})


def test_the_curves_table_holds_the_means_that_are_drawn(store: Store) -> None:
    run = store.run(written(store))
    chart = learning.chart(run, store.points(run.id))
    assert chart is not None
    assert chart.table == {"Epoch": [1, 2], "No defense: accuracy, %": [20.0, 30.0]}
    drawn = [list(trace.y) for trace in chart.figure.data if trace.name == "No defense: accuracy"]
    assert drawn == [pytest.approx([20.0, 30.0])]
    assert learning.chart(run, []) is None


def test_axes_without_a_curve_have_the_epochs_of_the_run_and_say_what_is_awaited(store: Store) -> None:
    run = store.run(written(store, training={"epochs": 7}))
    figure = learning.awaited(run)
    assert not figure.data and figure.layout.xaxis.range == (0.7, 7.3)
    assert [note.text for note in figure.layout.annotations] == [learning.AWAITED]


def test_an_even_sample_keeps_everything_that_was_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lens, "POINTS", 5)
    flagged = np.isin(np.arange(100), [13, 77])
    assert lens.sampled(5, None).tolist() == [0, 1, 2, 3, 4]
    assert lens.sampled(100, None).tolist() == [0, 24, 49, 74, 99]
    assert lens.sampled(100, flagged).tolist() == [0, 13, 24, 49, 74, 77, 99]


def test_arms_of_one_name_are_told_apart() -> None:
    arms = ["control", "epic", "epic_random", "deep_knn", "deep_knn_random", "epic_loss"]
    assert list(palette.arm_titles(arms).values()) == [
        "Clean baseline",
        "EPIC",
        "Random filter: EPIC",
        "Deep k-NN",
        "Random filter: Deep k-NN",
        "Dropped: highest loss",
    ]
    assert palette.arm_titles(["epic", "epic_random"])["epic_random"] == "Random filter"


@pytest.mark.parametrize("name", registry.names("defenses"))
def test_an_arm_is_called_what_its_defense_is(name: str) -> None:
    assert palette.arm_title(name) == registry.load("defenses", name).title  # type: ignore[attr-defined]  # of a Component


def test_flags_that_count_poisons_are_truth() -> None:
    found = [{"code": "told_budget", "message": "(60)"}, {"code": "one_seed", "message": "."}]
    assert tellable(found, truth=True) == found and tellable(found, truth=False) == found[1:]


def test_what_goes_with_a_run_is_what_no_other_keeps(store: Store) -> None:
    first, second = store.run(written(store)), store.run(written(store, seed=1))
    assert loss(store, [first]).trainings == 0 and loss(store, [first]).size == 0
    both = loss(store, [first, second])
    files = [path for path in (store.home / "steps").rglob("*") if path.is_file()]
    assert both.trainings == 2 and both.size == sum(path.stat().st_size for path in files)
    store.delete(second.id)
    assert loss(store, [first]) == both


def test_versions_are_those_that_are_installed() -> None:
    assert list(versions()) == ["poisonscope", "python", "torch", "numpy"]
    assert versions()["numpy"] == np.__version__


def test_the_lopsided_class_is_the_suspicious_one() -> None:
    """One of four rows is far off on one side; two halves far apart spread as much and are not lopsided."""
    assert lens.lopsidedness(np.array([-1, -1, -1, 3.0])) == pytest.approx(6 / 3**1.5)
    assert lens.lopsidedness(np.array([-5, -5, 5, 5.0])) == 0 == lens.lopsidedness(np.full(4, 2.0))
    assert lens.lopsidedness(np.empty(0)) == 0


def test_the_class_of_the_poisons_is_found_without_the_truth(store: Store) -> None:
    seen = RunView(store, store.run(written(store)))
    assert lens.suspicious_class(seen) == made.TARGET == lens.first_class(seen, truth=False)
