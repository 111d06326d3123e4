"""The CIFAR ResNet of the original paper: three stages from 16 channels; depth 6n + 2."""

from typing import Literal

from torch import nn

from core.models.base import Model, conv
from core.models.residual import Block, pooled, stages
from core.spec import setting


class ResnetSmall(Model):
    """ResNet-8, -14, -20 ... with 16, 32 and 64 channels (He et al. 2016, section 4.2).

    Departure: shortcuts that change the width are 1x1 convolutions instead of zero padding.
    """

    title = "Small ResNet"
    summary = "Three residual stages from 16 channels; ResNet-8 to ResNet-56."

    width: int = setting(16, "Channels of the first stage.", ge=4, le=128)
    blocks: int = setting(1, "Residual blocks per stage: 1 is ResNet-8, 3 is ResNet-20, 5 is ResNet-32.", ge=1, le=9)
    pooling: Literal["mean", "max"] = setting(
        "mean", "How channels become features; max lets a single pixel count as much as a whole object."
    )

    def body(self, channels: int, size: int) -> tuple[nn.Module, int]:
        w = self.width
        stem = [conv(channels, w), nn.BatchNorm2d(w), nn.ReLU(inplace=True)]
        return nn.Sequential(*stem, *stages(Block, [w, 2 * w, 4 * w], self.blocks), *pooled(self.pooling)), 4 * w
