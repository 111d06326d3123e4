"""What a page sees of a run: five clean rows, of which one is replaced, and one that is added."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.base import ImageSet
from core.errors import StoreError
from core.runs.artifacts import save
from core.runs.store import Store
from core.runs.view import RunView
from core.sets import read_poisoned

KEYS = {kind: f"{number:020x}" for number, kind in enumerate(("data", "poison", "train", "control", "measure", "rest"))}
FIELDS = {"label": "", "arm": None, "poison_key": None, "victim": None, "defense": None}


def image(value: int) -> np.ndarray:
    return np.full((1, 2, 2), value, dtype=np.uint8)


def step(kind: str, key: str, **fields: Any) -> dict[str, Any]:
    return {**FIELDS, "key": key, "kind": kind, **fields}


STEPS = [
    step("data", KEYS["data"]),
    step("poison", KEYS["poison"], poison_key=0),
    step("train", KEYS["train"], arm="undefended", poison_key=0, victim=0),
    step("spectral", KEYS["rest"], arm="undefended", poison_key=0, victim=0),
    step("score", KEYS["rest"], arm="sieve", poison_key=0, victim=0, defense="sieve"),
    step("filter", KEYS["rest"], arm="sieve", poison_key=0, victim=0, defense="sieve"),
    step("train", "e" * 20, arm="sieve", poison_key=0, victim=0, defense="sieve"),
    step("train", KEYS["control"], arm="control", victim=0),
    step("measure", KEYS["measure"], arm="control", poison_key=0, victim=0),
    step("train", "d" * 20, arm="undefended", poison_key=1, victim=0),
]


@pytest.fixture
def store(home: Path) -> Any:
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def run_id(store: Store) -> str:
    """A run with planned steps, none of them finished."""
    run_id = store.start({}, spec_hash="abc", name="small")
    assert store.run(run_id).owner is not None
    store.begin(run_id, store.run(run_id).owner.pid, "cpu", STEPS)  # type: ignore[union-attr]
    return run_id


def finish(store: Store, name: str, meta: dict[str, Any], **arrays: np.ndarray) -> None:
    with store.artifacts.write(KEYS[name]) as folder:
        save(folder, meta, **arrays)


def finish_data(store: Store) -> None:
    images, labels = np.stack([image(10 * row) for row in range(5)]), np.array([0, 1, 2, 0, 1])
    finish(store, "data", {"class_names": ["a", "b", "c"]}, train_images=images, train_labels=labels)


def finish_poison(store: Store) -> None:
    """Row 3 (class 0) is replaced and called 2; row 5 is added, made of row 1 (class 1), and called 2."""
    finish(
        store, "poison", {"n": 6, "changes_labels": True},
        rows=np.array([5, 3]), images=np.stack([image(155), image(133)]), labels=np.array([2, 2]),
        originals=np.stack([image(10), image(30)]), original_labels=np.array([1, 0]),
        eval_images=np.stack([image(200)]), eval_wanted=np.array([2]), eval_true=np.array([1]),
        eval_indices=np.array([4]),
    )  # fmt: skip


@pytest.fixture
def view(store: Store, run_id: str) -> RunView:
    finish_data(store)
    finish_poison(store)
    return RunView(store, store.run(run_id))


def test_before_any_step_all_is_none(store: Store, run_id: str) -> None:
    view = RunView(store, store.run(run_id))
    assert view.arms == ["undefended", "sieve", "control"]
    unknown = (view.class_names, view.classes, view.image_shape, view.n, view.labels, view.is_poison, view.evaluation)
    unknown += (view.projection, view.singular_values, view.scores("sieve"), view.flagged("sieve"), view.result)
    unknown += (view.images(np.array([0])), view.originals(np.array([0])), view.true_labels(np.array([0])))
    unknown += (view.predictions("undefended"), view.step("data"), view.meta("train"))
    assert unknown == (None,) * len(unknown)
    assert view.knows("sieve") == {} and view.series == []


def test_what_gets_finished_is_seen_at_the_next_look(store: Store, run_id: str) -> None:
    view = RunView(store, store.run(run_id))
    finish_data(store)
    assert (view.class_names, view.classes, view.image_shape) == (["a", "b", "c"], 3, (1, 2, 2))
    assert view.n is None and view.labels is None
    finish_poison(store)
    assert view.n == 6


def test_the_poisoned_set_is_the_clean_one_with_poisons_laid_over(view: RunView) -> None:
    assert view.labels is not None and view.labels.tolist() == [0, 1, 2, 2, 1, 2]
    assert view.is_poison is not None and view.is_poison.tolist() == [False, False, False, True, False, True]


def test_rows_that_keep_their_label_where_others_do_not_are_covers(store: Store, run_id: str) -> None:
    """Row 1 (class 1) is changed and stays class 1; row 3 (class 0) becomes class 2."""
    view = RunView(store, store.run(run_id))
    assert view.poison_rows is None and view.cover_rows is None
    finish_data(store)
    finish(
        store, "poison", {"n": 5},
        rows=np.array([1, 3]), images=np.stack([image(111), image(133)]), labels=np.array([1, 2]),
        originals=np.stack([image(10), image(30)]), original_labels=np.array([1, 0]),
        eval_images=np.stack([image(200)]), eval_wanted=np.array([2]), eval_true=np.array([1]),
        eval_indices=np.array([4]),
    )  # fmt: skip
    assert view.poison_rows is not None and view.poison_rows.tolist() == [3]
    assert view.cover_rows is not None and view.cover_rows.tolist() == [1]
    assert view.is_poison is not None and np.flatnonzero(view.is_poison).tolist() == [3]
    images = view.images(np.array([0, 1, 3]))
    assert images is not None and images[:, 0, 0, 0].tolist() == [0, 111, 133]  # the victim sees covers as well
    clean = np.stack([image(10 * row) for row in range(5)])
    data = ImageSet(clean, np.array([0, 1, 2, 0, 1]), ("a", "b", "c"), np.arange(5))
    found = read_poisoned(store.artifacts, KEYS["poison"], data)
    assert found.rows.tolist() == [3] and np.flatnonzero(found.truth).tolist() == [3]
    assert found.train.images[:, 0, 0, 0].tolist() == [0, 111, 20, 133, 40]


def test_where_no_label_is_changed_every_changed_row_is_poison(store: Store, run_id: str) -> None:
    finish_data(store)
    same = np.array([1, 0])
    finish(store, "poison", {"n": 5}, rows=np.array([1, 3]), labels=same, original_labels=same)
    view = RunView(store, store.run(run_id))
    assert view.poison_rows is not None and view.poison_rows.tolist() == [1, 3]
    assert view.cover_rows is not None and view.cover_rows.tolist() == []


def test_images_in_the_order_that_was_asked_for(view: RunView) -> None:
    rows = np.array([5, 0, 3, 5, 4])
    seen, before, labels = view.images(rows), view.originals(rows), view.true_labels(rows)
    assert seen is not None and before is not None and labels is not None
    assert seen.shape == (5, 1, 2, 2) and seen.dtype == np.uint8
    assert seen[:, 0, 0, 0].tolist() == [155, 0, 133, 155, 40]
    assert before[:, 0, 0, 0].tolist() == [10, 0, 30, 10, 40]
    assert labels.tolist() == [1, 0, 0, 1, 1]


@pytest.mark.parametrize("row", [-1, 6])
def test_rows_that_are_not_there_are_refused(view: RunView, row: int) -> None:
    with pytest.raises(StoreError, match=r"\[0, 6\)"):
        view.images(np.array([0, row]))


def test_no_rows_are_no_images(view: RunView) -> None:
    images = view.images(np.array([], dtype=np.int64))
    assert images is not None and images.shape == (0, 1, 2, 2)


def test_a_run_without_attack_has_no_poisons(store: Store) -> None:
    run_id = store.start({}, spec_hash="abc", name="clean")
    store.begin(run_id, 1, "cpu", [STEPS[0], STEPS[7]])
    finish_data(store)
    view = RunView(store, store.run(run_id))
    assert view.n == 5 and view.evaluation is None and view.arms == ["control"]
    assert view.is_poison is not None and not view.is_poison.any()
    images, labels = view.images(np.array([4])), view.labels
    assert images is not None and images.max() == 40
    assert labels is not None and labels.tolist() == [0, 1, 2, 0, 1]


def test_evaluation_and_predictions(view: RunView) -> None:
    evaluation = view.evaluation
    assert evaluation is not None
    assert {name: array.ravel()[0] for name, array in evaluation.items()} == {
        "eval_images": 200, "eval_wanted": 2, "eval_true": 1, "eval_indices": 4,
    }  # fmt: skip
    finish(view.store, "train", {}, test_predictions=np.array([0, 1]), eval_predictions=np.array([2]))
    found = view.predictions("undefended")
    assert found is not None and set(found) == {"test", "eval"}
    assert found["test"].tolist() == [0, 1] and found["eval"].tolist() == [2]
    assert view.predictions("sieve") is None


def test_the_control_is_trained_first_and_judged_later(view: RunView) -> None:
    finish(view.store, "control", {}, test_predictions=np.array([1, 1]))
    found = view.predictions("control")
    assert found is not None and set(found) == {"test"}
    finish(view.store, "measure", {}, eval_predictions=np.array([1]))
    found = view.predictions("control")
    assert found is not None and found["eval"].tolist() == [1]


def test_what_a_defense_found(view: RunView) -> None:
    scores, flagged = np.array([0.1, 0.2, 0.3, 9.0, 0.1, 8.0]), np.array([False, False, False, True, False, True])
    finish(
        view.store, "rest", {"knows": {"poison_count": 2}},
        scores=scores, flagged=flagged,
        projection=np.ones((6, 3), np.float32), singular_values=np.ones((3, 2), np.float32),
    )  # fmt: skip
    found = view.scores("sieve"), view.flagged("sieve")
    assert found[0] is not None and found[0].tolist() == scores.tolist()
    assert found[1] is not None and found[1].tolist() == flagged.tolist()
    assert view.knows("sieve") == {"poison_count": 2}
    assert view.scores("colander") is None and view.knows("colander") == {}
    assert view.projection is not None and view.projection.shape == (6, 3)
    assert view.singular_values is not None and view.singular_values.shape == (3, 2)


def test_steps_are_told_apart_by_arm_key_and_victim(view: RunView) -> None:
    finish(view.store, "train", {"passes": 7})
    assert view.step("train") == STEPS[2]
    assert view.meta("train", arm="undefended") == {"passes": 7}
    assert view.step("train", arm="undefended", poison_key=1) is None
    assert view.step("train", arm="undefended", victim=1) is None
    assert view.step("data", poison_key=1) == STEPS[0], "the data fit every key"
    assert RunView(view.store, view.run, poison_key=1).step("poison") is None


def test_series_and_result_come_from_the_store(view: RunView) -> None:
    view.store.add_point(view.run.id, arm="undefended", poison_key=0, victim=0, epoch=1, loss=0.5)
    assert [point["loss"] for point in view.series] == [0.5]
    view.store.finish(view.run.id, "done", result={"flags": []})
    assert RunView(view.store, view.store.run(view.run.id)).result == {"flags": []}
