"""How the gradients of a training set lie while a network learns: kept at a few epochs, and as an alignment."""

import numpy as np
import torch

from core.analysis.gradients import alignment, at_logits
from core.models.base import Net
from core.sets import PoisonedSet
from core.train import predict
from core.train.epochs import spread
from core.train.loop import on_device

MOST = 8
"""Epochs that are kept: enough to see poisons walk away; each costs a forward pass over all rows."""


class GradientRecorder:
    """Notes softmax - onehot of every row, and of the target with its wanted label, after chosen epochs."""

    def __init__(self, poisoned: PoisonedSet | None, epochs: int, device: str, also: int | None = None) -> None:
        """Prepare.

        Args:
            poisoned: the training set; nothing is kept without one, or where the attack is after many images.
            epochs: of the whole training.
            device: where it takes place.
            also: an epoch to keep beside those that are spread evenly, if the training comes that far.
        """
        self.epochs: list[int] = []
        self.rows: list[np.ndarray] = []
        self.targets: list[np.ndarray] = []
        self.chosen: set[int | None] = {*spread(epochs, MOST), also}
        if poisoned is not None and poisoned.targeted:
            shown = poisoned.evaluation
            self.images, self.labels = (on_device(a, device) for a in (poisoned.train.images, poisoned.train.labels))
            self.target, self.wanted = on_device(shown.images, device), on_device(shown.wanted, device)

    def note(self, epoch: int, net: Net) -> None:
        """Keep the gradients after an epoch (1 is the first), where it is one of the chosen."""
        if epoch not in self.chosen:
            return
        with torch.no_grad():
            rows = at_logits(predict.logits(net, self.images), self.labels)
            target = at_logits(predict.logits(net, self.target), self.wanted)
        self.epochs.append(epoch)
        self.rows.append(rows.cpu().numpy().astype(np.float16))
        self.targets.append(target[0].cpu().numpy())

    def arrays(self) -> dict[str, np.ndarray]:
        """gradient_epochs (e,), gradients (e, n, k) float16, target_gradients (e, k) float32."""
        return {
            "gradient_epochs": np.array(self.epochs, dtype=np.int64),
            "gradients": np.stack(self.rows),
            "target_gradients": np.stack(self.targets),
        }


def aligned(net: Net, poisoned: PoisonedSet, device: str) -> float:
    """Cosine between the poisons' mean gradient and the one that would teach the target its wrong label."""
    rows, shown = poisoned.rows, poisoned.evaluation
    return alignment(
        net,
        on_device(poisoned.train.images[rows], device),
        on_device(poisoned.train.labels[rows], device),
        on_device(shown.images, device),
        on_device(shown.wanted, device),
    )
