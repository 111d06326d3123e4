"""The matching loss: how far the mean gradient of some images points away from a wanted one, and how to change them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from core.models.base import Net
from core.models.folded import in_half


class Matching:
    """The loss 1 - cosine(mean gradient of the poisons, gradient that would teach the targets their wrong labels).

    The mean over the networks, each with its own gradient of the targets. No parameter's `.grad` is written and no
    batch statistics move.
    """

    def __init__(
        self,
        nets: Sequence[Net],
        targets: Tensor,
        wanted: Tensor,
        defended: Sequence[Callable[[Tensor, Tensor], Tensor]] = (),
    ) -> None:
        """Prepare.

        Args:
            nets: networks in evaluation mode, best without normalisation layers (`core.models.folded`); frozen
                parameters take no part.
            targets: (m, c, h, w) in [0, 1].
            wanted: (m,) int64, the labels that the attacker wants for them.
            defended: one for each network, or none: poisons and labels in, what the defense makes of them out. What it
                adds counts as a constant.
        """
        self.defended = defended
        self.device = targets.device.type
        self.nets = [net.to(memory_format=torch.channels_last) for net in nets]
        self.parameters = [[p for p in net.parameters() if p.requires_grad] for net in self.nets]
        self.wanted = [
            torch.autograd.grad(nn.functional.cross_entropy(net(targets), wanted), parameters)
            for net, parameters in zip(self.nets, self.parameters, strict=True)
        ]
        self.norms = [_norm(gradient) for gradient in self.wanted]

    def __call__(
        self, images: Tensor, labels: Tensor, moves: Callable[[Tensor], Tensor] = lambda images: images
    ) -> tuple[Tensor, Tensor]:
        """The loss of poisons (p, c, h, w), moved by the victim's augmentation, and its gradient at them."""
        moved = moves(images).contiguous(memory_format=torch.channels_last)
        losses = [self._loss(i, moved, labels) for i in range(len(self.nets))]
        loss = torch.stack(losses).mean()
        return loss.detach(), torch.autograd.grad(loss, images)[0]

    def _loss(self, i: int, images: Tensor, labels: Tensor) -> Tensor:
        if self.defended:
            still = images.detach()
            images = images + (self.defended[i](still, labels) - still)
        with in_half(self.device):
            logits = self.nets[i](images)
        mean = nn.functional.cross_entropy(logits.float(), labels)
        found = torch.autograd.grad(mean, self.parameters[i], create_graph=True)
        product = torch.stack([(a * b).sum() for a, b in zip(self.wanted[i], found, strict=True)]).sum()
        return 1 - product / (self.norms[i] * _norm(found))


def _norm(gradients: Sequence[Tensor]) -> Tensor:
    return torch.stack([(gradient * gradient).sum() for gradient in gradients]).sum().sqrt()
