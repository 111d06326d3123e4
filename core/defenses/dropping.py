"""Rows that leave training while it goes on, and the controls that drop as many by another rule."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from core.defenses.base import Criterion, Session
from core.models.base import Net
from core.train import predict
from core.train.hooks import Hooks

COMPONENT = False

STAYED = -1


class Dropping(Hooks):
    """Remembers which rows left training, and when; what has left never comes back.

    Attributes:
        dropped_at: (n,) int16, the epoch (0 is the first) before which a row left; STAYED where it did not.
    """

    def __init__(self, session: Session, choose: Callable[[int, Net, np.ndarray], np.ndarray]) -> None:
        """Prepare.

        Args:
            session: the training.
            choose: epoch (0 is the first), network and (n,) bool rows still in training, to (n,) bool rows to drop.
        """
        self.choose = choose
        self.dropped_at = np.full(len(session.labels), STAYED, dtype=np.int16)

    def rows(self, epoch: int, rows: Tensor, net: Net) -> Tensor:
        staying = self.dropped_at == STAYED
        self.dropped_at[self.choose(epoch, net, staying) & staying] = epoch
        return rows[torch.from_numpy(self.dropped_at == STAYED)]


def twin(session: Session, dropped_at: np.ndarray, criterion: Criterion) -> Dropping:
    """The control of a defense that drops: as many rows of each class before the same epochs, by another rule.

    Args:
        session: the training.
        dropped_at: (n,) int16, what the defense dropped when.
        criterion: random; loss: the highest cross-entropy; confidence: the lowest largest probability.
    """
    labels = session.labels.cpu().numpy()
    random = session.random("twin", criterion)

    def choose(epoch: int, net: Net, staying: np.ndarray) -> np.ndarray:
        dropped = np.zeros(len(labels), dtype=bool)
        counts = np.bincount(labels[dropped_at == epoch], minlength=session.classes)
        if counts.sum() == 0:
            return dropped
        suspicion = random.random(len(labels)) if criterion == "random" else _suspicion(session, net, criterion)
        for label, count in enumerate(counts):
            rows = np.flatnonzero(staying & (labels == label))
            dropped[rows[np.argsort(-suspicion[rows], kind="stable")[:count]]] = True
        return dropped

    return Dropping(session, choose)


def _suspicion(session: Session, net: Net, criterion: Criterion) -> np.ndarray:
    """(n,) float32, higher = dropped first."""
    logits = predict.logits(net, session.images)
    if criterion == "loss":
        return nn.functional.cross_entropy(logits, session.labels, reduction="none").cpu().numpy()
    return -logits.softmax(dim=1).max(dim=1).values.cpu().numpy()
