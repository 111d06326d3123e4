"""Residual blocks, in the order of the original paper and pre-activated, in the usual form for 32 x 32 images."""

from torch import Tensor, nn

from core.models.base import conv

COMPONENT = False


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut; normalisation and activation after each convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            conv(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
            conv(outputs, outputs), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(conv(inputs, outputs, stride, 1), nn.BatchNorm2d(outputs))
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.path(x) + self.shortcut(x))


class PreActivationBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; normalisation and activation before each convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.path = nn.Sequential(
            conv(inputs, outputs, stride), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), conv(outputs, outputs)
        )  # fmt: skip
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else conv(inputs, outputs, stride, 1)
        self.same = isinstance(self.shortcut, nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        activated = self.first(x)
        return self.path(activated) + (x if self.same else self.shortcut(activated))


def stages(block: type[nn.Module], widths: list[int], blocks: int) -> list[nn.Module]:
    """Stages of `blocks` blocks each; every stage but the first halves the image."""
    layers: list[nn.Module] = []
    inputs = widths[0]
    for stage, width in enumerate(widths):
        for number in range(blocks):
            layers.append(block(inputs, width, 2 if stage > 0 and number == 0 else 1))
            inputs = width
    return layers


def pooled(pooling: str = "mean") -> list[nn.Module]:
    """Global pooling to one feature per channel, by `mean` or `max`."""
    return [nn.AdaptiveAvgPool2d(1) if pooling == "mean" else nn.AdaptiveMaxPool2d(1), nn.Flatten()]
