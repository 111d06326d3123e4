"""Facility location: every way chooses the same medoids, in order, as a slow one that is plainly right."""

import math
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from core.analysis import facility_location, greedy_compiled, greedy_dense
from core.analysis.facility_location import Metric, Selection, medoid_counts, select, select_class
from core.errors import SpecError

UNITS = 2**24


def slow_similarities(rows: np.ndarray, metric: Metric, divisor: float) -> np.ndarray:
    """(n, n) int64 in units, written down plainly."""
    rows = rows.astype(np.float64)
    if metric == "euclidean":
        distances = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2))
    else:
        distances = np.ones((len(rows), len(rows)))
        lengths = np.sqrt((rows**2).sum(axis=1))
        for i, j in np.argwhere(lengths[:, None] * lengths > 0):
            distances[i, j] = 1 - rows[i] @ rows[j] / (lengths[i] * lengths[j])
        distances[np.ix_(lengths == 0, lengths == 0)] = 0
    return np.rint(np.exp(-distances / divisor) * UNITS).astype(np.int64)


def slow_greedy(similarities: np.ndarray, count: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Medoids, clusters and their sizes by the definition: all gains anew in every step, first index among equals."""
    best, medoids = np.zeros(len(similarities), np.int64), list[int]()
    for _ in range(count):
        gains = [
            -1 if j in medoids else int(np.maximum(column - best, 0).sum()) for j, column in enumerate(similarities.T)
        ]
        medoids.append(gains.index(max(gains)))
        best = np.maximum(best, similarities[:, medoids[-1]])
    cluster = similarities[:, medoids].argmax(axis=1)
    return medoids, cluster, np.maximum(np.bincount(cluster, minlength=count), 1)


def gradients(n: int, k: int, random: np.random.Generator, confident: float = 0.5) -> np.ndarray:
    """softmax - onehot of rows of class 0, many of them nearly zero."""
    logits = random.normal(size=(n, k)) * 2
    logits[:, 0] += np.where(random.random(n) < confident, random.uniform(8, 20, n), 2)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    rows = exponents / exponents.sum(axis=1, keepdims=True)
    rows[:, 0] -= 1
    return rows.astype(np.float32)


def lattice(side: int) -> np.ndarray:
    """Points of a square grid: many distances, and so many gains, are exactly equal."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=2).reshape(-1, 2).astype(np.float32)


RANDOM = np.random.default_rng(7)
INSTANCES: dict[str, tuple[np.ndarray, int]] = {
    **{f"gradients {n}x{k} {count}": (gradients(n, k, RANDOM), count)
       for n, k, count in [(40, 10, 4), (90, 10, 9), (90, 10, 27), (150, 10, 15), (120, 43, 12), (60, 2, 30)]},
    **{f"normal {n}x{k} {count}": (RANDOM.normal(size=(n, k)).astype(np.float32), count)
       for n, k, count in [(30, 3, 5), (80, 1, 20), (100, 20, 10), (64, 100, 16)]},
    "one row": (np.ones((1, 4), np.float32), 1),
    "two equal rows": (np.ones((2, 4), np.float32), 2),
    "all rows equal": (np.full((25, 3), 0.5, np.float32), 6),
    "all rows zero": (np.zeros((9, 10), np.float32), 9),
    "every row a medoid": (gradients(30, 10, RANDOM), 30),
    "every row a medoid, ties": (lattice(4), 16),
    "each row twice": (np.repeat(gradients(30, 10, RANDOM), 2, axis=0), 20),
    "each row twice, apart": (np.tile(gradients(30, 10, RANDOM), (2, 1)), 45),
    "few places, many rows": (RANDOM.integers(0, 2, (80, 3)).astype(np.float32), 20),
    "mirrored pairs": (np.concatenate([lattice(4), -lattice(4)]), 8),
    "lattice": (lattice(9), 12),
    "shuffled lattice": (RANDOM.permutation(lattice(8)), 10),
    "line": (np.arange(50, dtype=np.float32)[:, None], 10),
    "corners of a cube": (np.eye(12, dtype=np.float32), 5),
    "nearly equal rows": ((1 + RANDOM.normal(size=(60, 5)) * 1e-7).astype(np.float32), 10),
    "saturated": (np.round(gradients(100, 10, RANDOM, 0.9), 3), 30),
    "far apart": (RANDOM.normal(size=(40, 3)).astype(np.float32) * 1e6, 8),
    "one far from the rest": (np.r_[np.zeros((30, 2)), [[1e3, 0]]].astype(np.float32), 2),
    "very small": (gradients(40, 10, RANDOM) * np.float32(1e-30), 5),
    "negative": (-gradients(50, 10, RANDOM), 7),
    "longer than a block": (gradients(300, 5, RANDOM), 12),
}  # fmt: skip
METRICS: list[tuple[Metric, float | None]] = [
    ("euclidean", None),
    ("euclidean", 0.3),
    ("cosine", None),
    ("cosine", 0.5),
]


@pytest.mark.parametrize("metric, divisor", METRICS)
@pytest.mark.parametrize("name", INSTANCES)
def test_the_slow_way_chooses_the_same(name: str, metric: Metric, divisor: float | None) -> None:
    rows, count = INSTANCES[name]
    similarities = slow_similarities(rows, metric, rows.shape[1] if divisor is None else divisor)
    found = select_class(rows, count, metric=metric, divisor=divisor)
    assert_same(found, slow_greedy(similarities, count))


def assert_same(found: Selection, expected: tuple[list[int], np.ndarray, np.ndarray]) -> None:
    medoids, cluster, sizes = expected
    assert found.medoids.tolist() == medoids
    assert found.cluster.tolist() == cluster.tolist() and found.sizes.tolist() == sizes.tolist()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_on_a_gpu_all_classes_at_once_choose_the_same(metric: Metric) -> None:
    names = [name for name in INSTANCES if len(INSTANCES[name][0]) <= 150]
    points = [facility_location._points(*INSTANCES[name], metric, None) for name in names]
    for name, (order, nearest) in zip(names, greedy_dense.medoids(points, "cpu"), strict=True):
        expected = select_class(*INSTANCES[name], metric=metric)
        assert (name, order.tolist(), nearest.tolist()) == (name, expected.medoids.tolist(), expected.cluster.tolist())


@pytest.mark.parametrize("stored", [0, 1, 17, 299])
def test_what_memory_does_not_hold_is_computed_again(stored: int) -> None:
    points = facility_location._points(*INSTANCES["longer than a block"], "euclidean", None)
    order, nearest = greedy_compiled.medoids(points, np.empty(stored * 300, np.int32))
    expected = select_class(*INSTANCES["longer than a block"])
    assert order.tolist() == expected.medoids.tolist() and nearest.tolist() == expected.cluster.tolist()


# ---- all classes


def imbalanced(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat([0, 3, 4, 7], [100, 3, 41, 12])
    random.shuffle(labels)
    return gradients(len(labels), 10, random), labels


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.1, 0.33, 1.0])
def test_clusters_are_numbered_through_and_classes_do_not_mix(share: float, seed: int) -> None:
    rows, labels = imbalanced(np.random.default_rng(seed))
    found = select(rows, labels, share, random=np.random.default_rng(seed))
    assert len(found.medoids) == len(found.sizes) == math.floor(share * len(labels))
    assert (labels[found.medoids[found.cluster]] == labels).all()
    counts = medoid_counts(np.array([100, 3, 41, 12]), share, np.random.default_rng(seed)).tolist()
    offset = 0
    for label, count in zip([0, 3, 4, 7], counts, strict=True):
        members = np.flatnonzero(labels == label)
        alone = select_class(rows[members], count)
        assert found.medoids[offset : offset + count].tolist() == members[alone.medoids].tolist()
        assert found.cluster[members].tolist() == (alone.cluster + offset).tolist()
        assert found.sizes[offset : offset + count].tolist() == alone.sizes.tolist()
        offset += count


