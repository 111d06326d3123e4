"""Bullseye polytope: put the target at the centre of the poisons' features."""

import torch
from torch import Tensor

from core.attacks.polytope import FeatureSpaceAttack, FeatureSpaces, bullseye, descend, views_of
from core.attacks.targeted import Crafted, Problem
from core.spec import setting


class BullseyePolytope(FeatureSpaceAttack):
    """Move the mean of the poisons' features onto the target's, in every surrogate at once.

    Source: Aghakhani et al., "Bullseye Polytope: A Scalable Clean-Label Poisoning Attack with Improved
        Transferability", 2021. Departures: features are those before the last layer, not of every block; several views
        of the target are its random shifts and mirror images.
    """

    title = "Bullseye polytope"
    summary = "A few images gather around the target in feature space; a new last layer takes it for one of them."
    source = "Aghakhani et al. (2021), arXiv:2005.00191"
    threat = (
        "The attacker changes a few images of the class that it wants by at most epsilon, keeps their labels, and "
        "knows the features that the victim builds on. One chosen image is misread. Needs transfer or fine_tune: a "
        "network trained from scratch has other features."
    )

    steps: int = setting(800, "Optimisation steps.", unit="steps", ge=1, le=20_000)
    step_size: float = setting(10.0, "Learning rate of Adam on the pixels.", unit="/255", gt=0, le=64)
    views: int = setting(
        0, "Random views of the target whose features are averaged with its own.", unit="views", ge=0, le=256
    )

    def craft(self, problem: Problem) -> Crafted:
        spaces = FeatureSpaces(problem.nets, problem.target, views_of(problem, self.views))

        def loss(images: Tensor, step: int) -> Tensor:
            found = zip(spaces.features(images), spaces.goals, strict=True)
            return torch.stack([bullseye(features, goal) for features, goal in found]).mean()

        return descend(problem, self.steps, self.step_size / 255, loss)
