"""Friendly noise: drown what a poison added to an image in noise that does not change what the network sees."""

from typing import Literal

import torch
from torch import Tensor, nn

from core.defenses.base import Session, TrainingDefense
from core.models.base import Net
from core.models.folded import folded
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks

START = 8
"""Friendly noise begins uniformly random within so many 255ths, or within epsilon where that is less."""
BATCH = 128
"""Images that are worked on at once, and those for which the learning rate is given; each is by itself all the same."""


class FriendlyNoise(TrainingDefense):
    """Give every training image, once, the largest noise that leaves its prediction alone; and random noise every step.

    After a warm-up, the noise d of an image x minimises KL(f(x) || f(x + d)) - mu mean(d^2) by gradient descent, within
    epsilon; x + d is in the place of x from then on. Whatever comes up in a batch gets random noise beside it.

    Source: Liu, Yang, Mirzasoleiman, "Friendly Noise against Adversarial Noise: A Powerful Defense against Data
        Poisoning Attacks", NeurIPS 2022. Departures from the authors' released code: the loss is a sum over images,
        with the learning rate divided by the 128 images over which theirs is a mean, so that no image depends on others
        of its batch; changed images are rounded to whole pixel levels; random noise is added behind the shift and the
        mirror image, not before; what it gives is cut to [0, 1]; the warm-up is half of the training at most.
    """

    title = "Friendly noise"
    summary = "Gives every image noise that leaves its prediction alone, and random noise in every step."
    source = "Liu, Yang, Mirzasoleiman (2022), arXiv:2208.10224"
    fails_when = (
        "The poison is no faint noise: a trigger of strong contrast outlives it, and so do wrong labels. What the "
        "network has learned of the poison before the warm-up is over counts as a prediction to be left alone."
    )

    epsilon: int = setting(16, "Largest friendly noise; 0 gives random noise alone.", unit="/255", ge=0, le=255)
    noise: Literal["bernoulli", "uniform", "gaussian", "none"] = setting(
        "bernoulli",
        "Random noise of every step. bernoulli: all of its strength, up or down; none: friendly noise alone.",
    )
    strength: float = setting(
        8.0, "Largest random noise; its standard deviation if gaussian.", unit="/255", gt=0, le=255
    )
    warm_up: int = setting(
        5, "Epochs of plain training before, at most half of all of them.", unit="epochs", ge=0, le=1000
    )
    steps: int = setting(
        30, "Steps in which friendly noise is found, once for every image.", unit="steps", ge=1, le=1000
    )
    growth: float = setting(1.0, "How much large noise is rewarded (mu).", ge=0, le=1e6, advanced=True)
    learning_rate: float = setting(
        100.0, "Learning rate of friendly noise, per 128 images; a tenth from half of its steps on, then a hundredth.",
        gt=0, le=1e6, advanced=True,
    )  # fmt: skip

    @property
    def once(self) -> float:
        return self.steps + 1 / 3 if self.epsilon else 0.0

    def hooks(self, session: Session) -> Hooks:
        return _Befriending(self, session)


class _Befriending(Hooks):
    """Replaces all images before one epoch, and adds random noise from then on.

    Attributes:
        begin_at: that epoch (0 is the first).
        noisy: whether it has come; so it has for an attacker who imitates the step.
    """

    def __init__(self, defense: FriendlyNoise, session: Session) -> None:
        self.defense = defense
        self.begin_at = min(defense.warm_up, session.training.epochs // 2)
        self.noisy = True
        self.random = torch.Generator().manual_seed(derive(session.seed, "defense", "friendly noise"))

    def images(self, epoch: int, images: Tensor, net: Net) -> Tensor:
        self.noisy = epoch >= self.begin_at
        if epoch != self.begin_at or self.defense.epsilon == 0:
            return images
        twin = folded(net, images[:1].float() / 255, shared=True)
        net.passes += len(images) * self.defense.once
        return torch.cat([self._befriended(part.float() / 255, twin) for part in images.split(BATCH)])

    def _befriended(self, pixels: Tensor, twin: Net) -> Tensor:
        """(b, c, h, w) uint8: images in [0, 1] with friendly noise, for a network in evaluation mode."""
        random = 2 * torch.rand(pixels.shape, generator=self.random) - 1
        noise = found(twin, pixels, random.to(pixels.device), self.defense)
        return ((pixels + noise).clamp_(0, 1) * 255).round().to(torch.uint8)

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        if not self.noisy or self.defense.noise == "none":
            return images, labels
        if self.defense.noise == "gaussian":
            drawn = torch.randn(images.shape, generator=self.random)
        else:
            drawn = 2 * torch.rand(images.shape, generator=self.random) - 1
        if self.defense.noise == "bernoulli":
            drawn = drawn.sign()
        return (images + self.defense.strength / 255 * drawn.to(images.device)).clamp_(0, 1), labels


def found(net: Net, pixels: Tensor, start: Tensor, defense: FriendlyNoise) -> Tensor:
    """Friendly noise for some images, each by itself.

    Args:
        net: in evaluation mode; it does not change.
        pixels: (b, c, h, w) float32 in [0, 1].
        start: the same shape, in [-1, 1]: where the noise begins, as a share of START.
        defense: epsilon, steps, growth and learning rate.

    Returns:
        (b, c, h, w), within epsilon.
    """
    epsilon = defense.epsilon / 255
    noise = (start * min(START, defense.epsilon) / 255).requires_grad_()
    with torch.no_grad():
        before = net(pixels).log_softmax(dim=1)
    rate = defense.learning_rate / BATCH
    descent = torch.optim.SGD([noise], lr=rate, momentum=0.9, nesterov=True)
    for step in range(defense.steps):
        behind = step / defense.steps
        descent.param_groups[0]["lr"] = rate * 0.1 ** ((behind >= 0.5) + (behind >= 0.75))
        kept = noise.clamp(-epsilon, epsilon)
        after = net((pixels + kept).clamp(0, 1)).log_softmax(dim=1)
        away = nn.functional.kl_div(after, before, reduction="sum", log_target=True)
        size = kept.square().flatten(1).mean(dim=1).sum()
        noise.grad = torch.autograd.grad(away - defense.growth * size, noise)[0]
        descent.step()
    return noise.detach().clamp(-epsilon, epsilon)
