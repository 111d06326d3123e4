"""A multilayer perceptron: no convolutions, so no built-in idea of place."""

from torch import nn

from core.models.base import Model
from core.spec import setting


class Mlp(Model):
    """Fully connected layers with batch normalisation."""

    title = "Multilayer perceptron"
    summary = "Fully connected layers; the simplest network that learns features."

    width: int = setting(256, "Units of each hidden layer.", ge=4, le=4096)
    depth: int = setting(2, "Hidden layers.", ge=1, le=8)

    def body(self, channels: int, size: int) -> tuple[nn.Module, int]:
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = channels * size * size
        for _ in range(self.depth):
            layers += [nn.Linear(inputs, self.width, bias=False), nn.BatchNorm1d(self.width), nn.ReLU(inplace=True)]
            inputs = self.width
        return nn.Sequential(*layers), self.width
