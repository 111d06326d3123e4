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