@pytest.mark.parametrize("threads", [2, 9])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = imbalanced(np.random.default_rng(5))
    expected = select(rows, labels, 0.2, random=np.random.default_rng(0))
    monkeypatch.setattr(facility_location.devices, "threads", lambda: threads)
    assert_equal(select(rows, labels, 0.2, random=np.random.default_rng(0)), expected)


def assert_equal(a: Selection, b: Selection) -> None:
    for name in ("medoids", "cluster", "sizes"):
        assert getattr(a, name).tolist() == getattr(b, name).tolist()


def test_a_gpu_takes_what_fits_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, labels = imbalanced(np.random.default_rng(6))
    expected = select(rows, labels, 0.2, random=np.random.default_rng(0))
    taken: list[list[int]] = []
    dense = greedy_dense.medoids

    def spied(points: list[facility_location.Points], device: str) -> list[tuple[np.ndarray, np.ndarray]]:
        taken.append([each.columns.shape[1] for each in points])
        return dense(points, "cpu")

    monkeypatch.setattr(greedy_dense, "medoids", spied)
    monkeypatch.setattr(facility_location, "DENSE_BYTES", 8 * 41**2 * 2)
    assert_equal(select(rows, labels, 0.2, random=np.random.default_rng(0), device="cuda"), expected)
    assert taken == [[41, 12], [3]]  # 100 rows are too many; beside 41 there is room for one more


