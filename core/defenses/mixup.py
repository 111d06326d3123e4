"""Mixup: train on weighted sums of images, with the labels in the same proportions."""

import torch
from torch import Tensor

from core.defenses.base import Session, TrainingDefense
from core.defenses.mixing import Mixing
from core.models.base import Net
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks


class Mixup(TrainingDefense):
    """Add a few images of the batch in random proportions, and divide the loss among their labels likewise.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018; as a defense, of
        more than two images, Borgnia et al., "Strong Data Augmentation Sanitizes Poisoning and Backdoor Attacks Without
        an Accuracy Tradeoff", ICASSP 2021. Departures: every image draws proportions of its own, not one for the batch.
    """

    title = "Mixup"
    summary = "Trains on weighted sums of images, so that no single image teaches its label by itself."
    source = "Zhang et al. (2018), arXiv:1710.09412; Borgnia et al. (2021), arXiv:2011.09527"
    fails_when = (
        "The poison survives being added to other images: a trigger of strong contrast, or many poisons. With more "
        "images in a sum, small networks and short trainings lose accuracy."
    )

    images: int = setting(4, "Images in a sum; the authors of Mixup took 2.", unit="images", ge=2, le=8)
    alpha: float = setting(
        1.0,
        "Parameter of the Dirichlet distribution of proportions. 1: all equally likely; less: one image prevails; "
        "more: all take part alike.",
        ge=0.01,
        le=100,
    )

    def hooks(self, session: Session) -> Hooks:
        return _Mixup(self, session)


class _Mixup(Mixing):
    def __init__(self, defense: Mixup, session: Session) -> None:
        self.defense = defense
        self.proportions = session.random("mixup", "proportions")
        self.partners = torch.Generator().manual_seed(derive(session.seed, "defense", "mixup", "partners"))

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        b, count = len(images), self.defense.images
        drawn = torch.from_numpy(self.proportions.dirichlet([self.defense.alpha] * count, b))
        own = torch.arange(b)
        order = [own, *(torch.randperm(b, generator=self.partners) for _ in range(count - 1))]
        self.shares = drawn.float().to(images.device)
        self.labels = torch.stack([labels[each.to(labels.device)] for each in order], dim=1)
        mixed = torch.zeros_like(images)
        for place, each in enumerate(order):
            mixed += self.shares[:, place, None, None, None] * images[each.to(images.device)]
        return mixed.clamp_(0, 1), labels  # shares that sum to 1 but for rounding may lead out of [0, 1] by as little
