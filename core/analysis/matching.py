"""The matching loss: how far the mean gradient of some images points away from a wanted one, and how to change them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.analysis.gradients import at_logits
from core.memory import halving
from core.models.base import Net
from core.models.folded import in_half

SHIFT = 0.1
"""How far parameters are moved for a difference of gradients: the length of the move in the space of all of them."""
TINY = 1e-12
"""Stands in for a length of 0, along which there is nowhere to go."""


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
        self.crowded = False  # whether poisons have to go through the networks in parts, for lack of memory
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
        if not self.crowded:
            try:
                moved = moves(images).contiguous(memory_format=torch.channels_last)
                losses = [
                    self._apart(i, self._gradient(i, *self._met(i, moved, labels))) for i in range(len(self.nets))
                ]
                loss = torch.stack(losses).mean()
                return loss.detach(), torch.autograd.grad(loss, images)[0]
            except torch.OutOfMemoryError:
                self.crowded = True
        moved = moves(images).contiguous(memory_format=torch.channels_last)
        parts = [self._in_parts(i, *self._met(i, moved.detach(), labels)) for i in range(len(self.nets))]
        loss, slope = (torch.stack(each).mean(dim=0) for each in zip(*parts, strict=True))
        return loss, slope if moved is images else torch.autograd.grad(moved, images, slope)[0]

    def _met(self, i: int, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Poisons and labels as they meet a network, after what a defense adds."""
        if not self.defended:
            return images, labels
        still = images.detach()
        return images + (self.defended[i](still, labels) - still), labels

    def _gradient(self, i: int, images: Tensor, labels: Tensor, *, graph: bool = True) -> tuple[Tensor, ...]:
        """The mean gradient of some poisons by a network's parameters."""
        with in_half(self.device):
            logits = self.nets[i](images)
        mean = nn.functional.cross_entropy(logits.float(), labels)
        return torch.autograd.grad(mean, self.parameters[i], create_graph=graph)

    def _apart(self, i: int, found: Sequence[Tensor]) -> Tensor:
        """1 - cosine between a gradient and the wanted one."""
        return 1 - _product(self.wanted[i], found) / (self.norms[i] * _norm(found))

    def _in_parts(self, i: int, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of one network and its gradient at the poisons, with the memory of a part of them.

        First the mean gradient of all, then the loss's slope at it, and back through the part's share of it.
        """

        def share(rows: slice) -> list[Tensor]:
            part = (rows.stop - rows.start) / len(images)
            return [part * each for each in self._gradient(i, images[rows], labels[rows], graph=False)]

        shares = halving(share, len(images), len(images), "Gradients of poisons")
        mean = [torch.stack(each).sum(dim=0).requires_grad_() for each in zip(*shares, strict=True)]
        loss = self._apart(i, mean)
        slopes = torch.autograd.grad(loss, mean)

        def back(rows: slice) -> Tensor:
            some = images[rows].detach().requires_grad_()
            part = (rows.stop - rows.start) / len(images)
            product = _product(slopes, self._gradient(i, some, labels[rows]))
            return torch.autograd.grad(part * product, some)[0]

        return loss.detach(), torch.cat(halving(back, len(images), len(images), "Crafting"))


class DifferenceMatching:
    """The same loss for one network, its gradient at the poisons by a difference: half of the work.

    With v the wanted gradient and g the poisons' mean gradient, the cosine's gradient at the images is how the loss's
    gradient at them changes, divided by |g|, as the parameters move along w = v / |v| - cosine * g / |g|. It is taken
    from there and from `SHIFT` further on. A second derivative sees no kink of a ReLU; this move crosses some.
    """

    def __init__(self, net: Net, targets: Tensor, wanted: Tensor) -> None:
        """Prepare; see `Matching` for the arguments."""
        self.net, self.device = net.to(memory_format=torch.channels_last), targets.device.type
        self.learning: dict[str, Tensor] = {name: each for name, each in net.named_parameters() if each.requires_grad}
        with in_half(self.device):
            logits = self.net(targets.contiguous(memory_format=torch.channels_last))
        loss = nn.functional.cross_entropy(logits.float(), wanted)
        goal = torch.autograd.grad(loss, list(self.learning.values()))
        length = _norm(goal).clamp_min(TINY)
        self.goal = [each / length for each in goal]

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of poisons (p, c, h, w) and its gradient at them."""
        here, *found = self._slopes(self.learning, images, labels, [images, *self.learning.values()])
        length = _norm(found).clamp_min(TINY)
        cosine = _product(self.goal, found) / length
        way = [one - cosine / length * other for one, other in zip(self.goal, found, strict=True)]
        reach = SHIFT / _norm(way).clamp_min(TINY)
        moved = {
            name: parameter.detach() + reach * each
            for (name, parameter), each in zip(self.learning.items(), way, strict=True)
        }
        (there,) = self._slopes(moved, images, labels, [images])
        return 1 - cosine, (here - there) / (reach * length)

    def _slopes(
        self, parameters: dict[str, Tensor], images: Tensor, labels: Tensor, by: Sequence[Tensor]
    ) -> tuple[Tensor, ...]:
        """Gradients of the poisons' mean loss, with these parameters in place of the network's."""
        with in_half(self.device):
            logits = functional_call(self.net, parameters, (images.contiguous(memory_format=torch.channels_last),))
        return torch.autograd.grad(nn.functional.cross_entropy(logits.float(), labels), by)


class LastLayerMatching:
    """The same loss over the gradient of the head's weights alone, for one network: a fraction of the work.

    That gradient is a formula, (softmax - onehot) times features, so that nothing is differentiated twice. On a network
    of which only the head learns it is the same loss.
    """

    def __init__(self, net: Net, targets: Tensor, wanted: Tensor) -> None:
        """Prepare; see `Matching` for the arguments."""
        self.net, self.device = net, targets.device.type
        with torch.no_grad():
            self.wanted = self._gradient(targets, wanted)
        self.norm = self.wanted.norm()

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of poisons (p, c, h, w) and its gradient at them."""
        found = self._gradient(images, labels)
        loss = 1 - (found * self.wanted).sum() / (found.norm() * self.norm)
        return loss.detach(), torch.autograd.grad(loss, images)[0]

    def _gradient(self, images: Tensor, labels: Tensor) -> Tensor:
        """(k, d + 1): of the mean loss by the head's weights and, in the last column, its bias."""
        with in_half(self.device):
            features = self.net.features(images.contiguous(memory_format=torch.channels_last))
        features = features.float()
        weight, bias = self.net.head.weight.detach(), self.net.head.bias.detach()
        off = at_logits(nn.functional.linear(features, weight, bias), labels) / len(images)
        return torch.cat([off.T @ features, off.sum(dim=0)[:, None]], dim=1)


def _product(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    return torch.stack([(one * other).sum() for one, other in zip(a, b, strict=True)]).sum()


def _norm(gradients: Sequence[Tensor]) -> Tensor:
    return torch.stack([(gradient * gradient).sum() for gradient in gradients]).sum().sqrt()
