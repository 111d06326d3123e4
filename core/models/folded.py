"""Networks without normalisation layers, for those who differentiate gradients.

Normalisation in evaluation mode is a scale and a shift per channel; carried into the convolution before it, it costs
nothing per pixel, in the second derivative least of all.
"""

import copy
from itertools import chain

import torch
from torch import Tensor, nn

from core import device as devices
from core.models.base import Net

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


def folded(net: Net, example: Tensor, *, shared: bool = False) -> Net:
    """A copy of a network in evaluation mode that computes the same with fewer passes over memory.

    Args:
        net: any network; it is not changed.
        example: (1, c, h, w) in [0, 1], run once to see which normalisation follows which convolution.
        shared: parameters and batch statistics are the network's own: the copy goes along while the network learns.

    Returns:
        The copy, with the same parameters (values, and which of them learn) in another order. A layer that cannot be
        folded stays as it is.
    """
    own = {id(tensor): tensor for tensor in chain(net.parameters(), net.buffers())} if shared else {}
    copied = copy.deepcopy(net, own).eval()
    for conv, norm in _foldable(net, example):
        _fold(copied, conv, norm)
    return copied


def _foldable(net: Net, example: Tensor) -> list[tuple[str, str]]:
    """Names of (convolution, normalisation) that can be folded, whatever the network has learned or will learn.

    Tried on a copy whose normalisation does something: that of a new network in evaluation mode does nothing, and then
    it would not show that a convolution's output is needed elsewhere, too.
    """
    tried = copy.deepcopy(net).eval()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in tried.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                    if tensor is not None:
                        tensor.copy_(torch.empty(tensor.shape).uniform_(0.5, 1.5, generator=random))
        for parameter in tried.parameters():
            if not parameter.any():  # an output that is always zero would not show anything either
                parameter.copy_(torch.empty(parameter.shape).uniform_(-0.1, 0.1, generator=random))
        modules, wanted = dict(tried.named_modules()), tried(example)
        found = []
        for conv, norm in _pairs(tried, example):
            _fold(tried, conv, norm)
            if (tried(example) - wanted).abs().max() <= 1e-3 * wanted.abs().max():
                found.append((conv, norm))
            else:
                _exchange(tried, conv, modules[conv])
                _exchange(tried, norm, modules[norm])
    return found


def _fold(net: Net, conv: str, norm: str) -> None:
    """Exchange two layers for one, and for nothing behind it."""
    one, other = net.get_submodule(conv), net.get_submodule(norm)
    assert isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d)
    _exchange(net, conv, FoldedConv(one, other))
    _exchange(net, norm, nn.Identity())


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
