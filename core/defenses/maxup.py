"""MaxUp: train on the worst of several augmented copies of every image."""

import torch
from torch import Tensor, nn

from core.defenses.base import Session, TrainingDefense
from core.defenses.boxes import cut_out
from core.models.base import Net
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks


class MaxUp(TrainingDefense):
    """Cut a box out of every image several times over; only the copy with the largest loss counts.

    Source: Gong, Ren, Ye, Liu, "MaxUp: Lightweight Adversarial Training with Data Augmentation Improves Neural Network
        Training", CVPR 2021; with Cutout as a defense, Borgnia et al., "Strong Data Augmentation Sanitizes Poisoning
        and Backdoor Attacks Without an Accuracy Tradeoff", ICASSP 2021. Departures: all copies go through the network
        in one batch, forward and backward, so that batch statistics are those of all copies.
    """

    multiplies = True
    title = "MaxUp"
    summary = "Trains on the worst of several copies of an image, each with another box hidden (Cutout)."
    source = "Gong et al. (2021), arXiv:2002.09024; Borgnia et al. (2021), arXiv:2011.09527"
    fails_when = (
        "The poison is spread over the whole image, so that every copy still carries it. It costs as many passes as "
        "there are copies, and small networks underfit."
    )

    copies: int = setting(4, "Copies of an image, of which the worst counts.", unit="copies", ge=1, le=16)
    side: float = setting(
        0.5, "Side of the box, as a share of the image's; boxes near the edge are cut off.", unit="fraction", gt=0, le=1
    )
    warm_up: int = setting(
        0,
        "Epochs with a single copy before it begins; a re-implementation with 40 epochs takes 5.",
        unit="epochs",
        ge=0,
        le=1000,
        advanced=True,
    )

    @property
    def cost(self) -> float:
        return float(self.copies)

    def hooks(self, session: Session) -> Hooks:
        return _Worst(self, session)


class _Worst(Hooks):
    """Batches grow to copies times their size, copy by copy; the loss picks one copy of each image."""

    def __init__(self, defense: MaxUp, session: Session) -> None:
        self.defense = defense
        self.random = torch.Generator().manual_seed(derive(session.seed, "defense", "maxup"))
        self.copies = defense.copies

    def rows(self, epoch: int, rows: Tensor, net: Net) -> Tensor:
        self.copies = 1 if epoch < self.defense.warm_up else self.defense.copies
        return rows

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        repeated = images.repeat(self.copies, 1, 1, 1).contiguous(memory_format=torch.channels_last)
        made = cut_out(repeated, self.defense.side, net.normalise.mean, self.random)
        return made, labels.repeat(self.copies)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        losses = nn.functional.cross_entropy(logits, labels, reduction="none")
        return losses.view(self.copies, -1).amax(dim=0).mean()  # copies follow each other, not images
