"""An epoch of training that poisons its own batches, beside the same epoch written from the pseudo-code.

The plain way computes the targets' gradient anew in every inner step, on the network as it is, in float32. What both
are worth is said against an undefended epoch: `epochs` is how many of those one defended epoch takes.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import Entry
from core import registry
from core.datasets.base import ImageSet
from core.defenses.adversarial_poisoning import AdversarialPoisoning
from core.defenses.base import Session
from core.models.base import Net
from core.spec import Training
from core.train.hooks import Hooks
from core.train.loop import build, on_device, train

IMAGES = 1000
SEED, TURNS = 0, 5
VARIANTS = {
    "finite_difference": ", by a difference",
    "last_layer": ", last layer alone",
    "trigger": ", random triggers",
}


@dataclass(frozen=True)
class Case:
    """A network and how it is defended; a method is one epoch from new weights."""

    model: str
    defense: AdversarialPoisoning
    data: ImageSet
    device: str

    def ours(self) -> None:
        """As an experiment runs it."""
        self._epoch(self.defense.hooks(self.session()))

    def plain(self) -> None:
        """As the pseudo-code has it."""
        self._epoch(Plain(self.defense))

    def undefended(self) -> None:
        """Without a defense."""
        self._epoch(Hooks())

    def session(self) -> Session:
        """The training, as the defense sees it."""
        images, labels = on_device(self.data.images, self.device), on_device(self.data.labels, self.device)
        return Session(images, labels, len(self.data.class_names), Training(epochs=1), False, SEED)

    def _epoch(self, hooks: Hooks) -> None:
        net = build(registry.load("models", self.model)(), self.data, SEED, self.device)
        train(net, self.data, Training(epochs=1), seed=SEED, device=self.device, hooks=hooks)


class Plain(Hooks):
    """The matching proxy, word for word: autograd twice over the network as it is."""

    def __init__(self, defense: AdversarialPoisoning) -> None:
        self.defense = defense
        self.random = torch.Generator().manual_seed(SEED)

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        poisons, epsilon = int(self.defense.part * len(images)), self.defense.epsilon / 255
        bases, given, targets = images[:poisons], labels[:poisons], images[poisons:]
        wanted = given.mode().values.expand(len(targets))
        parameters = list(net.parameters())
        net.eval()
        noise = torch.randn(bases.shape, generator=self.random).to(images.device) * epsilon
        moved = (bases + noise).clamp(bases - epsilon, bases + epsilon).clamp(0, 1).requires_grad_()
        adam = torch.optim.Adam([moved], lr=self.defense.step_size / 255)
        for _ in range(self.defense.steps):
            aim = torch.autograd.grad(nn.functional.cross_entropy(net(targets), wanted), parameters)
            own = torch.autograd.grad(nn.functional.cross_entropy(net(moved), given), parameters, create_graph=True)
            loss = -nn.functional.cosine_similarity(_flat(aim), _flat(own), dim=0)
            moved.grad = torch.autograd.grad(loss, moved)[0].sign()
            adam.step()
            with torch.no_grad():
                moved.copy_(moved.clamp(bases - epsilon, bases + epsilon).clamp(0, 1))
        net.train()
        return torch.cat([moved.detach(), targets]), labels


def _flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def entries(device: str) -> Iterator[Entry]:
    """Gradient matching at two parts and networks, two cheaper ways to it, and the variant against triggers."""
    data = registry.load("datasets", "signs")(train=IMAGES, test=10).load(lambda *_: None).train
    for model, settings in (
        ("small_cnn", {"part": 0.75}),
        ("small_cnn", {"part": 0.5}),
        ("resnet_small", {"part": 0.75}),
        ("small_cnn", {"part": 0.75, "proxy": "finite_difference"}),
        ("resnet_small", {"part": 0.75, "proxy": "finite_difference"}),
        ("small_cnn", {"part": 0.75, "proxy": "last_layer"}),
        ("resnet_small", {"part": 0.75, "proxy": "last_layer"}),
        ("small_cnn", {"part": 0.75, "proxy": "trigger"}),
    ):
        case = Case(model, AdversarialPoisoning(**settings), data, device)
        variant = VARIANTS.get(str(settings.get("proxy")), "")
        yield Entry(
            name=f"{model} on {IMAGES} signs, p = {settings['part']}{variant}",
            unit="seconds per defended epoch",
            ours=case.ours,
            reference=None if variant else case.plain,
            count=1,
            device=device,
            agreement=dict,
            turns=(TURNS, TURNS),
            facts=partial(_epochs, case),
        )


def _epochs(case: Case, result: dict[str, Any]) -> dict[str, float]:
    """How many undefended epochs a defended one takes; both timed here, in turn."""
    ratios = []
    for _ in range(TURNS):
        plain, defended = _seconds(case.undefended), _seconds(case.ours)
        ratios.append(defended / plain)
    return {"epochs": median(ratios)}


def _seconds(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
