"""EPIC: drop, while training, the rows that stand alone in gradient space."""

import math
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import BeforeValidator
from torch import Tensor

from core.analysis.facility_location import select
from core.analysis.gradients import at_logits
from core.defenses.base import Criterion, Session, TrainingDefense
from core.defenses.dropping import Dropping
from core.models.base import Net
from core.spec import listed, setting
from core.train import predict
from core.train.hooks import Hooks

LAST = 7 / 8


class Epic(TrainingDefense):
    """Cover every class by a few medoids of its gradients; a medoid that stands for nobody but itself is dropped.

    Source: Yang, Liu, Mirzasoleiman, "Not All Poisons are Created Equal: Robust Training against Data Poisoning",
        ICML 2022. Departures from the authors' released code: cluster numbers are global, so classes of different sizes
        do not mix; the classifier's bias takes part by default; a cluster that ties left empty is no reason to drop its
        medoid's twin.
    """

    title = "EPIC"
    summary = "Effective poisons end up alone in gradient space; rows that stand alone are dropped while training."
    source = "Yang, Liu, Mirzasoleiman (2022), arXiv:2210.09671"
    fails_when = (
        "Poisons hold together in gradient space (there are many of one kind, or the attacker keeps them inside their "
        "class), or the network has learned them before the warm-up is over. An independent re-run found far higher "
        "attack success than the paper."
    )

    share: float = setting(0.2, "Medoids among all rows (q): more of them drop more rows.", unit="fraction", gt=0, lt=1)
    every: int = setting(2, "Epochs between two selections (T).", unit="epochs", ge=1, le=100)
    warm_up: int = setting(5, "Epochs before the first selection (K).", unit="epochs", ge=1, le=1000)
    stop: float = setting(
        LAST, "Share of all epochs after which nothing is dropped any more.", unit="fraction", gt=0, le=1, advanced=True
    )
    threshold: int = setting(1, "Largest cluster that is dropped.", unit="rows", ge=1, le=100, advanced=True)
    proxy: Literal["logits", "without_bias", "last_layer"] = setting(
        "logits",
        "What stands for a row's gradient: softmax - onehot at the logits, the same without the classifier's bias, or "
        "the whole gradient of the last layer's weights.",
        advanced=True,
    )
    metric: Literal["euclidean", "cosine"] = setting("euclidean", "Distance between gradients.", advanced=True)
    controls: Annotated[tuple[Criterion, ...], BeforeValidator(listed)] = setting(
        ("random",),
        "Trainings beside it that drop as many rows at the same epochs: at random, by loss, by confidence.",
        advanced=True,
    )

    @property
    def first(self) -> int:
        return math.ceil(self.warm_up / self.every) * self.every

    @property
    def twins(self) -> tuple[Criterion, ...]:
        return tuple(dict.fromkeys(self.controls))

    def hooks(self, session: Session) -> Hooks:
        labels, random = session.labels.cpu().numpy(), session.random("epic")
        end = self.stop * session.training.epochs

        def choose(epoch: int, net: Net, staying: np.ndarray) -> np.ndarray:
            if epoch < self.first or epoch > end or epoch % self.every != 0:
                return np.zeros(len(labels), dtype=bool)
            gradients = self.gradients(net, session).cpu().numpy()
            found = select(
                gradients, labels, self.share, metric=self.metric, random=random, device=session.images.device.type
            )
            return found.sizes[found.cluster] <= self.threshold

        return Dropping(session, choose)

    def gradients(self, net: Net, session: Session) -> Tensor:
        """(n, d) float32: the proxy of every row, un-augmented, in evaluation mode; those dropped included."""
        features = predict.features(net, session.images)
        with torch.no_grad():
            bias = None if self.proxy == "without_bias" else net.head.bias
            gradients = at_logits(torch.nn.functional.linear(features, net.head.weight, bias), session.labels)
            if self.proxy == "last_layer":
                gradients = (gradients[:, :, None] * features[:, None, :]).flatten(1)
        return gradients
