"""Timing two ways of doing the same, in turn, so that whatever slows the machine down slows both."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core import device as devices

BENCHMARK = False

ROUNDS = 7
"""How often both ways are timed, after a round that does not count."""


@dataclass(frozen=True)
class Entry:
    """One comparison.

    Attributes:
        name: what is done, on which network, how often.
        unit: what a number says, such as `seconds per step`.
        ours, reference: do the work once.
        count: how many units of work (steps, images) one call does.
        device: cpu, cuda or mps.
        agreement: compares what the two compute; {measure: value}.
    """

    name: str
    unit: str
    ours: Callable[[], object]
    reference: Callable[[], object]
    count: int
    device: str
    agreement: Callable[[], dict[str, float]]


def timed(entry: Entry) -> dict[str, Any]:
    """Time both ways in turn.

    Returns:
        {"name", "unit", "ours": {"median", "low", "high"}, "reference": {…}, "ratio", "device", "threads", "rounds",
        "agreement"}; low and high are the 5th and 95th percentile, ratio is the reference's median over ours.
    """
    seconds: dict[str, list[float]] = {"ours": [], "reference": []}
    for number in range(ROUNDS + 1):
        for which, work in (("ours", entry.ours), ("reference", entry.reference)):
            took = _seconds(work, entry.device) / entry.count
            if number > 0:
                seconds[which].append(took)
    ours, reference = _spread(seconds["ours"]), _spread(seconds["reference"])
    return {
        "name": entry.name, "unit": entry.unit, "ours": ours, "reference": reference,
        "ratio": reference["median"] / ours["median"], "device": devices.describe(entry.device),
        "threads": torch.get_num_threads(), "rounds": ROUNDS, "agreement": entry.agreement(),
    }  # fmt: skip


def _seconds(work: Callable[[], object], device: str) -> float:
    _finish(device)
    begun = time.perf_counter()
    work()
    _finish(device)
    return time.perf_counter() - begun


def _finish(device: str) -> None:
    """Wait for a device that works on its own."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def _spread(seconds: list[float]) -> dict[str, float]:
    low, median, high = np.percentile(seconds, [5, 50, 95])
    return {"median": float(median), "low": float(low), "high": float(high)}


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    """Cosine of the angle between two tensors taken as vectors, in float64."""
    return float(torch.nn.functional.cosine_similarity(a.double().flatten(), b.double().flatten(), dim=0))
