"""DP-SGD: clip what every image may change, and add noise, so that a few poisons cannot steer the training."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.analysis.per_image import PerImage, opacus
from core.defenses.base import Session, TrainingDefense
from core.models.base import Net
from core.models.grouped import grouped
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks

ASSUMED = (
    "Every step draws its batch anew, each row with the same probability (Poisson sampling), as the training does; two "
    "training sets differ by one row; what a network is fitted to before it learns (mean colours, patches that are "
    "whitened) is public."
)
"""What epsilon rests on."""
NO_GUARANTEE = "No guarantee: one image may still move a batch's gradient by as much as its clipped norm."


class DpSgd(TrainingDefense):
    """Train with differentially private gradients, or with clipped and noisy ones that promise nothing.

    Per image (the default): every image's gradient is clipped to norm C, their sum gets noise N(0, (C sigma)^2), and is
    divided by the expected batch size. Batches are Poisson samples, as the accountant assumes. Batch normalisation, in
    which images of a batch depend on each other, becomes group normalisation. Per batch: the mean gradient is clipped
    to norm C and gets noise N(0, (C sigma)^2).

    Source: Abadi et al., "Deep Learning with Differential Privacy", CCS 2016; against poisons, Hong et al., "On the
        Effectiveness of Mitigating Data Poisoning Attacks with Gradient Shaping", 2020; per batch, as Geiping et al.,
        2021, compare with. Gradients of single images and the Renyi accountant are Opacus'. Departures: the
        network's channel statistics are taken from the training set without noise; a step whose sample is empty is
        left out, though counted; random numbers are not cryptographic.
    """

    title = "DP-SGD"
    summary = "Clips the gradient of every image and adds noise, so that no few images can steer the training."
    source = "Abadi et al. (2016), arXiv:1607.00133; Hong et al. (2020), arXiv:2002.11497"
    fails_when = (
        "There are many poisons: p of them may have p times the influence of one, and the epsilon at which accuracy is "
        "still good says little about a few hundred. Accuracy falls with the noise, and most in short trainings on few "
        "images. A network that was pretrained with batch normalisation loses its statistics."
    )

    variant: Literal["per_image", "per_batch"] = setting(
        "per_image",
        "per_image: every image's gradient is clipped, which gives differential privacy, and an epsilon that says how "
        "much. per_batch: a batch's mean gradient is clipped, which costs nothing and guarantees nothing.",
    )
    clip: float = setting(1.0, "Largest norm of a gradient (C).", gt=0, le=1000)
    noise: float = setting(
        0.5,
        "Standard deviation of the noise, as a multiple of the largest norm (sigma). Per image all images of a batch "
        "share it; per batch they do not, so there a hundredth of it is as much: 0.01, and 0.5 destroys the network.",
        ge=0,
        le=100,
    )
    delta: float = setting(
        1e-5,
        "Probability with which epsilon may not hold; to be far below one over the number of rows.",
        gt=0,
        lt=1,
        advanced=True,
    )

    @property
    def cost(self) -> float:
        return 1.0 if self.variant == "per_batch" else 4 / 3

    def hooks(self, session: Session) -> Hooks:
        return _PerBatch(self, session) if self.variant == "per_batch" else _PerImage(self, session)

    def epsilon(self, rate: float, steps: int) -> float | None:
        """The epsilon of so many steps that each draw every row with probability `rate`; None where there is none."""
        if self.noise == 0:
            return None
        warnings.filterwarnings("ignore", message="Optimal order is the")  # another one gave a smaller epsilon, if any
        accountant = opacus("accountants").RDPAccountant()
        accountant.history = [(self.noise, rate, steps)]
        epsilon = float(accountant.get_epsilon(self.delta))
        return epsilon if math.isfinite(epsilon) else None


class _Private(Hooks):
    """What both variants share."""

    def __init__(self, defense: DpSgd, session: Session) -> None:
        self.defense = defense
        self.noise = torch.Generator().manual_seed(derive(session.seed, "defense", "dp_sgd", "noise"))

    def noisy(self, gradient: Tensor) -> Tensor:
        """With noise of C sigma added to every number."""
        drawn = torch.randn(gradient.shape, generator=self.noise).to(gradient.device)
        return gradient + self.defense.clip * self.defense.noise * drawn

    def described(self, epsilon: float | None, assumed: str) -> dict[str, Any]:
        """What is kept beside the training's measurements."""
        settings = {name: getattr(self.defense, name) for name in ("delta", "noise", "clip")}
        return {"privacy": {"epsilon": epsilon, **settings, "assumed": assumed}}


class _PerBatch(_Private):
    def gradients(self, net: Net) -> None:
        learning = _learning(net)
        nn.utils.clip_grad_norm_(learning, self.defense.clip)
        for parameter in learning:
            parameter.grad = self.noisy(parameter.grad) if parameter.grad is not None else None

    def report(self) -> dict[str, Any]:
        return self.described(None, NO_GUARANTEE)


class _PerImage(_Private):
    """The variant with a guarantee.

    Attributes:
        rate: with which probability a step draws a row.
        size: rows that a step draws on average.
        steps: so far, empty ones among them.
        watcher: follows the network, but is on only from a batch to its gradients.
    """

    def __init__(self, defense: DpSgd, session: Session) -> None:
        super().__init__(defense, session)
        self.draws = torch.Generator().manual_seed(derive(session.seed, "defense", "dp_sgd", "draws"))
        self.rate, self.size, self.steps = 0.0, 0.0, 0
        self.watcher: PerImage | None = None

    def begin(self, net: Net) -> None:
        if not net.frozen:  # what does not learn normalises by numbers that do not change
            grouped(net)
        self.watcher = PerImage(net)

    def batches(self, order: Tensor, size: int) -> Sequence[Tensor]:
        self.rate = min(1.0, size / len(order))
        self.size, steps = self.rate * len(order), math.ceil(len(order) / size)
        self.steps += steps
        drawn = [order[torch.rand(len(order), generator=self.draws) < self.rate] for _ in range(steps)]
        return [rows for rows in drawn if len(rows)]

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        if self.watcher is not None:  # there is none where an attacker imitates the step, and no gradients to clip
            self.watcher.on = True
            net.passes += len(images) / 3  # the gradients of the weights are computed once more, for every image
        return images, labels

    def gradients(self, net: Net) -> None:
        assert self.watcher is not None
        self.watcher.on = False
        learning = _learning(net)
        each = [self.watcher.gradients[parameter].flatten(1) for parameter in learning]
        norms = torch.stack([gradients.norm(dim=1) for gradients in each]).norm(dim=0)
        shares = (self.defense.clip / norms.clamp_min(1e-12)).clamp_max(1)
        for parameter, gradients in zip(learning, each, strict=True):
            parameter.grad = self.noisy((shares @ gradients).view_as(parameter)) / self.size
        self.watcher.clear()

    def report(self) -> dict[str, Any]:
        epsilon = self.defense.epsilon(self.rate, self.steps)
        return self.described(epsilon, "Without noise there is no guarantee." if epsilon is None else ASSUMED)


def _learning(net: Net) -> list[nn.Parameter]:
    return [parameter for parameter in net.parameters() if parameter.requires_grad]
