"""Forward passes over whole sets: labels, probabilities, features."""

from collections.abc import Callable

import torch
from torch import Tensor

from core.models.base import Net

BATCH = 1000


def _batched(net: Net, images: Tensor, what: Callable[[Tensor], Tensor], bfloat16: bool) -> Tensor:
    """Apply `what` to all images in evaluation mode, without gradients; the net's mode is restored."""
    training = net.training
    net.eval()
    parts = []
    with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        for part in images.split(BATCH):
            pixels = part.to(memory_format=torch.channels_last).float() / 255
            parts.append(what(pixels).float())
    net.train(training)
    return torch.cat(parts)


def logits(net: Net, images: Tensor, bfloat16: bool = False) -> Tensor:
    """(n, c, h, w) uint8 on the net's device to (n, k) float32."""
    return _batched(net, images, net, bfloat16)


def features(net: Net, images: Tensor) -> Tensor:
    """(n, c, h, w) uint8 on the net's device to (n, d) float32: input of the last linear layer, always in float32."""
    return _batched(net, images, net.features, bfloat16=False)
