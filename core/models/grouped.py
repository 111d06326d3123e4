"""Networks that normalise every image by itself, for trainings in which no image may depend on its batch."""

from collections.abc import Collection
from math import gcd

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.models.base import Net

COMPONENT = False

CHANNELS = 16
"""Channels that are normalised together, where a layer's channels can be divided so."""


def grouped(net: Net) -> Net:
    """Put group normalisation in the place of batch normalisation.

    Args:
        net: any network; it is changed. Scales and shifts stay what they were, batch statistics are lost.

    Returns:
        The same network.

    Source: Wu, He, "Group Normalization", ECCV 2018, which finds 16 channels a group as good as any other choice.
    """
    for name, module in list(net.named_modules()):
        if isinstance(module, _BatchNorm):
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, _by_groups(module))
    return net


def _by_groups(norm: _BatchNorm) -> nn.GroupNorm:
    count = norm.num_features
    made = nn.GroupNorm(count // gcd(count, CHANNELS), count, eps=norm.eps, affine=norm.affine)
    if norm.affine:
        made.weight, made.bias = norm.weight, norm.bias
    return made


def as_saved(net: Net, names: Collection[str]) -> Net:
    """The network, changed where it must be, in the form in which weights of these names were saved."""
    return net if net.state_dict().keys() <= set(names) else grouped(net)
