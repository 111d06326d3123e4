"""Maps of the gradient space: one point a row, one map an epoch, on which points keep their place.

`maps` (UMAP) is computed by the worker: importing umap and compiling its kernels takes seconds to half a minute. `pca`
is there at once, and a page draws it until the maps are made. No torch, and umap only inside functions: pages import
this file.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from scipy import sparse

SHOWN = 5000
"""Rows on a map; more are neither told apart by an eye nor moved smoothly by a browser."""
NEIGHBOURS = 15
MIN_DISTANCE = 0.1
REACH = 0.5
"""Distance of two gradients, which are at most 2 apart, beyond which being neighbours ties them little together."""
FIRST, NEXT = (300, 1.0), (150, 0.3)
"""Rounds of optimisation and how far a round moves a point at first: of the first map, and of those that start from
the map before, which are to change no more than they must."""
GOLDEN = 0.6180339887498949
EXTENT = 10.0
"""Half the width of the first map before it is optimised, as umap itself starts."""

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class _How:
    neighbours: int
    min_distance: float
    rounds: int
    speed: float


def sample(labels: np.ndarray, poisons: np.ndarray, most: int = SHOWN) -> np.ndarray:
    """Rows for a map: all where they are few; else all poisons, and the others evenly by class.

    Args:
        labels: (n,) int64.
        poisons: (p,) int64 row ids.
        most: rows at most, unless there are more poisons.

    Returns:
        (m,) int64, ascending; nothing is drawn at random.
    """
    n = len(labels)
    if n <= most:
        return np.arange(n)
    order = _evenly(labels)
    chosen = order[~np.isin(order, poisons)][: max(0, most - len(poisons))]
    return np.union1d(poisons, chosen)


def blind(labels: np.ndarray, rows: np.ndarray, most: int = SHOWN) -> np.ndarray:
    """Which rows of a map may be seen by who is not to know the poisons: a row's absence must tell nothing.

    Args:
        labels: (n,) int64.
        rows: (m,) int64, a `sample` of them.
        most: as for the sample.

    Returns:
        (m,) bool: all, where all rows are on the map; else those of an even half, which `sample` holds whoever the
        poisons are as long as they are no more than the other half.
    """
    if len(rows) == len(labels):
        return np.ones(len(rows), dtype=bool)
    return np.isin(rows, _evenly(labels)[: most // 2])


def _evenly(labels: np.ndarray) -> np.ndarray:
    """(n,) int64, all rows in an order of which any beginning holds as many of each class as it can.

    A row's rank within its class comes first. Ranks follow multiples of the golden ratio: however few of a class are
    taken, they lie evenly among its rows.
    """
    ranks = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        ranks[own] = np.argsort(np.arange(len(own)) * GOLDEN % 1.0, kind="stable")
    return np.argsort(ranks, kind="stable")


def pca(gradients: np.ndarray) -> np.ndarray:
    """Maps by the two principal components of all epochs together, so that a place means the same at each of them.

    Args:
        gradients: (e, m, k) float.

    Returns:
        (e, m, 2) float32. A component's sign is such that its largest coordinate is positive.
    """
    e, m, k = gradients.shape
    rows = np.asarray(gradients, dtype=np.float32).reshape(e * m, k).astype(np.float64)
    centred = rows - rows.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :2]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found = np.zeros((e * m, 2))
    found[:, : axes.shape[1]] = centred @ (axes * signs)
    return found.reshape(e, m, 2).astype(np.float32)


def maps(
    gradients: np.ndarray,
    *,
    seed: int,
    neighbours: int = NEIGHBOURS,
    min_distance: float = MIN_DISTANCE,
    report: Report = lambda fraction, text: None,
) -> np.ndarray:
    """Maps by UMAP, each started from the one before and laid onto it, so that what does not change stays.

    Args:
        gradients: (e, m, k) float, rows (and the target) after each of e epochs.
        seed: same gradients and seed, same maps, on one machine.
        neighbours: how many a point is attached to; fewer where there are fewer points.
        min_distance: how near points may come.
        report: told the share that is done, and which map comes next.

    Returns:
        (e, m, 2) float32.

    Source: McInnes, Healy, Melville, "UMAP", 2018, by umap-learn. Departures: neighbours are found exactly; ties weaken
    with distance, because UMAP measures every row by its own neighbours and so puts a row that is alone among those
    that it is least far from; the first map starts from principal components; the next ones start from the map before,
    take half of the rounds, and are turned, mirrored and shifted onto it (orthogonal Procrustes fit, no scaling).
    """
    e, m, _ = gradients.shape
    if m <= 3:  # nothing to attach to
        return pca(gradients)
    found = np.empty((e, m, 2), dtype=np.float32)
    place = _start(pca(gradients[:1])[0], seed)
    for epoch, rows in enumerate(np.asarray(gradients, dtype=np.float32)):
        report(epoch / e, f"map {epoch + 1} of {e}")
        rounds, speed = NEXT if epoch else FIRST
        moved = _map(rows, place, _How(min(neighbours, m - 1), min_distance, rounds, speed), seed + epoch)
        found[epoch] = place = aligned(moved, place) if epoch else moved - moved.mean(axis=0)
    report(1.0, "maps are made")
    return found


def aligned(moved: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Lay a map onto another one of the same points: turned, mirrored and shifted, never scaled.

    Args:
        moved, still: (m, 2) float.

    Returns:
        (m, 2) float: `moved`, as near to `still` in the least-squares sense as that allows.
    """
    here, there = moved - moved.mean(axis=0), still - still.mean(axis=0)
    left, _, right = np.linalg.svd(here.T.astype(np.float64) @ there)
    return here @ (left @ right).astype(here.dtype) + still.mean(axis=0)


