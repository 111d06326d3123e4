"""Logistic regression on pixels: its features are the pixels themselves."""

from torch import nn

from core.models.base import Model


class Linear(Model):
    """One linear layer; what an attack needs features for cannot work here."""

    title = "Linear"
    summary = "Logistic regression on pixels; a control without learned features."

    def body(self, channels: int, size: int) -> tuple[nn.Module, int]:
        return nn.Flatten(), channels * size * size
