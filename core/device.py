"""Where the work is done, and in which arithmetic. torch is imported on first use.

In which arithmetic was tried out once on this machine (`core.train.trial`) and stands in a file of the home folder, so
that the same seed gives the same bytes from then on. Until then, and in processes that never train, a rule decides.
"""

import json
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import SpecError
from core.home import home

if TYPE_CHECKING:
    import torch

TRIALS = "arithmetic.json"
"""What trials found, a file in the home folder: an `Arithmetic` by what `tried_on` says."""
THREADS = "POISONSCOPE_THREADS"
"""Environment variable: cores that one training on the CPU takes, whatever a trial found."""
TRIAL = "POISONSCOPE_TRIAL"
"""Environment variable: "off" leaves out trials and what they found, and keeps to the rule, the same everywhere."""
LANES = 4
"""Steps at the same time on a GPU, at most: they share one interpreter, which has to start every kernel."""
ROOM = 8 * 2**30
"""Bytes of a GPU for each of them: data, activations and what the allocator keeps."""

_streams = threading.local()
_counting = threading.Lock()
_at_work: list[str] = []  # an entry for every step that computes on the GPU now


class Arithmetic(BaseModel):
    """How trainings compute on a device.

    Attributes:
        bfloat16: whether forward and backward passes run in it, unless an experiment's `training.precision` says else.
        channels_last: whether images lie channels last in memory.
        threads: cores that one training takes; on the CPU.
        why: one sentence.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    bfloat16: bool
    channels_last: bool
    threads: int
    why: str


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


def describe(device: str) -> str:
    """A name for people, such as `cpu (2 cores)` or `cuda (NVIDIA H100)`."""
    return f"{device} ({_what(device)})"


def described_with_arithmetic(device: str) -> str:
    """The same with the precision that `auto` means here: `cpu (2 cores, bfloat16)`."""
    return f"{device} ({_what(device)}, {'bfloat16' if has_bfloat16(device) else 'float32'})"


def _what(device: str) -> str:
    if device == "cuda":
        return _gpu()
    return f"{cores()} cores" if device == "cpu" else platform.machine()


@cache
def _gpu() -> str:
    import torch

    return str(torch.cuda.get_device_name())


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- in which arithmetic


def has_bfloat16(device: str) -> bool:
    """Whether passes in bfloat16 pay on the device, so that they are taken where nobody chose a precision."""
    return arithmetic(device).bfloat16


def layout(device: str) -> "torch.memory_format":
    """The order in which images lie in memory."""
    import torch

    return torch.channels_last if arithmetic(device).channels_last else torch.contiguous_format


def threads() -> int:
    """Cores that one training on the CPU takes.

    A constant of the machine, because another number of threads adds up in another order and gives other bytes.

    Raises:
        SpecError: the environment names a number that is none.
    """
    named = os.environ.get(THREADS)
    if named is None:
        found = tried("cpu")
        return most_threads() if found is None else found.threads
    if not named.isdecimal() or not 1 <= int(named) <= cores():
        raise SpecError(f"{THREADS} is {named!r}; legal is a whole number from 1 to {cores()}.")
    return int(named)


def arithmetic(device: str) -> Arithmetic:
    """How trainings compute on a device: as a trial found, or by rule where there was none."""
    return tried(device) or by_rule(device)


def tried(device: str) -> Arithmetic | None:
    """What a trial on this machine found; None if there was none, or what stands in the file is none."""
    if not tries():
        return None
    with suppress(_NothingYet):
        return _tried(device, home())
    return None


def tries() -> bool:
    """Whether trials count here."""
    return os.environ.get(TRIAL) != "off"


class _NothingYet(Exception):
    """No trial is noted. Raised, so that it is not remembered: another process may note one at any time."""


@cache
def _tried(device: str, folder: Path) -> Arithmetic:
    try:
        return Arithmetic.model_validate(_trials(folder)[tried_on(device)])
    except (KeyError, ValidationError) as error:
        raise _NothingYet from error


def remember(device: str, found: Arithmetic) -> None:
    """Keep what a trial found, from now on and for other processes."""
    path = home() / TRIALS
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({**_trials(home()), tried_on(device): found.model_dump()}, indent=1))
    temporary.replace(path)
    _tried.cache_clear()


def _trials(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / TRIALS).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def tried_on(device: str) -> str:
    """What a trial's outcome depends on: the device, its kind, and torch's version."""
    kind = _gpu() if device == "cuda" else f"{_processor()}, {cores()} cores"
    return f"{device}, {kind}, torch {version('torch')}"


@cache
def _processor() -> str:
    """The processor's name and, where Linux tells them, its instructions, which a name may hide."""
    try:
        told = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    facts = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    named = {name.strip(): value.strip() for name, value in facts.items()}
    fast = [flag for flag in named.get("flags", "").split() if flag.startswith(("avx", "amx"))]
    return " ".join([platform.machine(), named.get("model name", platform.processor()), *fast])


def by_rule(device: str) -> Arithmetic:
    """A good guess: bfloat16 where the hardware multiplies such matrices, and one core in four."""
    why = "by rule, as it was not tried out yet"
    return Arithmetic(bfloat16=_multiplies(device), channels_last=True, threads=most_threads(), why=why)


@cache
def _multiplies(device: str) -> bool:
    """Whether the hardware says that it multiplies matrices of bfloat16."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def most_threads() -> int:
    """Cores that one training on the CPU may take: one of up to seven, a quarter of more.

    Several trainings with few cores each are faster than one with many, and do not crawl when something else wants one.
    """
    return max(1, cores() // 4)


def peak(device: str) -> int | None:
    """Most bytes of the GPU that all steps beside each other had taken at a time; None where that is not counted."""
    if device != "cuda":
        return None
    import torch

    return int(torch.cuda.max_memory_allocated())


# ---- several steps at once


def lanes(steps: int, device: str) -> int:
    """How many of so many steps are computed at the same time: as many as fit, one at least.

    On a CPU as many as have cores, on CUDA as many as have memory, elsewhere one.
    """
    room = 1
    if device in ("cpu", "cuda"):
        room = cores() // threads() if device == "cpu" else min(LANES, _memory() // ROOM)
    return max(1, min(room, steps))


@cache
def _memory() -> int:
    """Bytes of the GPU, 0 without one; asking for those that are free would cost a process that only looks some."""
    import torch

    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else 0


@contextmanager
def lane(device: str) -> Iterator[None]:
    """What a step runs in: on CUDA a stream of the thread's own, so that steps of several threads share the GPU.

    A step that begins alone counts its memory anew; one that begins beside others does not forget what they have taken.
    """
    if device != "cuda":
        yield
        return
    import torch

    if not hasattr(_streams, "own"):  # one a thread, not one a step: the allocator keeps memory for every stream
        _streams.own = torch.cuda.Stream()
    with _counting:
        if not _at_work:
            torch.cuda.reset_peak_memory_stats()
        _at_work.append(device)
    try:
        with torch.cuda.stream(_streams.own):
            yield
    finally:
        with _counting:
            _at_work.pop()
