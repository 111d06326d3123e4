"""Images that are mixed in a batch, and the loss that goes with them: a share for every label that went in."""

from torch import Tensor, nn

from core.train.hooks import Hooks

COMPONENT = False


class Mixing(Hooks):
    """Remembers, between a batch and its loss, which labels every image is made of.

    Attributes:
        labels: (b, m) int64, of the m images that went into each.
        shares: (b, m) float32, how much of each; every row sums to 1.
    """

    labels: Tensor
    shares: Tensor

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over images of their shares' cross-entropies; the one label that the loop knows has no part."""
        gains = nn.functional.log_softmax(logits, dim=1).gather(1, self.labels)
        return -(self.shares * gains).sum(dim=1).mean()
