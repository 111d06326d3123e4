"""Forward passes over whole sets, always in float32: half precision makes logits tie, and ties have no right answer."""

from collections.abc import Callable

import torch
from torch import Tensor

from core import device as devices
from core.memory import halving
from core.models.base import Net

BATCH = {"cpu": 125}
"""Images of one pass, by device: on a CPU few enough for its caches."""
MANY = 1000
"""Images of one pass on any other device."""


def _batched(net: Net, images: Tensor, what: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `what` to all images in evaluation mode, without gradients; the net's mode is restored."""
    training, device = net.training, images.device.type
    layout = devices.layout(device)

    def part(rows: slice) -> Tensor:
        return what(images[rows].to(memory_format=layout).float() / 255)

    net.eval()
    with torch.no_grad():
        parts = halving(part, len(images), BATCH.get(device, MANY), "Predictions")
    net.train(training)
    return torch.cat(parts)


def logits(net: Net, images: Tensor) -> Tensor:
    """(n, c, h, w) uint8 on the net's device to (n, k) float32."""
    return _batched(net, images, net)


def features(net: Net, images: Tensor) -> Tensor:
    """(n, c, h, w) uint8 on the net's device to (n, d) float32: input of the last linear layer."""
    return _batched(net, images, net.features)
