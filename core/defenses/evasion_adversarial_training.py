"""Evasion adversarial training: the defense trains on images changed so that the network misreads them as they are."""

from typing import Literal

import torch
from torch import Tensor, nn

from core.defenses.base import Session, TrainingDefense
from core.models.base import Net
from core.models.folded import folded, in_half
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks

FAST = 1.25
"""Step of the one-step attack, as a multiple of epsilon."""


class EvasionAdversarialTraining(TrainingDefense):
    """Change every image of a batch to raise its own loss, and train on the changed ones with their true labels.

    The attack begins at a uniformly random point within epsilon and goes along the sign of the gradient: once by 1.25
    epsilon (FGSM), or several times by a step size (PGD). While it attacks, the network is in evaluation mode: batch
    statistics are neither used nor changed. The loss is the mean cross-entropy of the changed images alone.

    Source: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018 (PGD); Wong, Rice,
        Kolter, "Fast is better than free: Revisiting adversarial training", ICLR 2020 (FGSM with a random start); as a
        defense against poisons, Geiping et al., 2021. Departures: the first two attack a network in training mode;
        Geiping et al. take steps of signed Adam, and the attacker's epsilon where none is given.
    """

    title = "Evasion adversarial training"
    summary = "Trains on images that are changed on the fly so that the network misreads them, with their true labels."
    source = "Madry et al. (2018), arXiv:1706.06083; Wong, Rice, Kolter (2020), arXiv:2001.03994"
    fails_when = (
        "The poison is a trigger: a patch is no small change of every pixel, and the network learns it all the same. "
        "It hardens the network against another attack than poisoning, and pays with accuracy; with few images or a "
        "small network it pays most."
    )

    attack: Literal["fgsm", "pgd"] = setting(
        "fgsm",
        "fgsm: one step of 1.25 epsilon, at twice the cost of training. pgd: several smaller steps, each of "
        "which costs as much as training.",
    )
    epsilon: int = setting(8, "Largest change of a pixel.", unit="/255", ge=0, le=255)
    steps: int = setting(7, "Steps of pgd; fgsm takes one.", unit="steps", ge=1, le=100)
    step_size: float = setting(2.0, "How far a step of pgd moves a pixel.", unit="/255", gt=0, le=255, advanced=True)

    @property
    def cost(self) -> float:
        return 1.0 + (self.taken if self.epsilon else 0)

    @property
    def taken(self) -> int:
        """Steps of the attack on every batch."""
        return 1 if self.attack == "fgsm" else self.steps

    def hooks(self, session: Session) -> Hooks:
        return _Evading(self, session)


class _Evading(Hooks):
    def __init__(self, defense: EvasionAdversarialTraining, session: Session) -> None:
        self.epsilon = defense.epsilon / 255
        self.steps = defense.taken
        self.size = FAST * self.epsilon if defense.attack == "fgsm" else defense.step_size / 255
        self.random = torch.Generator().manual_seed(derive(session.seed, "defense", "evasion"))
        self.twin: Net | None = None

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        if self.epsilon == 0:
            return images, labels
        if self.twin is None:  # in evaluation mode; shares parameters and statistics, and so goes along
            self.twin = folded(net, images[:1], shared=True)
        low, high = (images - self.epsilon).clamp_(min=0), (images + self.epsilon).clamp_(max=1)
        drawn = 2 * torch.rand(images.shape, generator=self.random).to(images.device) - 1
        moved = torch.clamp(images + self.epsilon * drawn, low, high)
        for _ in range(self.steps):
            moved = torch.clamp(moved + self.size * self._uphill(moved, labels, self.twin), low, high)
        net.passes += self.steps * len(images)
        return moved, labels

    def _uphill(self, images: Tensor, labels: Tensor, twin: Net) -> Tensor:
        """The sign of the loss's gradient at the images."""
        images = images.detach().requires_grad_()
        with in_half(images.device.type):
            logits = twin(images)
        return torch.autograd.grad(nn.functional.cross_entropy(logits.float(), labels), images)[0].sign()
