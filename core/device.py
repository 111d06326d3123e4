"""Where the work is done, and in which arithmetic. torch is imported on first use."""

import os
import platform
from functools import cache

from core.errors import SpecError


@cache
def pick(name: str) -> str:
    """The device that a name means here: `auto` is CUDA, then Apple's MPS, then the CPU.

    Raises:
        SpecError: the named device is not in this machine.
    """
    import torch

    present = ["cpu"]
    if torch.backends.mps.is_available():
        present.insert(0, "mps")
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    if name == "auto":
        return present[0]
    if name not in present:
        raise SpecError(f"This machine has no device {name!r}; legal are auto, {', '.join(present)}.")
    return name


@cache
def describe(device: str) -> str:
    """A name for people, such as `cpu (2 cores)` or `cuda (NVIDIA H100)`."""
    if device == "cuda":
        import torch

        return f"cuda ({torch.cuda.get_device_name()})"
    if device == "cpu":
        return f"cpu ({cores()} cores)"
    return f"{device} ({platform.machine()})"


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def has_bfloat16(device: str) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware, so that autocast pays."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def threads() -> int:
    """Cores that one training on the CPU takes: one of up to seven, a quarter of more.

    A constant of the machine, because another number of threads adds up in another order and gives other bytes.
    """
    return max(1, cores() // 4)


def lanes(trainings: int, device: str) -> int:
    """Steps that are computed at the same time: on a CPU as many trainings as fit, elsewhere one.

    Two trainings with one core each are faster than one with two, and do not crawl when something else wants a core.
    """
    return max(1, min(cores() // threads(), trainings)) if device == "cpu" else 1
