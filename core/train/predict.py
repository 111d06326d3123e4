"""Forward passes over whole sets, always in float32: half precision makes logits tie, and ties have no right answer."""

from collections.abc import Callable

import torch
from torch import Tensor

from core.models.base import Net

BATCH = {"cpu": 125}
"""Images of one pass, by device: on a CPU few enough for its caches."""
MANY = 1000
"""Images of one pass on any other device."""


def _batched(net: Net, images: Tensor, what: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `what` to all images in evaluation mode, without gradients; the net's mode is restored."""
    training = net.training
    net.eval()
    parts = []
    with torch.no_grad():
        for part in images.split(BATCH.get(images.device.type, MANY)):
            pixels = part.to(memory_format=torch.channels_last).float() / 255
            parts.append(what(pixels))
    net.train(training)
    return torch.cat(parts)


def logits(net: Net, images: Tensor) -> Tensor:
    """(n, c, h, w) uint8 on the net's device to (n, k) float32."""
    return _batched(net, images, net)


def features(net: Net, images: Tensor) -> Tensor:
    """(n, c, h, w) uint8 on the net's device to (n, d) float32: input of the last linear layer."""
    return _batched(net, images, net.features)
