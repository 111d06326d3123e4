"""What a training defense wrote down while it took part in a training."""

from typing import Any

import numpy as np

from core.defenses.dropping import STAYED, Dropping
from core.defenses.practice import Practising
from core.given import detected
from core.sets import PoisonedSet
from core.train.hooks import Hooks


def noted(
    hooks: Hooks | None, poisoned: PoisonedSet | None, *, known: bool
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Its metadata and arrays, to be saved beside the trained network; `known`: whether the truth about poisons is."""
    if isinstance(hooks, Practising) and hooks.record is not None:
        return hooks.record.saved()
    meta, arrays = _dropped(hooks, poisoned, known=known)
    return meta | (hooks.report() if hooks else {}), arrays


def _dropped(
    hooks: Hooks | None, poisoned: PoisonedSet | None, *, known: bool
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Which rows left training, and how well that matches the truth, which the defense never saw."""
    if not isinstance(hooks, Dropping) or poisoned is None:
        return {}, {}
    dropped_at = hooks.dropped_at
    gone = dropped_at != STAYED
    earlier = np.where(gone, -dropped_at.astype(np.float64), -np.inf)  # the earlier it was dropped, the more suspicious
    caught = detected(gone, poisoned.truth, earlier, known=known)
    labels = poisoned.train.labels
    shares = [float(gone[labels == label].mean()) for label in np.unique(labels)]
    return {"detection": caught, "removed_shares": shares}, {"dropped_at": dropped_at}
