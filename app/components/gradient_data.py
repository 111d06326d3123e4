"""What the page of the gradient space draws, read from a run's files and kept between reruns. No widgets here."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app import cache
from app.components import pair
from app.components.images import sprite
from core.analysis import effective, embedding
from core.home import home
from core.runs.store import Run
from core.runs.view import RunView

UNDEFENDED = "undefended"
TWINS = ("random", "loss", "confidence")


@dataclass(frozen=True)
class Space:
    """The gradients of the undefended model at the recorded epochs; arrays are read-only.

    Attributes:
        epochs: (e,) int64, 1 = after the first.
        labels: (n,) int64, as given.
        poison: (n,) bool, the truth.
        distances: (e, n) float32, of every row's gradient to the target's.
        sizes: (e, n) int32, rows in the cluster of the row's medoid, or None while that is not measured.
        share: medoids among all rows when clusters were measured, or None.
        wanted: the class that the attacker wants.
    """

    epochs: np.ndarray
    labels: np.ndarray
    poison: np.ndarray
    distances: np.ndarray
    sizes: np.ndarray | None
    share: float | None
    wanted: int

    def effective(self, threshold: float) -> np.ndarray:
        """(e, n) bool: the effective poisons at each epoch."""
        return effective.effective(self.distances, threshold) & self.poison

    def telling(self, threshold: float) -> np.ndarray:
        """(e,) bool: at which epochs the threshold says anything."""
        clean = self.distances[:, (self.labels == self.wanted) & ~self.poison]
        return effective.telling(clean, threshold)

    def ever(self, threshold: float) -> np.ndarray:
        """(n,) bool: poisons that were effective at an epoch that tells."""
        return np.asarray(self.effective(threshold)[self.telling(threshold)].any(axis=0))


def space(seen: RunView) -> Space | None:
    """The gradient space of one key and victim; None while its undefended model is not trained."""
    keys = (*cache.step_keys(seen, "data", "poison"), *cache.step_keys(seen, "train", "isolation", arm=UNDEFENDED))
    return _space(str(home()), keys, seen)


@st.cache_resource(max_entries=64, show_spinner=False)
def _space(folder: str, keys: tuple[str | None, ...], _seen: RunView) -> Space | None:
    record, shown = _seen.gradient_record(UNDEFENDED), _seen.evaluation
    labels, truth = _seen.labels, _seen.is_poison
    if record is None or shown is None or labels is None or truth is None:
        return None
    distances = [
        effective.to_target(record["gradients"][i : i + 1], record["target"][i : i + 1])[0][0]
        for i in range(len(record["epochs"]))
    ]
    sizes, meta = _seen.isolation, _seen.meta("isolation") or {}
    return Space(
        _frozen(np.array(record["epochs"])),
        _frozen(np.array(labels)),
        _frozen(truth),
        _frozen(np.stack(distances)),
        None if sizes is None else _frozen(np.array(sizes)),
        meta.get("share"),
        int(shown["eval_wanted"][0]),
    )


@dataclass(frozen=True)
class Places:
    """A map: rows (m,), positions (e, m + 1, 2) with the target last, and how it was made."""

    rows: np.ndarray
    positions: np.ndarray
    method: str
    parameters: dict[str, Any]


def places(seen: RunView, method: str, *, truth: bool) -> Places | None:
    """A map by UMAP, which the run has or has not, or by PCA, which costs nothing.

    Args:
        seen: the run.
        method: UMAP or PCA.
        truth: whether all poisons are shown where not all rows are; a map without it must not prefer them.
    """
    kind = "embedding" if method == "UMAP" else "train"
    if method == "UMAP" and (seen.poison_key, seen.victim) != (0, 0):
        return None
    keys = (*cache.step_keys(seen, kind, arm=UNDEFENDED), *cache.step_keys(seen, "data", "poison"))
    return _places(str(home()), keys, method, truth, seen) if keys[0] else None


@st.cache_resource(max_entries=16, show_spinner=False)
def _places(folder: str, keys: tuple[str | None, ...], method: str, truth: bool, _seen: RunView) -> Places | None:
    if method == "UMAP":
        found, labels = _seen.embedding, _seen.labels
        if found is None or labels is None:
            return None
        seen = np.full(len(found["rows"]), True) if truth else embedding.blind(labels, found["rows"])
        return Places(
            _frozen(np.array(found["rows"][seen])),
            _frozen(np.array(found["positions"][:, [*np.flatnonzero(seen), -1]])),
            method,
            dict(found["meta"].get("parameters", {})),
        )
    record, labels, poisons = _seen.gradient_record(UNDEFENDED), _seen.labels, _seen.poison_rows
    if record is None or labels is None or poisons is None:
        return None
    rows = embedding.sample(labels, np.asarray(poisons)[: None if truth else 0])
    points = np.stack(
        [
            np.concatenate([np.asarray(gradients[rows], np.float32), aim[None]])
            for gradients, aim in zip(record["gradients"], record["target"], strict=True)
        ]
    )
    return Places(_frozen(rows), _frozen(embedding.pca(points)), method, {})


def dropping(seen: RunView) -> dict[str, np.ndarray]:
    """By arm, (n,): after how many epochs a row left training, -1 where it stayed; arms that dropped rows only."""
    found = {}
    for arm in seen.arms:
        dropped = seen.dropped_at(arm)
        if dropped is not None:
            found[arm] = dropped
    return found


def base(arm: str, arms: list[str]) -> str:
    """The training defense that an arm belongs to: itself, or the one whose twin it is."""
    for twin in TWINS:
        if arm.endswith(f"_{twin}") and arm.removesuffix(f"_{twin}") in arms:
            return arm.removesuffix(f"_{twin}")
    return arm


def epochs_of(run: Run) -> int:
    """Epochs that the victims are trained for."""
    return int(run.spec["training"]["epochs"])


def everywhere(run: Run) -> list[RunView]:
    """The run through every key and victim."""
    return [cache.view(run, key, victim) for key in pair.keys(run) for victim in pair.victims(run)]


def sheet(seen: RunView, rows: np.ndarray, kind: str, target: bool) -> str:
    """A sheet with the images of a map's rows, and the target's if asked for, for thumbnails under the pointer."""
    return _sheet(str(home()), cache.step_keys(seen, "data", "poison"), kind, target, seen, rows)


@st.cache_resource(max_entries=4, show_spinner=False)
def _sheet(
    folder: str, keys: tuple[str | None, ...], kind: str, target: bool, _seen: RunView, _rows: np.ndarray
) -> str:
    images, shown = _seen.images(_rows), _seen.evaluation
    assert images is not None and shown is not None
    return sprite(np.concatenate([images, shown["eval_images"][:1]]) if target else images, cache.SHEET_COLUMNS)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
