"""How far images are from a target: as pixels, as features, as training gradients."""

import numpy as np
import torch
from torch import Tensor

from core.analysis.gradients import at_logits


def to_target(images: Tensor, features: Tensor, logits: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """Euclidean distances of the first n rows to the last one, the target.

    Args:
        images: (n + 1, c, h, w) uint8.
        features: (n + 1, d) float32.
        logits: (n + 1, k) float32.
        labels: (n + 1,) int64, what each is trained as; the target's is the label that the attacker wants for it.

    Returns:
        pixels (in units of [0, 1]), features, gradients (softmax - onehot at the logits): each (n,) float32.
    """
    spaces = {"pixels": images.flatten(1).float() / 255, "features": features, "gradients": at_logits(logits, labels)}
    with torch.no_grad():
        return {name: (space[:-1] - space[-1]).norm(dim=1).cpu().numpy() for name, space in spaces.items()}