def test_a_row_far_from_the_rest_stands_alone_wherever_it_is() -> None:
    random = np.random.default_rng(8)
    rows = gradients(200, 10, random) * np.float32(0.1)
    rows[50] = np.eye(10)[3] - np.eye(10)[0]
    order = random.permutation(200)
    for given, place in ((rows, 50), (rows[order], int(np.argsort(order)[50]))):
        found = select(given, np.zeros(200, np.int64), 0.1, random=random)
        assert found.sizes[found.cluster[place]] == 1 and found.medoids[found.cluster[place]] == place


def test_an_empty_cluster_counts_as_one() -> None:
    found = select_class(np.array([[0.0], [0.0], [9.0]], np.float32), 3)
    assert (found.medoids.tolist(), found.cluster.tolist(), found.sizes.tolist()) == ([0, 2, 1], [0, 0, 1], [2, 1, 1])


def test_similarities_are_those_of_float32_near_one() -> None:
    rows = gradients(60, 10, np.random.default_rng(9))
    points = facility_location._points(rows, 1, "euclidean", None)
    room = np.zeros(60 * 60, np.int32)
    greedy_compiled.medoids(points, room)
    distances = np.sqrt(((rows[:, None].astype(np.float64) - rows[None]) ** 2).sum(axis=2))
    assert (room.reshape(60, 60) == np.float32(np.exp(-distances / 10)).astype(np.float64) * UNITS).all()


# ---- how many


@pytest.mark.parametrize(
    "sizes, share, total",
    [([5000] * 10, 0.1, 5000), ([100], 0.07, 7), ([10, 10], 0.3, 6), ([7, 7, 7], 0.5, 10), ([1, 1, 98], 0.1, 10),
     ([4, 4], 1.0, 8), ([3, 3, 3, 1], 0.45, 4), ([1000, 37], 0.29, 300)],
)  # fmt: skip
def test_the_total_is_exact_and_classes_have_their_share(sizes: list[int], share: float, total: int) -> None:
    for seed in range(5):
        counts = medoid_counts(np.array(sizes), share, np.random.default_rng(seed))
        assert counts.sum() == total and (counts >= 1).all()
        most = np.array([math.ceil(round(share * size, 9)) for size in sizes])
        given_back = most - counts  # one each at most, except where the others have a single medoid left to keep
        assert (given_back >= 0).all() and (given_back[counts > 1] <= 2).all() and given_back.sum() == sum(most) - total


