"""Where a training defense may step into the loop. Every hook does nothing by default."""

from torch import Tensor

from core.models.base import Net


class Hooks:
    """The loop's four named places; a defense overrides those that it needs."""

    def rows(self, epoch: int, rows: Tensor, net: Net) -> Tensor:
        """Choose the rows of an epoch: (n,) int64 rows of the training set in, a selection of them out."""
        return rows

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        """Transform a batch after augmentation: (b, c, h, w) in [0, 1] and (b,) int64."""
        return images, labels

    def gradients(self, net: Net) -> None:
        """Transform the parameters' `.grad` in place, after the backward pass and before the optimiser's step."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor | None:
        """Replace the mean cross-entropy of a batch; None keeps it."""
        return None
