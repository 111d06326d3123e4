"""Adversarial poisoning: the defense attacks its own batches while it trains, and so learns to withstand poisons."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from core.analysis.matching import DifferenceMatching, LastLayerMatching, Matching
from core.defenses.base import Session, TrainingDefense
from core.defenses.patches import exchanged
from core.defenses.practice import Practice, Practising
from core.models.base import Net
from core.models.folded import folded, in_half
from core.seeds import derive
from core.spec import Training, setting
from core.train.hooks import Hooks

Proxy = Literal["gradient_matching", "finite_difference", "last_layer", "feature_matching", "trigger", "noise"]
Split = Literal["rest", "one", "ten", "shuffled"]
PASSES = {"gradient_matching": 3.0, "finite_difference": 5 / 3}
"""Passes of one image for a gradient of a gradient, and for a difference of two, beside one for a gradient."""


class AdversarialPoisoning(TrainingDefense):
    """Poison a part of every batch towards the rest of it, then train on both with their true labels.

    Source: Geiping et al., "What Doesn't Kill You Makes You Robust(er): How to Adversarially Train against Data
        Poisoning", 2021. Departures: the targets' gradient is computed once a step, not once an inner step (it does not
        change); steps are given in pixel levels; the rows of a batch keep their order; a batch that is too small to be
        split is trained on as it is; where every image is poisoned ("shuffled"), only the poisons are trained on; the
        proxies finite_difference and last_layer are ours; random patches come in two an image and in any colour
        (published: one, of grey noise, which leaves a coloured sticker all its power).
    """

    title = "Adversarial poisoning"
    summary = "Poisons a part of its own batches on the fly and trains on them with their true labels."
    source = "Geiping et al. (2021), arXiv:2102.13624"
    fails_when = (
        "The attacker's changes are larger than epsilon, or of a kind that the proxy does not imitate; or the attacker "
        "knows the defense and crafts through its step: with the proxy last_layer at p = 0.75, 11 of 50 such trials "
        "still succeeded on drawn signs and on CIFAR-10. It costs several times the training, and some accuracy."
    )

    proxy: Proxy = setting(
        "gradient_matching",
        "The attack inside each step. gradient_matching for training from scratch; finite_difference: the same, its "
        "second derivative taken as a difference, for about half the time; last_layer: the same with the last layer's "
        "gradient alone, an approximation for a third of the time; feature_matching where only the head learns; "
        "trigger: random patches, against backdoors; noise: no attack at all, for comparison.",
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

    patches: int = setting(2, "Random patches on each image (trigger only).", unit="patches", ge=1, le=8, advanced=True)
    colours: Literal["any", "grey"] = setting(
        "any",
        "What patches look like (trigger only). grey: noise of one density for all channels, as published; any: a "
        "density for each channel, often none or all, so that patches of one colour come up too.",
        advanced=True,
    )

    practises: ClassVar[bool] = True

    def check(self, training: Training) -> None:
        if self.targets == "shuffled" and self.proxy in ("trigger", "noise"):
            raise ValueError(
                f"targets is 'shuffled', which means nothing to the proxy {self.proxy!r}, whose images aim at no "
                "other; legal with it are rest, one and ten"
            )
        if self.divided(training.batch_size) == 0:
            least = {"one": 2, "ten": 11}.get(self.targets, max(2, math.ceil(1 / self.part)))
            raise ValueError(
                f"batch_size is {training.batch_size}, too small to be divided into poisons and targets; with "
                f"{f'part {self.part:g}' if self.targets == 'rest' else f'targets {self.targets!r}'} it has to be at "
                f"least {least}"
            )

    def divided(self, size: int) -> int:
        """How many images of a batch are poisoned; the others, behind them, are targets. 0: too small to be divided."""
        if self.targets == "shuffled":
            return size
        wanted = {"one": size - 1, "ten": size - 10}
        poisons = wanted.get(self.targets, int(self.part * size))
        return poisons if 0 < poisons < size else 0

    @property
    def cost(self) -> float:
        if self.proxy in ("trigger", "noise") or self.epsilon == 0:
            return 1.0
        poisons = self.part if self.targets == "rest" else 1.0
        aims = {"rest": 1 - self.part, "shuffled": 1.0}.get(self.targets, 0.0)
        if self.proxy in ("feature_matching", "last_layer"):
            return 1 + aims / 3 + self.steps * poisons
        return 1 + aims + PASSES[self.proxy] * self.steps * poisons

    def hooks(self, session: Session) -> Hooks:
        return _Poisoning(self, session)


@dataclass(frozen=True)
class _Aim:
    """What poisons aim at.

    Attributes:
        images: (t, c, h, w), the targets.
        places: (t,) int64, on the CPU: where they are in the batch.
        fake: (t,) int64, what each is to be read as.
        wants: (p,) int64, what a poison wants its targets to be read as.
    """

    images: Tensor
    places: Tensor
    fake: Tensor
    wants: Tensor


class _Poisoning(Practising):
    """The step's first half: a batch in, the batch to train on out."""

    def __init__(self, defense: AdversarialPoisoning, session: Session) -> None:
        self.defense = defense
        self.classes = session.classes
        self.random = torch.Generator().manual_seed(derive(session.seed, "adversarial poisoning"))
        self._twin: Net | None = None

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        poisons = self.defense.divided(len(images))
        if poisons == 0:
            return images, labels
        course: list[Tensor] = []
        places, fake = torch.arange(poisons, len(images)), None
        if self.defense.proxy == "trigger":
            count, coloured = self.defense.patches, self.defense.colours == "any"
            changed, fake = exchanged(
                images, labels, poisons, self.classes, self.random, count=count, coloured=coloured
            )
        else:
            changed = images.clone()
            changed[:poisons], aim = self.poisoned(images, labels, poisons, net, course)
            if aim is not None:
                places = aim.places
                fake = None if self.defense.proxy == "feature_matching" else torch.cat([aim.wants, aim.fake])
        if self.watched:
            assert self.record is not None
            seen = Practice(images, changed, labels, rows, poisons, places, fake, course)
            self.record.note(seen, self.twin(net, images))
        return changed, labels

    def twin(self, net: Net, images: Tensor) -> Net:
        """The network in evaluation mode; it shares parameters and batch statistics, and so goes along with it."""
        if self._twin is None:
            self._twin = folded(net, images[:1], shared=True)
        return self._twin

    def poisoned(
        self, images: Tensor, labels: Tensor, poisons: int, net: Net, course: list[Tensor]
    ) -> tuple[Tensor, _Aim | None]:
        """(p, c, h, w): the poisons, at most epsilon from the first images of the batch; and what they aim at.

        Where somebody watches, `course` takes how well the proxy attack does: before, at its start, after each step.
        """
        bases, epsilon = images[:poisons], self.defense.epsilon / 255
        noise = torch.randn(bases.shape, generator=self.random).to(images.device) * epsilon

        def within(moved: Tensor) -> Tensor:
            return torch.clamp(moved, bases - epsilon, bases + epsilon).clamp_(0, 1)

        moved = within(bases + noise)
        if self.defense.proxy == "noise" or self.defense.epsilon == 0:
            return moved, None
        aim = self.aim(images, labels, poisons)
        slope = self.slope(aim, labels[:poisons], net)
        if self.watched:
            course.append(slope(bases.clone().requires_grad_())[0])
        moved = moved.requires_grad_()
        adam = torch.optim.Adam([moved], lr=self.defense.step_size / 255)
        for _ in range(self.defense.steps):
            value, gradient = slope(moved)
            moved.grad = gradient.sign()
            adam.step()
            with torch.no_grad():
                moved.copy_(within(moved))
            if self.watched:
                course.append(value)
        if self.watched:
            course.append(slope(moved)[0])
        return moved.detach(), aim

    def aim(self, images: Tensor, labels: Tensor, poisons: int) -> _Aim:
        """The targets of a batch."""
        given = labels[:poisons]
        if self.defense.targets == "shuffled":
            places = torch.randperm(len(images), generator=self.random)
            return _Aim(images[places.to(images.device)], places, given, given)
        fake = given.mode().values
        places = torch.arange(poisons, len(images))
        return _Aim(images[poisons:], places, fake.expand(len(places)), fake.expand(poisons))

    def slope(self, aim: _Aim, given: Tensor, net: Net) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """The proxy attack: poisons in, its measure and the gradient of its loss at them out."""
        twin, steps = self.twin(net, aim.images), self.defense.steps
        if self.defense.proxy in ("feature_matching", "last_layer"):
            net.passes += len(aim.images) / 3 + steps * len(given)
            if self.defense.proxy == "last_layer":
                return _Aligning(LastLayerMatching(twin, aim.images, aim.fake), given)
            return _Meeting(twin, aim.images)
        net.passes += len(aim.images) + PASSES[self.defense.proxy] * steps * len(given)
        if self.defense.proxy == "finite_difference":
            return _Aligning(DifferenceMatching(twin, aim.images, aim.fake), given)
        return _Aligning(Matching([twin], aim.images, aim.fake), given)


class _Aligning:
    """Cosine between the poisons' mean gradient and the one that would teach the targets their fake labels."""

    def __init__(self, matching: Matching | DifferenceMatching | LastLayerMatching, labels: Tensor) -> None:
        self.matching, self.labels = matching, labels

    def __call__(self, moved: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = self.matching(moved, self.labels)
        return 1 - loss, gradient


class _Meeting:
    """Distance between the poisons' mean features and the targets'; what is lowered is its square's mean."""

    def __init__(self, net: Net, targets: Tensor) -> None:
        self.net = net
        with torch.no_grad(), in_half(targets.device.type):
            self.goal = net.features(targets).float().mean(dim=0)

    def __call__(self, moved: Tensor) -> tuple[Tensor, Tensor]:
        with in_half(moved.device.type):
            found = self.net.features(moved).float().mean(dim=0)
        loss = nn.functional.mse_loss(found, self.goal)
        return (loss.detach() * len(self.goal)).sqrt(), torch.autograd.grad(loss, moved)[0]
