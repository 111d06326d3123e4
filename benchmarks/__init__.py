"""What is timed, beside the plain way that it is timed against, in one process: `python -m core bench NAME`.

A benchmark's name is the stem of its file; a file without one sets `BENCHMARK = False`. Its `entries(device)` yields
what `harness.timed` measures.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def names() -> list[str]:
    """Names of all benchmarks, as they are typed."""
    stems = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(stem.replace("_", "-") for stem in stems if getattr(_module(stem), "BENCHMARK", True))


def timed(name: str, device: str) -> Iterator[dict[str, Any]]:
    """Time every entry of a benchmark with as many threads as a training has.

    Args:
        name: one of `names()`.
        device: auto, cpu, cuda or mps.

    Yields:
        One result per entry; see `harness.timed`.

    Raises:
        SpecError: the named device is not in this machine.
    """
    import torch

    from benchmarks import harness
    from core import device as devices

    found = devices.pick(device)
    torch.set_num_threads(devices.threads())
    for entry in _module(name.replace("-", "_")).entries(found):
        yield harness.timed(entry)


def _module(stem: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{stem}")
