"""What makes crafting fast: networks without normalisation layers, and augmentation as matrix products.

Crafting differentiates a gradient. Normalisation in evaluation mode is a scale and a shift per channel; carried into
the convolution before it, it costs nothing per pixel, in the second derivative least of all.
"""

import copy

import torch
from torch import Tensor, nn

from core import device as devices
from core.models.base import Net
from core.train.augment import reflected

COMPONENT = False


class FoldedConv(nn.Module):
    """A convolution and the normalisation after it as one convolution; gradients still reach the parameters of both."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv, self.norm = conv, norm

    def forward(self, images: Tensor) -> Tensor:
        conv, norm = self.conv, self.norm
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        shift = norm.bias - norm.running_mean * scale
        if conv.bias is not None:
            shift = shift + conv.bias * scale
        weight = conv.weight * scale[:, None, None, None]
        return nn.functional.conv2d(
            images,
            weight,
            shift,
            conv.stride,
            conv.padding,
            conv.dilation,
            conv.groups,
        )


def folded(net: Net, example: Tensor) -> Net:
    """A copy of a network in evaluation mode that computes the same with fewer passes over memory.

    Args:
        net: any network; it is not changed.
        example: (1, c, h, w) in [0, 1], run once to see which normalisation follows which convolution.

    Returns:
        The copy, with the same parameters (values, and which of them learn) in another order. A layer that cannot be
        folded stays as it is.
    """
    copied = copy.deepcopy(net).eval()
    before = copied(example).detach()
    modules = dict(copied.named_modules())
    for conv, norm in _pairs(copied, example):
        _exchange(copied, conv, FoldedConv(modules[conv], modules[norm]))
        _exchange(copied, norm, nn.Identity())
        if not torch.allclose(copied(example), before, rtol=1e-3, atol=1e-3):  # its output is needed elsewhere too
            _exchange(copied, conv, modules[conv])
            _exchange(copied, norm, modules[norm])
    return copied


def _pairs(net: Net, example: Tensor) -> list[tuple[str, str]]:
    """Names of (convolution, normalisation) where the one's output is the other's input."""
    made: dict[int, tuple[str, Tensor]] = {}  # holds the tensors, so that no two of them share an id
    pairs: list[tuple[str, str]] = []
    hooks = []
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":

            def remember(module: nn.Module, inputs: tuple[Tensor], output: Tensor, name: str = name) -> None:
                made[id(output)] = (name, output)

            hooks.append(module.register_forward_hook(remember))
        elif isinstance(module, nn.BatchNorm2d):

            def match(module: nn.Module, inputs: tuple[Tensor], name: str = name) -> None:
                if id(inputs[0]) in made:
                    pairs.append((made[id(inputs[0])][0], name))

            hooks.append(module.register_forward_pre_hook(match))
    with torch.no_grad():
        net(example)
    for hook in hooks:
        hook.remove()
    return pairs


def _exchange(net: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, module)


def in_half(device: str) -> torch.autocast:
    """Forward and backward passes in bfloat16 where the device has it in hardware."""
    return torch.autocast(device, torch.bfloat16, enabled=devices.has_bfloat16(device))


class Moves:
    """Random shifts with reflected edges and mirror images, drawn once and applied to any images of that number.

    The same moves as `core.train.augment`, written as products with 0/1 matrices, because a gather is slow to
    differentiate.
    """

    def __init__(
        self, count: int, h: int, w: int, shift: int, flip: bool, random: torch.Generator, device: str
    ) -> None:
        moves = torch.randint(-shift, shift + 1, (2, count, 1), generator=random)
        ys, xs = reflected(torch.arange(h) + moves[0], h), reflected(torch.arange(w) + moves[1], w)
        if flip:
            mirrored = torch.rand((count, 1), generator=random) < 0.5
            xs = torch.where(mirrored, w - 1 - xs, xs)
        self.still = shift == 0 and not flip
        self.rows = nn.functional.one_hot(ys, h).float().to(device)  # (count, h, h)
        self.columns = nn.functional.one_hot(xs, w).float().to(device).transpose(1, 2).contiguous()

    def __call__(self, images: Tensor) -> Tensor:
        """(count, c, h, w) float32 moved, with gradient."""
        if self.still:
            return images
        count, c, h, w = images.shape
        rows = self.rows[:, None].expand(count, c, h, h).reshape(count * c, h, h)
        columns = self.columns[:, None].expand(count, c, w, w).reshape(count * c, w, w)
        return torch.bmm(torch.bmm(rows, images.reshape(count * c, h, w)), columns).view(count, c, h, w)
