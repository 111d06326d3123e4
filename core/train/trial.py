"""Which arithmetic is fastest on this machine: tried out once for a torch version, in about two seconds.

A rule (`core.device.by_rule`) is kept unless something else is clearly faster, so that noise decides nothing.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import product

import torch
from torch import nn

from core import device as devices
from core.device import Arithmetic
from core.models.base import conv

SECONDS = 2.0
"""How long the ways of computing take turns."""
MARGIN = 1.1
"""How many times as fast as by rule another way must be to be chosen."""
HOPELESS = 5.0
"""How many times as slow as by rule a way may be on two images to be tried on more: without the instructions for it
bfloat16 can be a hundred times as slow."""
HALVING = 1.25
"""How many times as slow half of the threads may be to be enough."""
WIDTH, SIZE, FEW = 64, 32, 2
BATCH = {"cpu": 32}
MANY = 512
"""Images of a step on any other device, which fewer would not fill."""

Way = tuple[bool, bool]
"""Whether in bfloat16; whether channels come last."""
WAYS: tuple[Way, ...] = tuple(product((True, False), (True, False)))


def ensure(device: str) -> None:
    """Try out which arithmetic is fastest, where that was not done and is not switched off; say what was found."""
    if devices.tries() and devices.tried(device) is None:
        try:
            found = trial(device)
        except RuntimeError as error:  # such as a GPU that others have filled; the next run tries again
            print(f"Arithmetic on {devices.describe(device)} by rule: {error}", file=sys.stderr, flush=True)
            return
        devices.remember(device, found)
        print(f"Arithmetic on {devices.describe(device)}: {found.why}.", file=sys.stderr, flush=True)


def trial(device: str) -> Arithmetic:
    """Try all ways on a small network of convolutions, then, on a CPU, how many threads are enough.

    Raises:
        RuntimeError: the device did not do it.
    """
    rule, before = devices.by_rule(device), torch.get_num_threads()
    try:
        torch.set_num_threads(rule.threads)
        steps = {way: _Step(device, way) for way in WAYS}
        taken = _turns({way: step.seconds for way, step in steps.items()}, (rule.bfloat16, rule.channels_last))
        chosen = choose(taken, (rule.bfloat16, rule.channels_last))
        threads = enough(rule.threads, steps[chosen].on_threads) if device == "cpu" else rule.threads
    finally:
        torch.set_num_threads(before)
    told = ", ".join(f"{_named(way)} {1000 * seconds:.3g} ms" for way, seconds in taken.items())
    words = f"{_named(chosen)}, {threads} threads a training" if threads > 1 else _named(chosen)
    return Arithmetic(bfloat16=chosen[0], channels_last=chosen[1], threads=threads, why=f"{words}: a step took {told}")


def choose(taken: dict[Way, float], rule: Way) -> Way:
    """The fastest way by the seconds that each took, if it is faster than by rule by the margin; else the rule."""
    fastest = min(taken, key=lambda way: taken[way])
    return fastest if rule not in taken or taken[rule] >= MARGIN * taken[fastest] else rule


def enough(most: int, seconds: Callable[[int], float]) -> int:
    """Half as many threads, and half of those, as long as that costs little: other trainings can use the cores.

    Args:
        most: threads to begin with.
        seconds: that a step takes on so many threads.
    """
    threads = most
    while threads > 1 and seconds(threads // 2) < HALVING * seconds(threads):
        threads //= 2
    return threads


def _turns(steps: dict[Way, Callable[[int], float]], rule: Way) -> dict[Way, float]:
    """The least seconds that a step took in each way, in turns; ways that fail here or are hopeless are left out."""
    first: dict[Way, float] = {}
    for way, step in steps.items():
        with suppress(RuntimeError):  # how torch says that a device has no bfloat16
            first[way] = min(step(FEW), step(FEW))
    if not first:
        raise RuntimeError("no arithmetic works on it.")
    least = first.get(rule, min(first.values()))
    taken = {way: float("inf") for way in first if first[way] <= HOPELESS * least}
    ends = time.perf_counter() + SECONDS
    turns = 0
    while turns < 2 or time.perf_counter() < ends:
        for way in taken:
            seconds = steps[way](0)
            taken[way] = min(taken[way], seconds) if turns else float("inf")  # the first turn compiles kernels
        turns += 1
    return taken


class _Step:
    """A forward and backward pass of a few convolutions, as they are in every network here."""

    def __init__(self, device: str, way: Way) -> None:
        self.device, (self.half, last) = device, way
        layout = torch.channels_last if last else torch.contiguous_format
        layers = [conv(3, WIDTH), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True), conv(WIDTH, WIDTH)]
        self.net = nn.Sequential(*layers).to(device).to(memory_format=layout)
        images = torch.rand(BATCH.get(device, MANY), 3, SIZE, SIZE)
        self.images = images.to(device).contiguous(memory_format=layout)

    def seconds(self, count: int) -> float:
        """Of one step on so many images; on all of them if 0."""
        images = self.images[: count or None]
        begun = time.perf_counter()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            loss = self.net(images).float().square().mean()
        loss.backward()
        loss.item()  # waits for the device, which works in order
        return time.perf_counter() - begun

    def on_threads(self, threads: int) -> float:
        """The least of three steps on so many threads."""
        torch.set_num_threads(threads)
        self.seconds(0)
        return min(self.seconds(0) for _ in range(3))


def _named(way: Way) -> str:
    return f"{'bfloat16' if way[0] else 'float32'}{'' if way[1] else ' channels first'}"
