"""What the attacks in feature space share: poisons whose features surround, or meet, those of the target."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from core.attacks.crafting import Moves
from core.attacks.targeted import Crafted, Problem, Targeted
from core.models.base import Net
from core.models.folded import folded, in_half
from core.spec import setting

COMPONENT = False


class FeatureSpaceAttack(Targeted):
    """Base of the attacks that need features which the victim builds on; see the module's text."""

    adaptive: Literal["oblivious", "surrogate"] = setting(
        "oblivious",
        "What the attacker makes of the experiment's first training defense. oblivious: nothing. surrogate: its "
        "surrogates, and what they were pretrained to, are trained with it.",
        advanced=True,
    )

    @property
    def knows_defense(self) -> bool:
        return self.adaptive == "surrogate"


class FeatureSpaces:
    """The features of several surrogates, each with the target's features as its goal."""

    def __init__(self, nets: Sequence[Net], target: Tensor, views: list[Tensor] | None = None) -> None:
        """Prepare.

        Args:
            nets: trained networks.
            target: (1, c, h, w) in [0, 1].
            views: the target as the victim may see it, (v, c, h, w) each; their mean features are the goal.
        """
        self.device = target.device.type
        self.nets = [folded(net, target).to(memory_format=torch.channels_last) for net in nets]
        for net in self.nets:
            net.requires_grad_(False)  # only images move; it also spares the gradients of the weights
        seen = torch.cat([target, *(views or [])])
        with torch.no_grad():
            self.goals = [net.features(seen).float().mean(dim=0) for net in self.nets]

    def features(self, images: Tensor) -> list[Tensor]:
        """(p, d) float32 of every surrogate, with gradient to the images."""
        images = images.contiguous(memory_format=torch.channels_last)
        with in_half(self.device):
            return [net.features(images).float() for net in self.nets]


def bullseye(features: Tensor, goal: Tensor) -> Tensor:
    """Distance of the poisons' mean features, (p, d), to the goal (d,), in units of the goal's length."""
    return (features.mean(dim=0) - goal).norm() / goal.norm()


def collision(features: Tensor, goal: Tensor) -> Tensor:
    """(p,) distance of each poison's features to the goal, in units of the goal's length."""
    return (features - goal).norm(dim=1) / goal.norm()


def views_of(problem: Problem, count: int) -> list[Tensor]:
    """The target shifted and mirrored at random, `count` times."""
    if count == 0:
        return []
    _, _, h, w = problem.target.shape
    moves = Moves(count, h, w, problem.shift, problem.flip, problem.generator("views"), problem.device)
    return [moves(problem.target.expand(count, -1, -1, -1))]


def descend(problem: Problem, steps: int, step_size: float, loss_of: Callable[[Tensor, int], Tensor]) -> Crafted:
    """Adam on the pixels of the poisons, back within epsilon after every step.

    Args:
        problem: bases, epsilon, progress.
        steps: optimisation steps.
        step_size: Adam's learning rate, in [0, 1].
        loss_of: poisons (p, c, h, w) and the step's number to a loss.
    """
    images = problem.bases.clone().requires_grad_()
    adam, losses = torch.optim.Adam([images], lr=step_size), []
    for step in range(steps):
        loss = loss_of(images, step)
        images.grad = torch.autograd.grad(loss, images)[0]
        adam.step()
        with torch.no_grad():
            images.copy_(problem.within(images))
        losses.append(loss.detach())
        if step % 10 == 9 or step == steps - 1:
            problem.tools.report((step + 1) / steps, f"step {step + 1} of {steps}, loss {losses[-1].item():.3f}")
    return Crafted(images.detach(), torch.stack(losses).float().cpu().numpy()[None])
