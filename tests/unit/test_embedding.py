"""Maps of the gradient space: what stands alone ends up alone, what stays keeps its place, same seed same map."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.analysis import embedding


def clusters(count: int = 3, each: int = 30, k: int = 5, seed: int = 0) -> np.ndarray:
    """(count * each, k): tight clusters a distance of 1 or more apart."""
    random = np.random.default_rng(seed)
    rows = random.normal(scale=0.03, size=(count * each, k))
    rows[np.arange(count * each), np.arange(count * each) // each] += 1
    return rows.astype(np.float32)


def gaps(places: np.ndarray) -> np.ndarray:
    """Distance of every point to the nearest other one."""
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_isolated_row_ends_up_apart(seed: int) -> None:
    alone = np.full((1, 5), 0.7, np.float32)
    rows = np.concatenate([clusters(), alone])
    (places,) = embedding.maps(rows[None], seed=seed, neighbours=8)
    found = gaps(places)
    assert found[-1] > 4 * found[:-1].max()


def test_a_row_that_leaves_its_cluster_walks_away_and_the_others_stay() -> None:
    before = clusters()
    after = before.copy()
    after[0] = 0.7
    first, second = embedding.maps(np.stack([before, after]), seed=0, neighbours=8)
    middles = [places[1:].reshape(-1, 2)[:29].mean(axis=0) for places in (first, second)]
    assert np.linalg.norm(first[0] - middles[0]) < 3
    moved = np.linalg.norm(second - first, axis=1)
    extent = float(np.ptp(first, axis=0).max())
    assert np.median(moved[1:]) < 0.2 * extent, (moved, extent)
    assert gaps(second)[0] > 4 * np.median(gaps(second)[1:])


def test_same_seed_same_map_and_another_seed_another() -> None:
    rows = np.stack([clusters(), clusters(seed=1)])
    one, two, other = (embedding.maps(rows, seed=seed, neighbours=8) for seed in (3, 3, 4))
    assert one.dtype == np.float32 and one.shape == (2, 90, 2) and np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_rows_with_the_same_gradient_do_not_break_it() -> None:
    rows = np.concatenate([np.zeros((60, 4), np.float32), clusters(2, 10, 4)])
    places = embedding.maps(np.stack([rows, rows]), seed=0)
    assert np.isfinite(places).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_few_rows_get_a_map_too(count: int) -> None:
    places = embedding.maps(np.random.default_rng(0).normal(size=(2, count, 3)), seed=0)
    assert places.shape == (2, count, 2) and np.isfinite(places).all()


def test_progress_is_told_map_by_map() -> None:
    told: list[tuple[float, str]] = []
    embedding.maps(np.stack([clusters(2, 5)] * 2), seed=0, report=lambda share, text: told.append((share, text)))
    assert told == [(0.0, "map 1 of 2"), (0.5, "map 2 of 2"), (1.0, "maps are made")]


def test_procrustes_undoes_turning_mirroring_and_shifting() -> None:
    still = np.random.default_rng(0).normal(size=(20, 2))
    angle = 2.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for matrix in (turn, turn @ np.diag([1.0, -1.0])):
        np.testing.assert_allclose(embedding.aligned(still @ matrix + [3, -5], still), still, atol=1e-12)


def test_procrustes_does_not_scale() -> None:
    still = np.array([[0.0, 0], [1, 0], [0, 1]])
    fitted = embedding.aligned(3 * still, still)
    assert np.linalg.norm(fitted[1] - fitted[0]) == pytest.approx(3)
    np.testing.assert_allclose(fitted.mean(axis=0), still.mean(axis=0), atol=1e-12)


def test_pca_has_the_shape_of_a_map_and_one_set_of_axes_for_all_epochs() -> None:
    rows = np.stack([clusters(), clusters()])
    rows[1, 0] = rows[0, 40]  # goes over to another cluster
    places = embedding.pca(rows.astype(np.float16))
    assert places.shape == (2, 90, 2) and places.dtype == np.float32
    np.testing.assert_allclose(places[0, 1:], places[1, 1:], atol=1e-6)
    assert np.linalg.norm(places[1, 0] - places[0, 0]) > 0.5


def test_pca_of_points_on_a_line_by_hand() -> None:
    rows = np.array([[[0.0, 0, 0], [0, 3, 4]], [[0, -3, -4], [0, 0, 0]]])
    places = embedding.pca(rows)
    np.testing.assert_allclose(places[..., 0], [[0, 5], [-5, 0]], atol=1e-6)
    np.testing.assert_allclose(places[..., 1], 0, atol=1e-6)
    assert embedding.pca(np.ones((2, 3, 1))).shape == (2, 3, 2)


def test_few_rows_are_all_on_the_map() -> None:
    np.testing.assert_array_equal(embedding.sample(np.zeros(7, np.int64), np.array([2]), most=7), np.arange(7))


def test_a_sample_keeps_every_poison_and_takes_the_classes_evenly() -> None:
    labels = np.repeat([0, 1, 2], [1000, 50, 4])
    poisons = np.array([5, 6, 1003])
    rows = embedding.sample(labels, poisons, most=43)
    assert len(rows) == 43 and (np.diff(rows) > 0).all()
    assert np.isin(poisons, rows).all()
    others = np.setdiff1d(rows, poisons)
    assert np.bincount(labels[others]).tolist() == [18, 18, 4]
    own = others[labels[others] == 0]
    assert np.diff([0, *own, 999]).max() < 3 * 1000 / 18, "they lie all over the class"


def test_more_poisons_than_room_are_shown_all() -> None:
    poisons = np.arange(0, 40, 2)
    np.testing.assert_array_equal(embedding.sample(np.zeros(40, np.int64), poisons, most=10), poisons)


def test_who_is_not_to_know_the_poisons_sees_the_same_rows_whoever_they_are() -> None:
    labels = np.repeat([0, 1], [60, 20])
    seen = []
    for poisons in (np.arange(20), np.arange(30, 50), np.array([79])):
        rows = embedding.sample(labels, poisons, most=40)
        seen.append(rows[embedding.blind(labels, rows, most=40)])
        assert len(seen[-1]) == 20 and np.bincount(labels[seen[-1]]).tolist() == [10, 10]
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    assert embedding.blind(labels, np.arange(80), most=40).all(), "all rows are there: none is missing"


def test_neighbours_are_the_nearest_ones_and_begin_with_the_row_itself() -> None:
    rows = np.array([[0.0], [0.0], [1.0], [3.0]], np.float32)
    indices, far = embedding._nearest(rows, 3)
    assert indices[:, 0].tolist() == [0, 1, 2, 3] and far[:, 0].tolist() == [0, 0, 0, 0]
    assert indices[2:, 1].tolist()[1] == 2 and far[3].tolist() == [0, 2, 3]


def test_umap_is_imported_when_it_is_needed_and_not_before(root: Path) -> None:
    code = (
        "import sys; from core.analysis import embedding; embedding.pca(__import__('numpy').ones((1, 4, 3)));"
        "print(sorted({'umap', 'numba', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
