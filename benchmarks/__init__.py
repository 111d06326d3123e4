"""What is timed, beside the plain way that it is timed against, in one process: `python -m core bench NAME`.

A benchmark's name is the stem of its file; a file without one sets `BENCHMARK = False`. Its `entries(device)` yields
what `harness.timed` measures. One that is measured against a budget instead of another way has `measured(only)`.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from core.errors import SpecError


def names() -> list[str]:
    """Names of all benchmarks, as they are typed."""
    stems = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(stem.replace("_", "-") for stem in stems if getattr(_module(stem), "BENCHMARK", True))


def timed(name: str, device: str, only: str | None = None) -> Iterator[dict[str, Any]]:
    """Time every entry of a benchmark with as many threads as a training has.

    Args:
        name: one of `names()`.
        device: auto, cpu, cuda or mps.
        only: time what has this in its name and nothing else.

    Yields:
        One result per entry; see `harness.timed`.

    Raises:
        SpecError: the named device is not in this machine, or no entry has that name.
    """
    benchmark = _module(name.replace("-", "_"))
    if hasattr(benchmark, "measured"):
        yield from benchmark.measured(only)
        return
    import torch

    from benchmarks import harness
    from core import device as devices
    from core.train import trial

    found = devices.pick(device)
    trial.ensure(found)
    torch.set_num_threads(devices.threads())
    names = []
    for entry in benchmark.entries(found):
        names.append(entry.name)
        if only is None or only in entry.name:
            yield harness.timed(entry)
    if only is not None and not any(only in each for each in names):
        raise SpecError(f"Nothing of {name} has {only!r} in its name; there are {'; '.join(names)}.")


def _module(stem: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{stem}")
