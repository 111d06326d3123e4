"""CutMix: paste a box of another image, and divide the label by area."""

import torch
from torch import Tensor

from core.defenses.base import Session, TrainingDefense
from core.defenses.boxes import inside
from core.defenses.mixing import Mixing
from core.models.base import Net
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks


class CutMix(TrainingDefense):
    """Paste the same box of another image of the batch; each label counts as much as its image's area.

    Source: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV
        2019; as a defense, Borgnia et al., "Strong Data Augmentation Sanitizes Poisoning and Backdoor Attacks Without
        an Accuracy Tradeoff", ICASSP 2021. Departures: every image draws a box of its own, and whether it gets one, not
        the whole batch together; boxes are not rounded to even sides.
    """

    title = "CutMix"
    summary = "Pastes boxes of one image into another and divides the label by area, which cuts patches and poisons up."
    source = "Yun et al. (2019), arXiv:1905.04899; Borgnia et al. (2021), arXiv:2011.09527"
    fails_when = (
        "The poison is everywhere in the image and survives in a part of it, or a trigger is so small that most boxes "
        "leave it whole. Labels that depend on small details suffer."
    )

    part: float = setting(0.5, "Share of the images that get a box.", unit="fraction", ge=0, le=1)
    alpha: float = setting(
        1.0,
        "Parameter of the Beta distribution of the area that stays. 1: all areas equally likely; more: about half.",
        ge=0.01,
        le=100,
    )

    def hooks(self, session: Session) -> Hooks:
        return _CutMix(self, session)


class _CutMix(Mixing):
    def __init__(self, defense: CutMix, session: Session) -> None:
        self.defense = defense
        self.areas = session.random("cutmix", "areas")
        self.random = torch.Generator().manual_seed(derive(session.seed, "defense", "cutmix", "places"))

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        b, _, h, w = images.shape
        partners = torch.randperm(b, generator=self.random)
        staying = torch.from_numpy(self.areas.beta(self.defense.alpha, self.defense.alpha, b))
        chosen = torch.rand(b, generator=self.random) < self.defense.part
        ratios = torch.where(chosen, (1 - staying).clamp_min(0).sqrt(), 0.0)
        sides = (ratios[:, None] * torch.tensor([h, w])).round().long()
        box = inside(sides, h, w, self.random)
        pasted = box.flatten(1).float().mean(dim=1)  # of the box that is left inside the image, not of the one drawn
        self.shares = torch.stack([1 - pasted, pasted], dim=1).to(images.device)
        self.labels = torch.stack([labels, labels[partners.to(labels.device)]], dim=1)
        return torch.where(box.to(images.device), images[partners.to(images.device)], images), labels
