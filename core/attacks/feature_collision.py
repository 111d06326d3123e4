"""Feature collision (Poison Frogs): every poison alone takes the place of the target in feature space."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.attacks.polytope import FeatureSpaceAttack, FeatureSpaces, collision
from core.attacks.targeted import Crafted, Problem
from core.spec import setting


class FeatureCollision(FeatureSpaceAttack):
    """Forward-backward splitting, each poison for itself; a step is taken only if it lowers that poison's objective.

    Source: Shafahi et al., "Poison Frogs!", NeurIPS 2018. Departures: squared feature distances are in units of the
        target's squared length, so that one learning rate fits all networks; after a rise the poison stays where it was
        and its rate is cut to a fifth (a public re-implementation moves all the same); the form with a bound epsilon
        replaces the pull towards the base by a projection.
    """

    title = "Feature collision"
    summary = "Each of a few images takes the target's place in feature space."
    source = "Shafahi et al. (2018), arXiv:1804.00792"
    threat = (
        "A few images of the wanted class, with their labels kept; the attacker knows the features that the victim "
        "builds on. The first of its kind, and weak: few poisons alone seldom outvote the target's own class."
    )

    form: Literal["l_inf", "l2"] = setting(
        "l_inf",
        "l_inf: within epsilon of the base. l2: pulled towards the base instead, as first published; epsilon then "
        "bounds it all the same.",
    )
    steps: int = setting(120, "Optimisation steps.", unit="steps", ge=1, le=20_000)
    step_size: float = setting(
        200.0, "First learning rate; a fifth after every step that does not help.", gt=0, le=1e6, advanced=True
    )
    pull: float = setting(0.1, "Weight of the squared distance to the base (l2 only).", ge=0, le=100, advanced=True)

    def craft(self, problem: Problem) -> Crafted:
        spaces, bases = FeatureSpaces(problem.nets, problem.target), problem.bases
        pull = self.pull if self.form == "l2" else 0.0
        images, objective = bases.clone(), self._objective(spaces, bases, bases, pull)
        rates, losses = torch.full((len(bases), 1, 1, 1), self.step_size, device=problem.device), []
        for step in range(self.steps):
            moving = images.clone().requires_grad_()
            distance = _squared(spaces, moving).sum()  # each poison's gradient is its own
            forward = images - rates * torch.autograd.grad(distance, moving)[0]
            backward = (forward + rates * pull * bases) / (1 + rates * pull)
            candidates = problem.within(backward)
            found = self._objective(spaces, candidates, bases, pull)
            better = found < objective
            images = torch.where(better[:, None, None, None], candidates, images)
            objective = torch.where(better, found, objective)
            rates = torch.where(better[:, None, None, None], rates, rates / 5)
            losses.append(objective.mean())
            if step % 10 == 9:
                text = f"step {step + 1} of {self.steps}, loss {losses[-1].item():.3f}"
                problem.tools.report((step + 1) / self.steps, text)
        return Crafted(images, torch.stack(losses).cpu().numpy()[None].astype(np.float32))

    @staticmethod
    def _objective(spaces: FeatureSpaces, images: Tensor, bases: Tensor, pull: float) -> Tensor:
        with torch.no_grad():
            return _squared(spaces, images) + pull * (images - bases).flatten(1).square().sum(dim=1)


def _squared(spaces: FeatureSpaces, images: Tensor) -> Tensor:
    """(p,) squared distance of every poison's features to the target's, mean over the surrogates."""
    found = zip(spaces.features(images), spaces.goals, strict=True)
    return torch.stack([collision(features, goal).square() for features, goal in found]).mean(dim=0)
