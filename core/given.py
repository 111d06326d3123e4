"""What is known about data that came as they are: in an experiment, in a stored run, and in what detection may say."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.spec import Component

ATTACK = "as_given"
REMOVED = ("removed",)
"""All that may be said of a detection where nobody knows the truth."""


def is_given(spec: Mapping[str, Any]) -> bool:
    """Whether the stored experiment of a run looks at data as they came."""
    return bool((spec.get("attack") or {}).get("name") == ATTACK)


def unknown(spec: Mapping[str, Any]) -> bool:
    """Whether nobody knows which rows of a stored run are poisons."""
    return is_given(spec) and (spec["attack"].get("truth") or "unknown") == "unknown"


def truth_unknown(attack: Component | None) -> bool:
    """Whether nobody knows which rows are poisons."""
    return getattr(attack, "truth", "") == "unknown"


def detected(
    flagged: np.ndarray, truth: np.ndarray, scores: np.ndarray | None = None, *, known: bool
) -> dict[str, Any]:
    """What `core.metrics.detection` says; where nobody knows the truth, only how many rows are flagged.

    Args:
        flagged, truth: (n,) bool.
        scores: (n,) float64.
        known: whether `truth` means anything.
    """
    from core.metrics import detection  # which loads scipy, and no page that only asks about a run needs it

    told = detection(flagged, truth, scores).as_dict()
    return told if known else {name: told[name] for name in REMOVED}
