"""Gradients of the training loss: of the parameters, and at the logits."""

import torch
from torch import Tensor, nn

from core.memory import halving
from core.models.base import Net


def alignment(net: Net, poisons: Tensor, labels: Tensor, target: Tensor, wanted: Tensor) -> float:
    """Cosine between the poisons' mean gradient and the gradient that would teach the target the wanted label.

    Over all parameters that learn, jointly; in evaluation mode, without augmentation. The net's mode is restored and
    no `.grad` is written.

    Args:
        net: as it is now.
        poisons: (p, c, h, w) uint8 on the net's device.
        labels: (p,) int64.
        target: (m, c, h, w) uint8.
        wanted: (m,) int64.

    Returns:
        In [-1, 1]; 0 where one of the gradients is zero.
    """
    training = net.training
    net.eval()
    a, b = (_mean_gradient(net, images, given) for images, given in ((poisons, labels), (target, wanted)))
    net.train(training)
    return float(nn.functional.cosine_similarity(a, b, dim=0))


def _mean_gradient(net: Net, images: Tensor, labels: Tensor) -> Tensor:
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    total = torch.zeros(sum(parameter.numel() for parameter in parameters), device=images.device)

    def add(rows: slice) -> None:
        pixels = images[rows].to(memory_format=torch.channels_last).float() / 255
        loss = nn.functional.cross_entropy(net(pixels), labels[rows], reduction="sum")
        total.add_(torch.cat([gradient.flatten() for gradient in torch.autograd.grad(loss, parameters)]))

    halving(add, len(images), 500, "Gradients")
    return total / len(images)


def at_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """(n, k) gradient of the cross-entropy at the logits: softmax - onehot."""
    return logits.softmax(dim=1) - nn.functional.one_hot(labels, logits.shape[1])
