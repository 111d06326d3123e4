"""Adversarial poisoning: the defense attacks its own batches while it trains, and so learns to withstand poisons."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from core.analysis.matching import Matching
from core.defenses.base import Session, TrainingDefense
from core.defenses.patches import exchanged
from core.models.base import Net
from core.models.folded import folded, in_half
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks

Split = Literal["rest", "one", "ten", "shuffled"]
PASSES = 3.0
"""Passes of one image for a gradient of a gradient, beside one for a gradient."""


class AdversarialPoisoning(TrainingDefense):
    """Poison a part of every batch towards the rest of it, then train on both with their true labels.

    Source: Geiping et al., "What Doesn't Kill You Makes You Robust(er): How to Adversarially Train against Data
        Poisoning", 2021. Departures: the targets' gradient is computed once a step, not once an inner step (it does not
        change); steps are given in pixel levels; the rows of a batch keep their order; a batch that is too small to be
        split is trained on as it is; where every image is poisoned ("shuffled"), only the poisons are trained on.
    """

    title = "Adversarial poisoning"
    summary = "Poisons a part of its own batches on the fly and trains on them with their true labels."
    source = "Geiping et al. (2021), arXiv:2102.13624"
    fails_when = (
        "The attacker's changes are larger than epsilon, or of a kind that the proxy does not imitate. It costs "
        "several times the training, and some accuracy."
    )

    proxy: Literal["gradient_matching", "feature_matching", "trigger", "noise"] = setting(
        "gradient_matching",
        "The attack inside each step. gradient_matching for training from scratch; feature_matching where only the "
        "head learns; trigger: random patches, against backdoors; noise: no attack at all, for comparison.",
    )
    part: float = setting(
        0.75, "Share of a batch that is poisoned (p); the rest are targets.", unit="fraction", gt=0, lt=1
    )
    epsilon: int = setting(16, "Largest change of a pixel; at least the attacker's.", unit="/255", ge=0, le=255)
    steps: int = setting(5, "Steps of the attack inside each training step.", unit="steps", ge=1, le=10)
    step_size: float = setting(6.0, "How far a step moves a pixel.", unit="/255", gt=0, le=64, advanced=True)
    targets: Split = setting(
        "rest",
        "What poisons aim at: the rest of the batch, one or ten of its images, or (shuffled) every image at another.",
        advanced=True,
    )

    def hooks(self, session: Session) -> Hooks:
        return _Poisoning(self, session)


class _Poisoning(Hooks):
    """The step's first half: a batch in, the batch to train on out."""

    def __init__(self, defense: AdversarialPoisoning, session: Session) -> None:
        self.defense = defense
        self.classes = session.classes
        self.random = torch.Generator().manual_seed(derive(session.seed, "adversarial poisoning"))
        self.twin: Net | None = None

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        poisons = self.divided(len(images))
        if poisons == 0:
            return images, labels
        if self.defense.proxy == "trigger":
            return exchanged(images, labels, poisons, self.classes, self.random), labels
        changed = images.clone()
        changed[:poisons] = self.poisoned(images, labels, poisons, net)
        return changed, labels

    def divided(self, size: int) -> int:
        """How many images of a batch are poisoned; the others, behind them, are targets."""
        if self.defense.targets == "shuffled":
            return size
        wanted = {"one": size - 1, "ten": size - 10}
        poisons = wanted.get(self.defense.targets, int(self.defense.part * size))
        return poisons if 0 < poisons < size else 0

    def poisoned(self, images: Tensor, labels: Tensor, poisons: int, net: Net) -> Tensor:
        """(p, c, h, w): the poisons, at most epsilon from the first images of the batch."""
        bases, epsilon = images[:poisons], self.defense.epsilon / 255
        noise = torch.randn(bases.shape, generator=self.random).to(images.device) * epsilon

        def within(moved: Tensor) -> Tensor:
            return torch.clamp(moved, bases - epsilon, bases + epsilon).clamp_(0, 1)

        moved = within(bases + noise)
        if self.defense.proxy == "noise" or self.defense.epsilon == 0:
            return moved
        slope = self.slope(images, labels, poisons, net)
        moved = moved.requires_grad_()
        adam = torch.optim.Adam([moved], lr=self.defense.step_size / 255)
        for _ in range(self.defense.steps):
            moved.grad = slope(moved).sign()
            adam.step()
            with torch.no_grad():
                moved.copy_(within(moved))
        return moved.detach()

    def slope(self, images: Tensor, labels: Tensor, poisons: int, net: Net) -> Callable[[Tensor], Tensor]:
        """The proxy attack on this batch: poisons in, the gradient of its loss at them out."""
        if self.twin is None:  # it shares the network's parameters and batch statistics, and so goes along with it
            self.twin = folded(net, images[:1], shared=True)
        given = labels[:poisons]
        if self.defense.targets == "shuffled":
            targets = images[torch.randperm(len(images), generator=self.random).to(images.device)]
            wanted = given
        else:
            targets = images[poisons:]
            wanted = given.mode().values.expand(len(targets))
        if self.defense.proxy == "feature_matching":
            net.passes += len(targets) / 3 + self.defense.steps * poisons
            return _Meeting(self.twin, targets)
        net.passes += len(targets) + PASSES * self.defense.steps * poisons
        matching = Matching([self.twin], targets, wanted)
        return lambda moved: matching(moved, given)[1]


class _Meeting:
    """Squared distance between the poisons' mean features and the targets'."""

    def __init__(self, net: Net, targets: Tensor) -> None:
        self.net = net
        with torch.no_grad(), in_half(targets.device.type):
            self.goal = net.features(targets).float().mean(dim=0)

    def __call__(self, moved: Tensor) -> Tensor:
        with in_half(moved.device.type):
            found = self.net.features(moved).float().mean(dim=0)
        loss = nn.functional.mse_loss(found, self.goal)
        return torch.autograd.grad(loss, moved)[0]
