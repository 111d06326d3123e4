"""The network's body compiled by torch.compile for one training; eager again where that fails."""

import logging
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from core.home import home
from core.models.base import Net

_log = logging.getLogger(__name__)


class Compiled:
    """Calls a network whose body is compiled for full batches; what is compiled is kept on disk for later runs.

    Only the body is: counting passes stays outside, where it neither breaks the graph nor compiles it anew. Whoever
    calls the network itself, to measure it for example, gets it as it was.
    """

    def __init__(self, net: Net, batch_size: int, backend: str | Callable[..., Any] = "inductor") -> None:
        """Prepare; the first call compiles.

        Args:
            net: stays as it is, and keeps its weights' names.
            batch_size: images of a full batch; others are not worth compiling for.
            backend: of torch.compile: its name or the thing itself.
        """
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(home() / "inductor"))
        self.net, self.batch_size = net, batch_size
        self.fast: Callable[[Tensor], Tensor] | None
        self.fast = torch.compile(net.body.forward, backend=backend, dynamic=False)
        self.tried = False

    def __call__(self, images: Tensor) -> Tensor:
        """Logits: (n, c, h, w) in [0, 1] to (n, k)."""
        if self.fast is None or len(images) != self.batch_size:
            return self.net(images)
        if not self.tried:
            self.tried = True
            self._try(images)
        return self._compiled(images)

    def _compiled(self, images: Tensor) -> Tensor:
        if self.fast is None:
            return self.net(images)
        self.net.body.forward = self.fast
        try:
            return self.net(images)
        finally:
            del self.net.body.forward

    def _try(self, images: Tensor) -> None:
        """Go forward and back once, which leaves no trace: the way back is compiled only when it is taken."""
        passes = self.net.passes
        kept = {name: buffer.clone() for name, buffer in self.net.named_buffers()}
        learned = [weight for weight in self.net.parameters() if weight.requires_grad]
        try:
            with torch.random.fork_rng():
                torch.autograd.grad(self._compiled(images).float().square().mean(), learned, allow_unused=True)
        except Exception as error:  # of any kind: compilers have many, and what is none of theirs comes up again
            self.fast = None
            why = " ".join(str(error).split("\n\n")[0].split())  # what follows is advice for who debugs the compiler
            _log.warning("The network is not compiled, and slower for it: %s", why)
        self.net.passes = passes
        with torch.no_grad():
            for name, buffer in self.net.named_buffers():
                buffer.copy_(kept[name])
