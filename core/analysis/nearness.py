"""How far poisons stand from the clean rows of their class where EPIC looks for rows that stand alone."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from core.analysis.gradients import at_logits
from core.memory import halving
from core.models.base import Net
from core.models.folded import in_half

BATCH = 250
"""Clean images of one pass."""


class Nearness:
    """The squared distance from a poison to the nearest clean row of its class, mean over poisons and networks.

    Between gradients at the logits (softmax - onehot), without augmentation: the space in which EPIC groups rows.
    """

    def __init__(self, nets: Sequence[Net], clean: Tensor, label: int) -> None:
        """Prepare.

        Args:
            nets: networks in evaluation mode.
            clean: (m, c, h, w) uint8, at least one: rows of the class that are not poisons.
            label: the class.
        """
        self.nets, self.label = list(nets), label
        with torch.no_grad():
            self.clean = [
                torch.cat(halving(partial(self._seen, net, clean), len(clean), BATCH, "Clean rows")) for net in nets
            ]

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The mean for poisons (p, c, h, w) in [0, 1], and its gradient at them; no parameter's `.grad` is written."""

        def part(rows: slice) -> tuple[Tensor, Tensor]:
            some = images[rows]
            loss = torch.stack([self.squared(number, some).mean() for number in range(len(self.nets))]).mean()
            loss = loss * (len(some) / len(images))
            return loss.detach(), torch.autograd.grad(loss, images)[0]

        losses, slopes = zip(*halving(part, len(images), len(images), "Distances of poisons"), strict=True)
        return torch.stack(losses).sum(dim=0), torch.stack(slopes).sum(dim=0)

    def squared(self, number: int, images: Tensor) -> Tensor:
        """(p,) squared distance of every poison to its nearest clean row, as one network sees them."""
        found, clean = self._gradients(self.nets[number], images), self.clean[number]
        with torch.no_grad():  # which row is nearest is no function with a slope
            nearest = torch.cdist(found, clean).argmin(dim=1)
        return (found - clean[nearest]).square().sum(dim=1)

    def _seen(self, net: Net, images: Tensor, rows: slice) -> Tensor:
        """(m, k) gradients of some rows of uint8 images."""
        return self._gradients(net, images[rows].float() / 255)

    def _gradients(self, net: Net, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with in_half(images.device.type):
            logits = net(images)
        labels = torch.full((len(images),), self.label, device=images.device)
        return at_logits(logits.float(), labels)
