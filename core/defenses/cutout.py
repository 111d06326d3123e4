"""Cutout: hide a box of every image while training."""

import torch
from torch import Tensor

from core.defenses.base import Session, TrainingDefense
from core.defenses.boxes import cut_out
from core.models.base import Net
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks


class Cutout(TrainingDefense):
    """Fill a box at a random place of every image with the training set's mean colour.

    Source: DeVries, Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017; as a defense,
        Borgnia et al., "Strong Data Augmentation Sanitizes Poisoning and Backdoor Attacks Without an Accuracy
        Tradeoff", ICASSP 2021. Departures: every image has a box of its own, as in the first paper, not one for the
        batch; the side is a share of the image's.
    """

    title = "Cutout"
    summary = "Hides a box of every training image, and with it, now and then, the trigger or a part of the poison."
    source = "DeVries, Taylor (2017), arXiv:1708.04552; Borgnia et al. (2021), arXiv:2011.09527"
    fails_when = (
        "The poison is spread over the whole image, or the trigger lies where boxes seldom reach. Alone it is the "
        "weakest of the strong augmentations."
    )

    side: float = setting(
        0.5, "Side of the box, as a share of the image's; boxes near the edge are cut off.", unit="fraction", gt=0, le=1
    )

    def hooks(self, session: Session) -> Hooks:
        return _CuttingOut(self, session)


class _CuttingOut(Hooks):
    def __init__(self, defense: Cutout, session: Session) -> None:
        self.defense = defense
        self.random = torch.Generator().manual_seed(derive(session.seed, "defense", "cutout"))

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        return cut_out(images, self.defense.side, net.normalise.mean, self.random), labels
