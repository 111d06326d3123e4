"""The most memory that a piece of work took, counted for it alone where the system can start counting anew."""

import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

BENCHMARK = False

PROCESSES = Path("/proc")
PROCESS = PROCESSES / "self"
NOTE = "the whole process, PyTorch and data included, workers of a loader not"
"""What the number of a process is of."""


class Peak:
    """The largest of several pieces of work.

    Attributes:
        alone: whether what went before the work does not count; where the system cannot start anew, it does.
        megabytes: `process`, see `NOTE`; on CUDA also `gpu`, what PyTorch had allocated there.
    """

    def __init__(self, device: str) -> None:
        self.device, self.alone = device, True
        self.megabytes: dict[str, float] = {}

    def start(self) -> None:
        """Before a piece of work."""
        self.alone = _started_anew() and self.alone
        if self.device == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats()

    def stop(self) -> None:
        """After it."""
        found = {"process": resident()}
        if self.device == "cuda":
            import torch

            found["gpu"] = torch.cuda.max_memory_allocated() / 1e6
        self.megabytes = {name: max(value, self.megabytes.get(name, 0.0)) for name, value in found.items()}


def told(peaks: Mapping[str, Peak]) -> dict[str, Any]:
    """Returns {way: megabytes, …, "alone": whether each is of its way alone}."""
    return {**{way: peak.megabytes for way, peak in peaks.items()}, "alone": all(p.alone for p in peaks.values())}


def _started_anew() -> bool:
    """Whether Linux counts this process's peak from here on; writing a 5 asks for that."""
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def resident(pid: int | None = None) -> float:
    """Largest resident memory of a process so far, in megabytes; elsewhere than on Linux, of another one as it is now.

    Args:
        pid: of a process that may end meanwhile, which then had none; None for this one.
    """
    try:
        lines = (PROCESS if pid is None else PROCESSES / str(pid)).joinpath("status").read_text().splitlines()
        kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM")), "0")
        return int(kilobytes) * 1024 / 1e6
    except OSError:
        if pid is None:
            unit = 1 if sys.platform == "darwin" else 1024
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    try:
        return psutil.Process(pid).memory_info().rss / 1e6
    except psutil.NoSuchProcess:
        return 0.0
