"""Convex polytope: enclose the target in the convex hull of the poisons' features."""

import torch
from torch import Tensor

from core.attacks.polytope import FeatureSpaceAttack, FeatureSpaces, descend
from core.attacks.targeted import Crafted, Problem
from core.spec import setting


class ConvexPolytope(FeatureSpaceAttack):
    """Alternate between the best convex combination of the poisons' features and the poisons themselves.

    Source: Zhu et al., "Transferable Clean-Label Poisoning Attacks on Deep Neural Nets", ICML 2019. Departures: the
        mean over surrogates instead of the sum, so that the step does not grow with their number; features before the
        last layer only; the inner problem is solved by a fixed number of projected gradient steps.
    """

    title = "Convex polytope"
    summary = "A few images enclose the target in feature space."
    source = "Zhu et al. (2019), arXiv:1905.05897"
    threat = (
        "As bullseye polytope: a few images of the wanted class, changed by at most epsilon, with their labels kept; "
        "the attacker knows the features that the victim builds on."
    )

    steps: int = setting(800, "Optimisation steps.", unit="steps", ge=1, le=20_000)
    step_size: float = setting(10.0, "Learning rate of Adam on the pixels.", unit="/255", gt=0, le=64)
    inner_steps: int = setting(
        50, "Projected gradient steps for the coefficients, per step.", unit="steps", ge=1, le=10_000, advanced=True
    )

    def craft(self, problem: Problem) -> Crafted:
        spaces, p = FeatureSpaces(problem.nets, problem.target), len(problem.bases)
        weights = [torch.full((p,), 1 / p, device=problem.device) for _ in spaces.nets]

        def loss(images: Tensor, step: int) -> Tensor:
            parts = []
            for i, (features, goal) in enumerate(zip(spaces.features(images), spaces.goals, strict=True)):
                weights[i] = coefficients(features.detach(), goal, weights[i], self.inner_steps)
                parts.append((goal - weights[i] @ features).square().sum() / (2 * goal.square().sum()))
            return torch.stack(parts).mean()

        return descend(problem, self.steps, self.step_size / 255, loss)


def coefficients(features: Tensor, goal: Tensor, start: Tensor, steps: int) -> Tensor:
    """Convex coefficients (p,) of features (p, d) that come nearest to the goal (d,), from `start` on."""
    gram, toward = features @ features.T, features @ goal
    rate = 1 / torch.linalg.matrix_norm(gram, ord=2).clamp_min(1e-12)  # the largest step that cannot overshoot
    found = start
    for _ in range(steps):
        found = on_simplex(found - rate * (gram @ found - toward))
    return found


def on_simplex(values: Tensor) -> Tensor:
    """The nearest point (p,) whose entries are not negative and sum to one."""
    ordered = values.sort(descending=True).values
    excess = (ordered.cumsum(0) - 1) / torch.arange(1, len(values) + 1, device=values.device)
    last = int((ordered > excess).sum()) - 1
    return (values - excess[last]).clamp_min(0)
