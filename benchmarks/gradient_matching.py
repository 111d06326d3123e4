"""Gradient matching beside a plain float32 loop: seconds per step on the same network, poisons and device.

The plain loop is the algorithm as the paper's pseudo-code has it: one restart after the other, affine grids for the
augmentation, the network as it is, autograd twice. Ours is the attack itself, as an experiment runs it.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.harness import Entry, cosine
from core import registry
from core.analysis.matching import Matching
from core.attacks.base import Tools
from core.attacks.crafting import Moves
from core.attacks.gradient_matching import GradientMatching
from core.attacks.targeted import Problem
from core.datasets.base import ImageSet
from core.models.base import Model
from core.models.folded import folded
from core.spec import Training
from core.train.loop import build, on_device, train

MILESTONES = (1 / 2.667, 1 / 1.6, 1 / 1.142)
STEP_SIZE, EPSILON, SHIFT = 6 / 255, 16 / 255, 2
SEED, TARGET, WANTED = 0, 0, 1


@dataclass(frozen=True)
class Size:
    """One entry: a network, how many poisons, restarts and surrogates, and the steps that one timed call takes."""

    model: str
    poisons: int
    restarts: int = 1
    surrogates: int = 1
    steps: int = 5


SIZES = (
    Size("small_cnn", 120),
    Size("small_cnn", 120, restarts=4, steps=3),
    Size("small_cnn", 120, surrogates=2, steps=3),
    Size("resnet_small", 100),
    Size("resnet_small", 100, restarts=4, steps=3),
    Size("resnet_small", 100, surrogates=2, steps=3),
)
IMAGES = 2000
"""Drawn signs that the surrogates are trained on, for two epochs: enough that gradients look as they do in earnest."""


def entries(device: str) -> Iterator[Entry]:
    """Every size in turn; networks are trained when their entry comes."""
    split = registry.load("datasets", "signs")(train=IMAGES, test=10).load(lambda fraction, text: None)
    for size in SIZES:
        problem = _problem(size, split.train, split.test, device)
        attack = GradientMatching(steps=size.steps, restarts=size.restarts, step_size=STEP_SIZE * 255)
        yield Entry(
            name=f"{size.model}, {size.poisons} poisons, {_several(size.restarts, 'restart')}, "
            f"{_several(size.surrogates, 'surrogate')}",
            unit="seconds per step and restart",
            ours=partial(attack.craft, problem),
            reference=partial(Plain(problem).craft, size.restarts, size.steps),
            count=size.steps * size.restarts,
            device=device,
            agreement=partial(agreement, problem),
        )


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _problem(size: Size, data: ImageSet, test: ImageSet, device: str) -> Problem:
    model: Model = registry.load("models", size.model)()
    config = Training(epochs=2)
    nets = []
    for number in range(size.surrogates):
        net = build(model, data, number, device)
        train(net, data, config, seed=number, device=device)
        nets.append(net.eval())
    rows = np.flatnonzero(data.labels == WANTED)[: size.poisons]
    target = np.flatnonzero(test.labels == TARGET)[:1]
    return Problem(
        nets=tuple(nets),
        bases=on_device(data.images[rows], device).float() / 255,
        labels=on_device(data.labels[rows], device),
        target=on_device(test.images[target], device).float() / 255,
        target_class=WANTED,
        epsilon=EPSILON,
        shift=SHIFT,
        flip=False,
        data=data,
        rows=rows,
        tools=Tools(SEED, device=device),
    )


class Plain:
    """The reference: nothing clever, float32 throughout."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.nets = [copy.deepcopy(net).to(memory_format=torch.contiguous_format) for net in problem.nets]

    def targets(self) -> list[tuple[Tensor, ...]]:
        """Per network, the gradient that would teach the target its wrong label."""
        wanted = torch.tensor([self.problem.target_class], device=self.problem.device)
        losses = [nn.functional.cross_entropy(net(self.problem.target), wanted) for net in self.nets]
        return [torch.autograd.grad(loss, list(net.parameters())) for loss, net in zip(losses, self.nets, strict=True)]

    def loss(self, images: Tensor, targets: Sequence[tuple[Tensor, ...]]) -> Tensor:
        """1 - cosine over all parameters jointly, mean over the networks, with a graph behind it."""
        total = torch.zeros((), device=images.device)
        for net, target in zip(self.nets, targets, strict=True):
            poison_loss = nn.functional.cross_entropy(net(images), self.problem.labels)
            found = torch.autograd.grad(poison_loss, list(net.parameters()), create_graph=True)
            product = sum((a * b).sum() for a, b in zip(target, found, strict=True))
            norms = [sum((g * g).sum() for g in gradient) ** 0.5 for gradient in (target, found)]
            total = total + 1 - product / (norms[0] * norms[1])
        return total / len(self.nets)

    def craft(self, restarts: int, steps: int) -> Tensor:
        """Poisons of the best restart."""
        problem, best, lowest = self.problem, self.problem.bases, float("inf")
        targets = self.targets()
        for restart in range(restarts):
            random = problem.generator("restart", restart)
            noise = torch.randn(problem.bases.shape, generator=random).to(problem.device)
            delta = (noise * problem.epsilon).clamp(-problem.epsilon, problem.epsilon).requires_grad_()
            adam = torch.optim.Adam([delta], lr=STEP_SIZE)
            for step in range(steps):
                moved = moves(problem, random)(problem.bases + delta)
                loss = self.loss(moved, targets)
                (gradient,) = torch.autograd.grad(loss, delta)
                delta.grad = gradient.sign()
                for group in adam.param_groups:
                    group["lr"] = STEP_SIZE * 0.1 ** sum(step >= steps * at for at in MILESTONES)
                adam.step()
                with torch.no_grad():
                    delta.clamp_(-problem.epsilon, problem.epsilon)
                    delta.copy_((problem.bases + delta).clamp(0, 1) - problem.bases)
            if loss.item() < lowest:
                best, lowest = (problem.bases + delta).detach(), loss.item()
        return best


