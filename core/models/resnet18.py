"""ResNet-18 in the usual form for 32 x 32 images: 3x3 stem, no pooling at the start."""

from torch import nn

from core.models.base import Model, conv
from core.models.residual import Block, pooled, stages
from core.spec import setting


class Resnet18(Model):
    """Four stages of two residual blocks; the network of most published poisoning results on CIFAR-10."""

    title = "ResNet-18"
    summary = "The standard network of the field; wants a GPU."

    width: int = setting(64, "Channels of the first stage.", ge=4, le=256)

    def body(self, channels: int, size: int) -> tuple[nn.Module, int]:
        w = self.width
        stem = [conv(channels, w), nn.BatchNorm2d(w), nn.ReLU(inplace=True)]
        return nn.Sequential(*stem, *stages(Block, [w, 2 * w, 4 * w, 8 * w], 2), *pooled()), 8 * w