def test_chance_decides_which_class_gives_back() -> None:
    drawn = {tuple(medoid_counts(np.array([5, 5, 5]), 0.5, np.random.default_rng(seed))) for seed in range(20)}
    assert drawn == {(2, 2, 3), (2, 3, 2), (3, 2, 2)}


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda rows: select_class(rows, 0), "between 1 and 6 can be medoids, not 0"),
        (lambda rows: select_class(rows, 7), "between 1 and 6 can be medoids, not 7"),
        (lambda rows: select_class(rows, 1, divisor=0.0), "above 0, not 0.0"),
        (lambda rows: select_class(rows * np.float32(np.nan), 1), "finite"),
        (lambda rows: with_labels(rows, [0, 0, 0, 1, 1, 2], 0.4), "makes 2 of 6 rows medoids.* 3 classes.*least 0.5"),
        (lambda rows: with_labels(rows, [0] * 6, 0.1), "makes 0 of 6 rows medoids.*least 0.167"),
        (lambda rows: with_labels(rows, [0] * 6, 0.0), "not 0.0"),
        (lambda rows: with_labels(rows, [0] * 6, 1.5), "not 1.5"),
        (lambda rows: with_labels(rows, [0] * 5, 0.5), "6 and 5 are given"),
        (lambda rows: with_labels(rows[:0], [], 0.5), "0 and 0 are given"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(call: Callable[[np.ndarray], Selection], words: str) -> None:
    with pytest.raises(SpecError, match=words) as refused:
        call(gradients(6, 4, np.random.default_rng(0)))
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def with_labels(rows: np.ndarray, labels: list[int], share: float) -> Selection:
    return select(rows, np.array(labels, np.int64), share, random=np.random.default_rng(0))


# ---- compiled once


def test_where_numba_finds_no_folder_to_write_to_the_home_folder_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    numba = greedy_compiled.numba
    asked: list[str] = []

    def njit(**options: bool) -> Callable[..., Callable[..., int]]:
        def decorate(function: Callable[..., int]) -> Callable[..., int]:
            asked.append(numba.config.CACHE_DIR)
            if len(asked) == 1:
                raise RuntimeError("cannot cache function: no locator available")
            return function

        return decorate

    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(numba, "njit", njit)
    assert greedy_compiled.compiled(len) is len
    assert asked == ["", str(greedy_compiled.home() / "compiled")]


# ---- the public implementation

WHEEL = sys.platform in ("linux", "darwin") and sys.version_info < (3, 13)
public = pytest.mark.skipif(not WHEEL, reason="submodlib-py has no wheel for this Python")


def public_greedy(similarities: np.ndarray, count: int) -> list[int]:
    given = np.ascontiguousarray(similarities / UNITS, np.float32)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of a namespace of scipy's
        from submodlib import FacilityLocationFunction

        function = FacilityLocationFunction(n=len(given), mode="dense", separate_rep=False, sijs=given)
    return [row for row, _ in function.maximize(budget=count, optimizer="LazyGreedy", show_progress=False)]


def untied(similarities: np.ndarray, medoids: list[int]) -> int:
    """How many medoids were chosen before two gains were equal for the first time; all must be greedy choices."""
    best, first = np.zeros(len(similarities), np.int64), len(medoids)
    for step, medoid in enumerate(medoids):
        gains = np.maximum(similarities - best[:, None], 0).sum(axis=0)
        assert gains[medoid] == gains.max()
        if (gains == gains.max()).sum() > 1:
            first = min(first, step)
        best = np.maximum(best, similarities[:, medoid])
    return first


@public
@pytest.mark.parametrize("name", [name for name in INSTANCES if name != "one row"])
def test_the_public_implementation_chooses_the_same_until_two_gains_are_equal(name: str) -> None:
    """It breaks ties as they come out of its heap, and reads past its end where all rows are taken."""
    rows, count = INSTANCES[name]
    count = min(count, len(rows) - 1)
    similarities = slow_similarities(rows, "euclidean", rows.shape[1])
    medoids = select_class(rows, count).medoids.tolist()
    same = untied(similarities, medoids)
    assert medoids[:same] == public_greedy(similarities, count)[:same]


@public
@pytest.mark.parametrize("seed", range(30))
def test_on_gradients_the_public_implementation_chooses_the_same(seed: int) -> None:
    random = np.random.default_rng(1000 + seed)
    rows = gradients(int(random.integers(30, 160)), 10, random, confident=0.3)
    count = int(random.integers(3, 12))
    similarities = slow_similarities(rows, "euclidean", rows.shape[1])
    medoids = select_class(rows, count).medoids.tolist()
    same = untied(similarities, medoids)
    assert same >= 3 and medoids[:same] == public_greedy(similarities, count)[:same]