def _umap() -> tuple[ModuleType, ModuleType]:
    with warnings.catch_warnings():
        # It warns that it lacks tensorflow, which is meant for something else.
        warnings.simplefilter("ignore", ImportWarning)
        from umap import layouts, umap_
    return umap_, layouts


def _start(places: np.ndarray, seed: int) -> np.ndarray:
    """Where the first map starts: wide enough, and no two points on one place, because these would never part."""
    widest = max(float(np.abs(places).max()), 1e-12)
    noise = np.random.default_rng(seed).normal(scale=1e-3 * EXTENT, size=places.shape)
    return (places * (EXTENT / widest) + noise).astype(np.float32)


def _map(rows: np.ndarray, start: np.ndarray, how: _How, seed: int) -> np.ndarray:
    """One UMAP of (m, k) float32 rows from (m, 2) places; (m, 2) float32."""
    umap, layouts = _umap()
    random = np.random.RandomState(seed % 2**32)
    indices, far = _nearest(rows, how.neighbours)
    graph = umap.fuzzy_simplicial_set(rows, how.neighbours, random, "euclidean", knn_indices=indices, knn_dists=far)[0]
    head, tail, ties = _loosened(graph.tocoo(), rows)
    kept = ties >= ties.max() / how.rounds  # weaker ones would not come to their turn
    a, b = umap.find_ab_params(1.0, how.min_distance)
    # Not umap's own function around this one: that stretches both sides of the start to one fixed length.
    return np.asarray(
        layouts.optimize_layout_euclidean(
            places := start.astype(np.float32, order="C", copy=True),
            places,
            head[kept],
            tail[kept],
            how.rounds,
            len(rows),
            umap.make_epochs_per_sample(ties[kept], how.rounds),
            a,
            b,
            random.randint(-(2**31) + 1, 2**31 - 1, 3).astype(np.int64),
            initial_alpha=how.speed,
            move_other=True,
        )
    )


def _loosened(graph: sparse.coo_matrix, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weaken the ties between rows that are far apart, and give each row what it lost as a tie to itself.

    A tie to itself pulls nowhere, but it makes umap push the row away from others as often as before: without it a
    weaker tie would only mean fewer pulls and fewer pushes, and the row would come to the same place.

    Returns:
        head, tail, ties: each (t,), from which row to which, and how strong.
    """
    apart = np.linalg.norm(rows[graph.row] - rows[graph.col], axis=1)
    kept = graph.data * np.exp(-((apart / REACH) ** 2))
    head = np.concatenate([graph.row, graph.row])
    tail = np.concatenate([graph.col, graph.row])
    return head, tail, np.concatenate([kept, graph.data - kept]).astype(np.float32)


def _nearest(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every row's nearest rows, itself the first: (m, count) int32 and float32 distances. Exact, in blocks."""
    m = len(rows)
    squares = (rows.astype(np.float64) ** 2).sum(axis=1)
    indices, far = np.empty((m, count), dtype=np.int32), np.empty((m, count), dtype=np.float32)
    for start in range(0, m, 512):
        part = slice(start, min(start + 512, m))
        apart = squares[part, None] + squares[None] - 2 * rows[part].astype(np.float64) @ rows.T.astype(np.float64)
        apart[np.arange(part.stop - start), np.arange(start, part.stop)] = -1  # itself before its duplicates
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(apart, near, 1), axis=1, kind="stable")
        near = np.take_along_axis(near, order, 1)
        indices[part] = near
        far[part] = np.sqrt(np.maximum(np.take_along_axis(apart, near, 1), 0))
    return indices, far
