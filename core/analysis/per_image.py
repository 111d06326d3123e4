"""The gradient of every single image of a batch, from one backward pass, with the package Opacus."""

import importlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import PoisonscopeError


class PerImage:
    """Follows a network; while it is `on`, a backward pass leaves each image's own gradient behind.

    Attributes:
        on: whether passes through the network are noted; they are not at first.
        gradients: (b, *shape) float32 by parameter; of the last batch, until `clear`.

    Source: Opacus (Yousefpour et al., 2021): its rule for each kind of layer, and `torch.func` for layers without one.
        Departure: its own hooks, of version 1.6, refuse in-place operations and read a convolution's input as if it lay
        row by row, silently wrong where channels come last; here hooks hang on tensors, and inputs are made to lie so.
    """

    def __init__(self, net: nn.Module) -> None:
        """Prepare.

        Args:
            net: what it learns and nothing else is followed; no image may depend on another one of its batch.

        Raises:
            PoisonscopeError: Opacus is missing, or cannot follow a layer.
        """
        self.on = False
        self.gradients: dict[nn.Parameter, Tensor] = {}
        self._rules = opacus("grad_sample").GradSampleHooks.GRAD_SAMPLERS
        self._other = opacus("grad_sample.functorch")
        for module in self._layers(net):
            module.register_forward_hook(self._note)

    def clear(self) -> None:
        """Forget the last batch."""
        self.gradients.clear()

    def _layers(self, module: nn.Module) -> Iterator[nn.Module]:
        """Modules with parameters of their own that learn; what lies inside one that has no rule belongs to it."""
        own = any(parameter.requires_grad for parameter in module.parameters(recurse=False))
        if own and type(module) not in self._rules:
            try:
                self._other.prepare_layer(module)
            except (NotImplementedError, RuntimeError) as error:
                raise PoisonscopeError(
                    f"The gradients of single images cannot be had from a {type(module).__name__} ({error}); choose "
                    "another network."
                ) from None
            yield module
            return
        if own:
            yield module
        for child in module.children():
            yield from self._layers(child)

    def _note(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not self.on or not torch.is_grad_enabled():
            return
        if not isinstance(output, Tensor):
            raise PoisonscopeError(
                f"The gradients of single images cannot be had from a {type(module).__name__}; choose another network."
            )
        given = [each.detach() for each in inputs]
        output.register_hook(lambda slope: self._keep(module, given, slope))  # of the output as it is now

    def _keep(self, module: nn.Module, given: list[Tensor], slope: Tensor) -> None:
        """Work out the gradients of a layer's parameters from its inputs and the mean loss's slope at its output."""
        rule = self._rules.get(type(module), self._other.ft_compute_per_sample_gradient)
        found = rule(module, [each.contiguous() for each in given], slope.contiguous() * len(slope))
        for parameter, gradients in found.items():
            if parameter.requires_grad:  # a layer that is passed twice adds up
                before = self.gradients.get(parameter)
                self.gradients[parameter] = gradients.float() if before is None else before + gradients.float()


def opacus(part: str) -> Any:
    """A part of Opacus; imported when it is needed, because that takes a second and it need not be there.

    Raises:
        PoisonscopeError: it is not there.
    """
    try:
        return importlib.import_module(f"opacus.{part}")
    except ImportError as error:
        raise PoisonscopeError(
            f"Differential privacy needs the package opacus, which cannot be imported here ({error}): install what "
            "requirements.txt lists, or choose the variant per_batch."
        ) from None