def moves(problem: Problem, random: torch.Generator) -> Callable[[Tensor], Tensor]:
    """The attack's augmentation, with the same draws, as an affine grid that is sampled bilinearly."""
    n, _, h, w = problem.bases.shape
    shifts = torch.randint(-problem.shift, problem.shift + 1, (2, n, 1), generator=random)[..., 0].float()
    mirror = torch.ones(n)
    if problem.flip:
        mirror = torch.where(torch.rand((n, 1), generator=random)[:, 0] < 0.5, -mirror, mirror)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0], matrix[:, 1, 1] = mirror, 1
    matrix[:, 0, 2], matrix[:, 1, 2] = mirror * 2 * shifts[1] / (w - 1), 2 * shifts[0] / (h - 1)
    matrix = matrix.to(problem.device)

    def moved(images: Tensor) -> Tensor:
        grid = nn.functional.affine_grid(matrix, list(images.shape), align_corners=True)
        return nn.functional.grid_sample(images, grid, padding_mode="reflection", align_corners=True)

    return moved


def agreement(problem: Problem) -> dict[str, float]:
    """Both gradients with respect to the poisons, at the same poisons and the same moves.

    Returns:
        `cosine` of the two, and `equal_signs`: the share that both move the same way among the values that ours moves.
        (A value that was shifted out of its image has no gradient; sampling a grid gives it one in the tenth decimal.)
    """
    noise = torch.randn(problem.bases.shape, generator=problem.generator("agreement")).to(problem.device)
    images = problem.within(problem.bases + noise * problem.epsilon).requires_grad_()
    n, _, h, w = images.shape
    drawn = Moves(n, h, w, problem.shift, problem.flip, problem.generator("moves"), problem.device)
    nets = [folded(net, problem.target) for net in problem.nets]
    wanted = torch.tensor([problem.target_class], device=problem.target.device)
    _, ours = Matching(nets, problem.target, wanted)(images, problem.labels, drawn)
    plain = Plain(problem)
    loss = plain.loss(moves(problem, problem.generator("moves"))(images), plain.targets())
    (reference,) = torch.autograd.grad(loss, images)
    same = (ours.sign() == reference.sign())[ours != 0]
    return {"cosine": cosine(ours, reference), "equal_signs": float(same.float().mean())}
