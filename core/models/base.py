"""What a network is here: features, then one linear head; pixels in [0, 1] come in, logits go out."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from core.spec import Component

COMPONENT = False


class Normalise(nn.Module):
    """First layer of every network, so that attacks and defenses can work on plain pixels in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


class Fitted(nn.Module):
    """A layer right behind the normalisation that is computed from training images instead of learned."""

    def fit(self, images: Tensor) -> None:
        """Set the layer from (n, c, h, w) normalised images."""
        raise NotImplementedError


class Net(nn.Module):
    """A body that ends in features, and a linear head.

    Attributes:
        passes: forward-backward passes of one image so far; a forward pass alone counts a third.
        frozen: whether only the head learns; the body then stays in evaluation mode.
    """

    def __init__(self, body: nn.Module, width: int, classes: int, mean: Tensor, std: Tensor) -> None:
        """Join the parts.

        Args:
            body: (n, c, h, w) normalised images to (n, width) features.
            width: number of features.
            classes: number of logits.
            mean, std: (c,) float32 channel statistics of the training images in [0, 1].
        """
        super().__init__()
        self.normalise = Normalise(mean, std)
        self.body = body
        self.head = nn.Linear(width, classes)
        self.passes = 0.0
        self.frozen = False

    def look(self, images: Tensor) -> None:
        """Show training images, (n, c, h, w) in [0, 1], to the layers that are computed from them."""
        for module in self.modules():
            if isinstance(module, Fitted):
                module.fit(self.normalise(images))

    def freeze(self) -> None:
        """From now on only the head learns: neither the body's weights nor its batch statistics change."""
        self.frozen = True
        self.body.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Net":
        super().train(mode)
        if self.frozen:
            self.body.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """Input of the last linear layer: (n, c, h, w) in [0, 1] to (n, d)."""
        backward = torch.is_grad_enabled() and not (self.frozen and not images.requires_grad)
        self.passes += len(images) * (1.0 if backward else 1 / 3)
        return self.body(self.normalise(images))

    def forward(self, images: Tensor) -> Tensor:
        """Logits: (n, c, h, w) in [0, 1] to (n, k)."""
        return self.head(self.features(images))


class Model(Component):
    """A family of networks; `build` makes one with fresh weights from torch's current random state."""

    summary: ClassVar[str]
    caution: ClassVar[str] = ""
    """Which published results need not hold on this network, with sources; empty where there is nothing to say."""

    def body(self, channels: int, size: int) -> tuple[nn.Module, int]:
        """The layers before the head, and how many features they end in.

        Args:
            channels: of the images, 1 or 3.
            size: height and width of the images in pixels.
        """
        raise NotImplementedError

    def build(self, channels: int, size: int, classes: int, mean: Tensor, std: Tensor) -> Net:
        """A network with new weights; see `Net` for the arguments."""
        body, width = self.body(channels, size)
        return Net(body, width, classes, mean, std)


def conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Conv2d:
    """A convolution without bias that keeps the size (before its stride)."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
