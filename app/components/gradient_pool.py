"""What training defenses dropped, and what attacks came to, over all keys and victims of a run. No widgets here."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import cache, trials
from app.components import gradient_data
from app.components.gradient_data import UNDEFENDED
from core import metrics
from core.analysis import effective
from core.home import home
from core.metrics import Rate
from core.runs.store import Run
from core.runs.view import RunView

GROUPS = ("effective", "other", "clean")


@dataclass(frozen=True)
class Near:
    """How near the poisons of one key came to the target, in one victim without defense.

    Attributes:
        rows: (p,) int64, the poisons.
        distances: (e, p) float32.
        clean: (e, m) float32, those of the clean rows that carry the wanted label.
    """

    rows: np.ndarray
    distances: np.ndarray
    clean: np.ndarray

    def ever(self, threshold: float) -> np.ndarray:
        """(p,) bool: effective after at least one epoch at which the threshold tells anything."""
        told = effective.telling(self.clean, threshold)
        return np.asarray(effective.effective(self.distances, threshold)[told].any(axis=0))


def near(seen: RunView) -> Near | None:
    """Of one key and victim; None while its undefended model is not trained."""
    keys = (*cache.step_keys(seen, "data", "poison"), *cache.step_keys(seen, "train", arm=UNDEFENDED))
    return _near(str(home()), keys, seen)


@st.cache_resource(max_entries=256, show_spinner=False)
def _near(folder: str, keys: tuple[str | None, ...], _seen: RunView) -> Near | None:
    record, rows, labels, shown = (
        _seen.gradient_record(UNDEFENDED),
        _seen.poison_rows,
        _seen.labels,
        _seen.evaluation,
    )
    if record is None or rows is None or labels is None or shown is None:
        return None
    clean = np.setdiff1d(np.flatnonzero(labels == int(shown["eval_wanted"][0])), rows)
    parts = [effective.to_target(record["gradients"][:, part], record["target"])[0] for part in (rows, clean)]
    return Near(np.array(rows), *parts)


@dataclass(frozen=True)
class Course:
    """Shares over the epochs, from 0 on; the mean over trials and its 95 % interval, None of one trial."""

    mean: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    trials: int


def dropped(run: Run, threshold: float) -> dict[str, dict[str, Course]]:
    """By arm and group of rows, the share that had left training before each epoch's end.

    Args:
        run: its keys and victims are pooled, as far as they are trained.
        threshold: of effective poisons.

    Returns:
        By arm, then `effective`, `other`, `clean` (each left out where no trial has such rows) and `all`.
    """
    shares: dict[str, dict[str, list[np.ndarray]]] = {}
    epochs = gradient_data.epochs_of(run)
    for seen in gradient_data.everywhere(run):
        found = near(seen)
        if found is None:
            continue
        ever = found.ever(threshold)
        for arm, when in gradient_data.dropping(seen).items():
            clean = np.ones(len(when), dtype=bool)
            clean[found.rows] = False
            groups = {"effective": when[found.rows[ever]], "other": when[found.rows[~ever]], "clean": when[clean]}
            for name, part in {**groups, "all": when}.items():
                if len(part):
                    shares.setdefault(arm, {}).setdefault(name, []).append(gone(part, epochs))
    return {arm: {name: course(curves) for name, curves in groups.items()} for arm, groups in shares.items()}


def gone(when: np.ndarray, epochs: int) -> np.ndarray:
    """Share of rows that have left after 0, 1, ... epochs; those dropped after epoch e do not take part in e + 1.

    Args:
        when: (m,) integers, epochs after which a row was dropped, -1 where it stayed.
        epochs: of the training.

    Returns:
        (epochs + 1,) float in [0, 1].
    """
    counts = np.bincount(when[(when >= 0) & (when <= epochs)], minlength=epochs + 1)
    return np.asarray(np.cumsum(counts) / max(1, len(when)))


def course(curves: list[np.ndarray]) -> Course:
    """Mean and Student's t interval at each epoch."""
    stacked = np.stack(curves)
    if len(curves) == 1:
        return Course(stacked[0], None, None, 1)
    rates = [metrics.mean(values.tolist()) for values in stacked.T]
    mean, low, high = (np.array([getattr(rate, side) for rate in rates]) for side in ("mean", "low", "high"))
    return Course(mean, low, high, len(curves))


def success(run: Run) -> dict[str, dict[int, Rate]]:
    """By arm and epoch, the share of trials in which the target is read as wanted, with Wilson's interval.

    Trials do not count whose target the control misreads.
    """
    out = {(one["key"], one["victim"]) for one in trials.pairs(run) if not one["counted"]}
    hits: dict[str, dict[int, list[bool]]] = {}
    for point in cache.store().points(run.id):
        place = point["poison_key"], point["victim"]
        if point["asr"] is not None and point["poison_key"] is not None and place not in out:
            hits.setdefault(point["arm"], {}).setdefault(int(point["epoch"]), []).append(point["asr"] >= 0.5)
    return {
        arm: {epoch: metrics.wilson(sum(told), len(told)) for epoch, told in sorted(by_epoch.items())}
        for arm, by_epoch in hits.items()
    }
