"""Measures a network on the clean test images and on those that the attack is after."""

from collections.abc import Callable

import numpy as np
import torch

from core.attacks.base import Evaluation
from core.datasets.base import ImageSet
from core.models.base import Net
from core.train import predict
from core.train.loop import on_device

LIVE_IMAGES = 500
"""Images that accuracy and attack success are measured on while training goes on; the last epoch counts all of them."""

Count = tuple[int, int]
"""Hits, and what they are out of."""


class Judge:
    """Holds the images on the device, and what should be said about them."""

    def __init__(self, test: ImageSet, evaluation: Evaluation | None, device: str) -> None:
        self.labels = test.labels
        self.clean = on_device(test.images, device)
        self.wanted = evaluation.wanted if evaluation and len(evaluation.images) else None
        self.attacked_images = on_device(evaluation.images, device) if evaluation else self.clean[:0]

    def live(self, net: Net) -> tuple[float, float | None]:
        """Clean accuracy and attack success on at most LIVE_IMAGES images each, evenly spread over the sets."""
        accuracy = _spread_rate(lambda images: _predicted(net, images), self.clean, self.labels)
        asr = _spread_rate(lambda images: _predicted(net, images), self.attacked_images, self.wanted)
        return accuracy or 0.0, asr

    def probabilities(self, net: Net) -> np.ndarray:
        """(m, k) float32: what the network thinks of the attack's images."""
        return predict.logits(net, self.attacked_images).softmax(dim=1).cpu().numpy()

    def attacked(self, net: Net) -> tuple[Count, dict[str, np.ndarray]]:
        """(hits, n) on all of the attack's images, with predictions and probabilities."""
        probabilities = self.probabilities(net)
        predicted = probabilities.argmax(axis=1).astype(np.int64)
        hits = int((predicted == self.wanted).sum())
        return (hits, len(predicted)), {"eval_predictions": predicted, "eval_probabilities": probabilities}

    def wanted_probability(self, measured: dict[str, np.ndarray]) -> float | None:
        """The mean probability of the class that the attacker wants, over the attack's images."""
        if self.wanted is None:
            return None
        return float(measured["eval_probabilities"][np.arange(len(self.wanted)), self.wanted].mean())

    def final(self, net: Net) -> tuple[Count, Count | None, dict[str, np.ndarray]]:
        """(hits, n) on all clean images, the same on all of the attack's, and everything that was predicted."""
        clean = _predicted(net, self.clean)
        accuracy = (int((clean == self.labels).sum()), len(clean))
        if self.wanted is None:
            return accuracy, None, {"test_predictions": clean}
        asr, measured = self.attacked(net)
        return accuracy, asr, {"test_predictions": clean, **measured}


def _predicted(net: Net, images: torch.Tensor) -> np.ndarray:
    """(m,) int64 labels."""
    return predict.logits(net, images).argmax(dim=1).cpu().numpy()


def _spread_rate(
    predicted: Callable[[torch.Tensor], np.ndarray], images: torch.Tensor, labels: np.ndarray | None
) -> float | None:
    if labels is None:
        return None
    every = max(1, -(-len(labels) // LIVE_IMAGES))
    return float((predicted(images[::every]) == labels[::every]).mean())
