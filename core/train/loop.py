"""The training loop: flat, on one device, read from top to bottom.

The whole training set sits on the device as uint8. One step takes rows, augments them in one gather, and goes through
the network in bfloat16 where that pays. An epoch's random moves are drawn ahead and sent to the device at once; it is
asked for a number once per epoch, not once per step.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core import device as devices
from core.datasets.base import ImageSet
from core.errors import Cancelled, PoisonscopeError
from core.models.base import Model, Net
from core.seeds import derive
from core.spec import Training
from core.train.augment import moved, moves
from core.train.compiling import Compiled
from core.train.hooks import Hooks

_DRAWING = threading.Lock()  # torch's global random state, from which weights are drawn, is one for all threads


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch.

    Attributes:
        epoch: 1 for the first.
        loss: mean training loss of the epoch.
        seconds: spent on training since it began.
        net: the network as it is now, in training mode.
    """

    epoch: int
    loss: float
    seconds: float
    net: Net


@dataclass(frozen=True)
class Trained:
    """A trained network and what it cost.

    Attributes:
        net: in evaluation mode.
        seconds: without what was measured between epochs.
        passes: of one image forward and backward.
        device, precision: where, and in which arithmetic.
    """

    net: Net
    seconds: float
    passes: float
    device: str
    precision: str


def build(model: Model, data: ImageSet, seed: int, device: str) -> Net:
    """A network with weights drawn from `seed`, normalised by the statistics of the training images."""
    sample = on_device(data.images[:: max(1, len(data) // 5000)], "cpu").float() / 255
    mean, std = sample.mean(dim=(0, 2, 3)), sample.std(dim=(0, 2, 3)).clamp_min(1e-3)
    with _own_stream(derive(seed, "weights")):  # weights are drawn on the CPU: the same on every device
        net = model.build(data.images.shape[1], data.images.shape[2], len(data.class_names), mean, std)
    net.look(sample)
    return net.to(device).to(memory_format=devices.layout(device))


def uses_bfloat16(config: Training, device: str) -> bool:
    """Whether the forward and backward passes run in bfloat16."""
    return config.precision == "bfloat16" or (config.precision == "auto" and devices.has_bfloat16(device))


def train(
    net: Net,
    data: ImageSet,
    config: Training,
    *,
    seed: int,
    device: str,
    flip: bool = False,
    hooks: Hooks | None = None,
    compiles: bool = False,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train a network in place.

    Args:
        net: see `build`.
        data: the training set.
        config: epochs, schedule, augmentation.
        seed: order of rows and augmentation follow from it; the same seed gives the same bytes on the CPU.
        device: cpu, cuda or mps.
        flip: whether the data set allows mirror images.
        hooks: of a training defense.
        compiles: whether to compile the network, where no defense takes part in the training.
        after_epoch: told after every epoch; evaluates and reports.
        cancelled: asked once per epoch.

    Raises:
        Cancelled: `cancelled` said so.
        PoisonscopeError: fewer than two rows, or the loss is no number any more.
    """
    if len(data) < 2:
        raise PoisonscopeError(f"There are {len(data)} rows to train on; lower the cap or multiplier of the defense.")
    hooks = hooks or Hooks()
    hooks.begin(net)
    random = torch.Generator().manual_seed(derive(seed, "order"))
    images, labels = on_device(data.images, device), on_device(data.labels, device)
    all_rows = torch.arange(len(data))
    bfloat16, layout = uses_bfloat16(config, device), devices.layout(device)
    optimiser = _optimiser(net, config)
    forward = Compiled(net, config.batch_size) if compiles and type(hooks) is Hooks else net
    step, drops, seconds, passes = 0, _drops(net), 0.0, 0.0
    net.train()

    for epoch in range(1, config.epochs + 1):
        if cancelled():
            raise Cancelled("Stopped by request.")
        begun, passes_before = time.perf_counter(), net.passes
        images = hooks.images(epoch - 1, images, net)
        chosen = hooks.rows(epoch - 1, all_rows, net)
        order = chosen[torch.randperm(len(chosen), generator=random)]
        losses = torch.zeros((), device=device)
        batches = hooks.batches(order, config.batch_size)
        ahead = _ahead(batches, config.shift, flip and config.flip, random, device)
        for number, (batch, (rows, move)) in enumerate(zip(batches, ahead, strict=True)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, (epoch - 1 + number / len(batches)) / config.epochs)
            step += 1
            pixels = moved(images, rows, move).to(memory_format=layout).float().div_(255)
            pixels, wanted = hooks.batch(pixels, labels[rows], batch, net)
            own_stream = _own_stream(derive(seed, "dropout", step)) if drops else nullcontext()
            with torch.autocast(device, torch.bfloat16, enabled=bfloat16), own_stream:
                logits = forward(pixels)
            loss = hooks.loss(logits.float(), wanted)
            if loss is None:
                loss = nn.functional.cross_entropy(logits.float(), wanted)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            hooks.gradients(net)
            optimiser.step()
            losses += loss.detach() * len(batch)
        mean_loss = losses.item() / max(1, sum(map(len, batches)))  # the epoch's one wait for the device
        if not math.isfinite(mean_loss):
            raise PoisonscopeError(f"The loss is {mean_loss} in epoch {epoch}; lower training.learning_rate.")
        seconds, passes = seconds + time.perf_counter() - begun, passes + net.passes - passes_before
        after_epoch(Epoch(epoch, mean_loss, seconds, net))  # what is measured in there is no cost of training
    net.eval()
    return Trained(net, seconds, passes, device, "bfloat16" if bfloat16 else "float32")


def _ahead(
    batches: Sequence[Tensor], shift: int, flip: bool, random: torch.Generator, device: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each batch's rows and moves on the device, (b,) and (3, b) int64: one transfer each for the whole epoch."""
    sizes = [len(batch) for batch in batches]
    rows = torch.cat(list(batches)).to(device)
    drawn = torch.cat([moves(size, shift, flip, random) for size in sizes], dim=1).to(device)
    return zip(rows.split(sizes), drawn.split(sizes, dim=1), strict=True)


def _drops(net: Net) -> bool:
    """Whether the network draws random numbers of its own while it trains."""
    return any(
        "Dropout" in type(module).__name__ or type(module).__name__ == "StochasticDepth" for module in net.modules()
    )


@contextmanager
def _own_stream(seed: int) -> Iterator[None]:
    """What torch draws in here follows from `seed`, and from no other training that goes on at the same time."""
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def learning_rate(config: Training, done: float) -> float:
    """The learning rate when a share `done` (0 to 1) of all steps is behind."""
    if config.schedule == "one_cycle":  # up in the first quarter, then a line down to zero
        return config.learning_rate * (max(done, 0.01) / 0.25 if done < 0.25 else (1 - done) / 0.75)
    if config.schedule == "step":
        return config.learning_rate * 0.1 ** sum(done >= milestone for milestone in (3 / 8, 5 / 8, 7 / 8))
    return config.learning_rate


def _optimiser(net: Net, config: Training) -> torch.optim.SGD:
    """SGD with Nesterov momentum on whatever is not frozen; biases and normalisation are not decayed."""
    learning = [p for p in net.parameters() if p.requires_grad]
    decayed, others = [p for p in learning if p.ndim > 1], [p for p in learning if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.momentum > 0)


def on_device(array: np.ndarray, device: str) -> Tensor:
    """An array as a tensor on the device; copied, because arrays from files are read-only and tensors cannot be."""
    return torch.from_numpy(np.array(array)).to(device)
