"""Gradient matching (Witches' Brew): poisons whose training gradient points where the target's would."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.analysis.matching import Matching
from core.analysis.nearness import Nearness
from core.attacks.base import Tools
from core.attacks.crafting import Moves
from core.attacks.targeted import Crafted, Key, Problem, Targeted
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.memory import halving
from core.models.base import Net
from core.models.folded import folded
from core.spec import setting
from core.train.loop import on_device

MILESTONES = (1 / 2.667, 1 / 1.6, 1 / 1.142)

Objective = Callable[[Tensor, Moves], tuple[Tensor, Tensor]]
"""Poisons (p, c, h, w) and how augmentation moves them in, the loss and its gradient at the poisons out."""


class GradientMatching(Targeted):
    """Maximise the cosine, over all parameters jointly, between the poisons' mean gradient and the target's.

    Source: Geiping et al., "Witches' Brew: Industrial Scale Data Poisoning via Gradient Matching", ICLR 2021.
        Departures: the step is given in pixel levels instead of normalised units; a restart is judged by the mean loss
        of its last ten steps, because one step's augmentation is luck; all poisons are one batch; the surrogates are
        shared by all keys of an experiment; a step through several of them is as long as one through one (published:
        divided by their number). An attacker who crafts through a defense's step (step) always has the same poisons
        in the same places of its batch: adversarial poisoning's poisons are the first of them. The attacker that
        knows EPIC (gradient_space) is ours: no published one holds its poisons among clean rows.
    """

    title = "Gradient matching"
    summary = "A few slightly changed, rightly labelled images pull training towards misreading one chosen image."
    source = "Geiping et al. (2021), arXiv:2009.02276"
    threat = (
        "The attacker changes some training images of the class that it wants by at most epsilon, keeps their labels, "
        "and knows the data and the kind of network. At test time nothing is changed: one chosen image is misread."
    )

    steps: int = setting(250, "Optimisation steps of one restart.", unit="steps", ge=1, le=10_000)
    restarts: int = setting(1, "Independent starts; the one with the lowest loss is kept.", ge=1, le=64)
    step_size: float = setting(
        6.0,
        "How far a step first moves a pixel; a tenth after 3/8, 5/8 and 7/8 of the steps.",
        unit="/255",
        gt=0,
        le=64,
    )
    augment: bool = setting(True, "Shift and mirror the poisons while crafting, as the victim's training does.")
    choice: Literal["random", "gradient_norm"] = setting(
        "random",
        "Which images of the class become base images: drawn by the key, or those with the largest gradient on the "
        "surrogates.",
        advanced=True,
    )

    adaptive: Literal["oblivious", "surrogate", "step", "gradient_space"] = setting(
        "oblivious",
        "What the attacker makes of the experiment's first training defense. oblivious: nothing. surrogate: its "
        "surrogates are trained with it. step: crafting also goes through what it does to a batch. gradient_space: "
        "against EPIC; poisons are held near clean rows of their class in gradient space, so that none stands alone.",
        advanced=True,
    )
    nearness: float = setting(
        1.0,
        "Weight of the poisons' squared distance to their nearest clean row (gradient_space only); 0 is oblivious.",
        ge=0,
        le=1000,
        advanced=True,
    )

    @property
    def knows_defense(self) -> bool:
        return self.adaptive in ("surrogate", "step")

    @property
    def simulates_defense(self) -> bool:
        return self.adaptive == "step"

    def base_rows(self, data: ImageSet, key: Key, tools: Tools) -> np.ndarray:
        if self.choice == "random":
            return key.rows
        rows = np.flatnonzero(data.labels == key.target_class)
        images = on_device(data.images[rows], tools.device).float() / 255
        norms = sum(_gradient_norms(net, images, key.target_class) for net in tools.surrogates)
        assert isinstance(norms, Tensor)
        largest = torch.argsort(norms, descending=True, stable=True)[: len(key.rows)]
        return np.sort(rows[largest.cpu().numpy()])

    def craft(self, problem: Problem) -> Crafted:
        objective = self._objective(problem)
        best, lowest, trace = problem.bases, float("inf"), []
        for restart in range(self.restarts):
            images, losses = self._restart(problem, objective, restart)
            trace.append(losses)
            score = float(np.mean(losses[-10:]))
            if score < lowest:
                best, lowest = images, score
        return Crafted(best, np.array(trace, dtype=np.float32))

    def _objective(self, problem: Problem) -> Objective:
        """What crafting lowers: the matching loss, and for who knows EPIC also how far poisons are from clean rows."""
        nets = [folded(net, problem.target) for net in problem.nets]
        wanted = torch.tensor([problem.target_class], device=problem.target.device)
        matching = Matching(nets, problem.target, wanted, problem.tools.defended)
        if self.adaptive != "gradient_space":
            return lambda images, moves: matching(images, problem.labels, moves)
        clean = np.setdiff1d(np.flatnonzero(problem.data.labels == problem.target_class), problem.rows)
        if len(clean) == 0:
            raise AttackError(
                f"All {len(problem.rows)} images of class {problem.target_class} are poisons, so none is left for them "
                "to stay near; lower poison_fraction."
            )
        nearness = Nearness(nets, on_device(problem.data.images[clean], problem.device), problem.target_class)

        def both(images: Tensor, moves: Moves) -> tuple[Tensor, Tensor]:
            loss, slope = matching(images, problem.labels, moves)
            away, steeper = nearness(images)
            return loss + self.nearness * away, slope + self.nearness * steeper

        return both

    def _restart(self, problem: Problem, objective: Objective, restart: int) -> tuple[Tensor, list[float]]:
        bases, random = problem.bases, problem.generator("restart", restart)
        p, _, h, w = bases.shape
        noise = torch.randn(bases.shape, generator=random).to(problem.device)
        images = problem.within(bases + noise * problem.epsilon).requires_grad_()
        adam, losses = torch.optim.Adam([images], lr=self.step_size / 255), []
        shift, flip = (problem.shift, problem.flip) if self.augment else (0, False)
        for step in range(self.steps):
            moves = Moves(p, h, w, shift, flip, random, problem.device)
            loss, gradient = objective(images, moves)
            images.grad = gradient.sign()
            for group in adam.param_groups:
                group["lr"] = self.step_size / 255 * 0.1 ** sum(step >= self.steps * at for at in MILESTONES)
            adam.step()
            with torch.no_grad():
                images.copy_(problem.within(images))
            losses.append(loss)
            if step % 10 == 9 or step == self.steps - 1:
                done = (restart * self.steps + step + 1) / (self.restarts * self.steps)
                text = f"restart {restart + 1} of {self.restarts}, step {step + 1}, loss {loss.item():.3f}"
                problem.tools.report(done, text)
        return images.detach(), torch.stack(losses).tolist()


def _gradient_norms(net: Net, images: Tensor, label: int) -> Tensor:
    """(n,) size of each image's gradient at the last layer: |softmax - onehot| times |features|."""
    with torch.no_grad():
        features = torch.cat(halving(lambda rows: net.features(images[rows]), len(images), 1000, "Features"))
        off = net.head(features).softmax(dim=1)
    off[:, label] -= 1
    return off.norm(dim=1) * (features.square().sum(dim=1) + 1).sqrt()
