"""Pre-activation ResNet-18 in the usual form for 32 x 32 images."""

from torch import nn

from core.models.base import Model, conv
from core.models.residual import PreActivationBlock, pooled, stages
from core.spec import setting


class PreactResnet18(Model):
    """Normalisation and activation before each convolution (He et al. 2016b); BackdoorBench's default network."""

    title = "PreAct-ResNet-18"
    summary = "ResNet-18 with pre-activation, common in backdoor benchmarks; wants a GPU."

    width: int = setting(64, "Channels of the first stage.", ge=4, le=256)

    def body(self, channels: int, size: int) -> tuple[nn.Module, int]:
        w = self.width
        end = [nn.BatchNorm2d(8 * w), nn.ReLU(inplace=True), *pooled()]
        return nn.Sequential(conv(channels, w), *stages(PreActivationBlock, [w, 2 * w, 4 * w, 8 * w], 2), *end), 8 * w
