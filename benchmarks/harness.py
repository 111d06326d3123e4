"""Timing two ways of doing the same, in turn, so that whatever slows the machine down slows both."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks import memory
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
        ours, reference: do the work once; no reference where it cannot be had on this machine.
        count: how many units of work (steps, images) one call does.
        device: cpu, cuda or mps.
        agreement: compares what the two compute; {measure: value}, empty where they compute different things.
        turns: how often ours and the reference are timed where one call takes long, both made ready beforehand; None:
            ROUNDS times, after a round that does not count.
        facts: what else there is to say, from the result so far; {measure: value}.
        note: a sentence for who reads the result.
    """

    name: str
    unit: str
    ours: Callable[[], object]
    reference: Callable[[], object] | None
    count: int
    device: str
    agreement: Callable[[], dict[str, float]]
    turns: tuple[int, int] | None = None
    facts: Callable[[dict[str, Any]], dict[str, float]] = lambda result: {}
    note: str = ""


def timed(entry: Entry) -> dict[str, Any]:
    """Time both ways in turn.

    Returns:
        {"name", "unit", "ours": {"median", "low", "high"}, "reference": {…}, "ratio", "device", "threads", "rounds",
        "reference_rounds", "agreement", "memory", "facts", "load", "note"}; low and high are the 5th and 95th
        percentile, ratio is the reference's median over ours, load is the system's of the last minute. "memory" is
        {"ours": {"process", "gpu"}, "reference": {…}, "alone"}, see `memory.Peak`, in megabytes. Without a reference,
        "reference" and "ratio" are None.
    """
    turns, uncounted = (entry.turns, 0) if entry.turns else ((ROUNDS, ROUNDS), 1)
    ways = [("ours", entry.ours, turns[0])]
    if entry.reference is not None:
        ways.append(("reference", entry.reference, turns[1]))
    seconds: dict[str, list[float]] = {"ours": [], "reference": []}
    peaks: dict[str, memory.Peak] = {}
    for number in range(-uncounted, max(turns)):
        for which, work, often in ways:
            if number < often:
                peak = peaks.setdefault(which, memory.Peak(entry.device))
                peak.start()
                took = _seconds(work, entry.device) / entry.count
                peak.stop()
                if number >= 0:
                    seconds[which].append(took)
    ours = _spread(seconds["ours"])
    reference = _spread(seconds["reference"]) if entry.reference is not None else None
    result = {
        "name": entry.name, "unit": entry.unit, "ours": ours, "reference": reference,
        "ratio": reference["median"] / ours["median"] if reference else None, "device": devices.describe(entry.device),
        "threads": torch.get_num_threads(), "rounds": len(seconds["ours"]),
        "reference_rounds": len(seconds["reference"]), "agreement": entry.agreement(),
        "memory": memory.told(peaks), "load": os.getloadavg()[0],
    }  # fmt: skip
    return {**result, "facts": entry.facts(result), "note": entry.note}


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
