"""Where a training defense may step into the loop. Every hook does nothing by default."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from core.models.base import Net


class Hooks:
    """The loop's named places, in the order in which it comes by; a defense overrides those that it needs."""

    def begin(self, net: Net) -> None:
        """Change the network, in place, before the optimiser is made and anything is trained."""

    def images(self, epoch: int, images: Tensor, net: Net) -> Tensor:
        """Replace the training set's images from this epoch (0 is the first) on: (n, c, h, w) uint8."""
        return images

    def rows(self, epoch: int, rows: Tensor, net: Net) -> Tensor:
        """Choose the rows of an epoch: (n,) int64 rows of the training set in, a selection of them out."""
        return rows

    def batches(self, order: Tensor, size: int) -> Sequence[Tensor]:
        """Divide an epoch's rows, (m,) int64 in random order, into batches.

        By default of `size` rows; a last batch of one is left out: it has no variance to normalise by.
        """
        batches = order.split(size)
        return batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 else batches

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        """Transform a batch after augmentation: (b, c, h, w) in [0, 1] and (b,) int64."""
        return images, labels

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor | None:
        """Replace the mean cross-entropy of a batch; None keeps it."""
        return None

    def gradients(self, net: Net) -> None:
        """Transform the parameters' `.grad` in place, after the backward pass and before the optimiser's step."""

    def report(self) -> dict[str, Any]:
        """What there is to say about the finished training; kept beside its measurements."""
        return {}
