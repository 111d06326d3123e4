"""MetaPoison: poisons found by looking a few training steps ahead, on networks of every age."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from core import registry
from core.attacks.base import Need
from core.attacks.crafting import Moves
from core.attacks.targeted import Crafted, Problem, Targeted
from core.models.base import Model, Net
from core.models.folded import folded, in_half
from core.seeds import derive, stream
from core.spec import Scenario, setting
from core.train.augment import augmented
from core.train.loop import build, learning_rate, on_device, train

START = 0.2
"""Share of the progress bar for training the networks to their first ages."""


class Metapoison(Targeted):
    """Differentiate the target's loss through K unrolled training steps, on networks that go on being trained.

    There are M networks; number m begins at the age of m/M trainings, so that the poisons work from the first epoch to
    the last. One step of crafting: every network looks ahead, from its present weights, along K steps of plain SGD
    (no momentum, no decay) on batches that are half poisons; the margin by which the target then is not read as the
    wanted class is differentiated with respect to the pixels; Adam moves them by the mean of the networks' gradients.
    Then every network trains on, a part of an epoch on the set as it is poisoned now, and one whose training is over
    begins anew with other weights. While looking ahead, batch normalisation uses the statistics that the network has
    gathered so far and changes none.

    Source: Huang et al., "MetaPoison: Practical General-purpose Clean-label Data Poisoning", NeurIPS 2020. Departures:
        no colour shift; pixels only. Three networks of part epochs instead of 24 of whole ones. Half of a batch are
        poisons, where the paper's batches hold as many as chance puts there. The networks are trained as the victim is
        (rate and augmentation of their age, momentum from zero after each part), not at a constant rate. Normalisation
        is in evaluation mode.
    """

    title = "MetaPoison"
    summary = "Looks a few training steps ahead to see which changes will make one chosen image be misread."
    source = "Huang et al. (2020), arXiv:2004.00225"
    threat = (
        "The attacker changes some training images of the class that it wants by at most epsilon, keeps their labels, "
        "and can imitate the victim's training. At test time nothing is changed: one chosen image is misread."
    )
    needs: ClassVar[tuple[Need, ...]] = ("test", "recipe")

    surrogates: int = setting(
        3, "Networks of staggered ages to craft on; more are slower and stronger.", unit="networks", ge=1, le=32
    )
    steps: int = setting(30, "Optimisation steps; after each, every network trains on.", unit="steps", ge=1, le=1000)
    unrolled: int = setting(2, "Training steps to look ahead; memory grows with them.", unit="steps", ge=1, le=8)
    first_order: bool = setting(
        False,
        "Differentiate the last unrolled step only, as if the weights before it did not depend on the poisons: faster, "
        "and one step's memory.",
    )
    step_size: float = setting(
        200.0, "How far Adam first moves a pixel; a tenth after each third of the steps.", unit="/255", gt=0, le=1000
    )
    advance: float = setting(
        0.25, "How much every network trains on after a step.", unit="epochs", gt=0, le=1, advanced=True
    )
    inner_rate: float = setting(0.02, "Learning rate of the unrolled steps.", gt=0, le=10, advanced=True)

    def check(self, scenario: Scenario) -> None:
        super().check(scenario)
        if scenario != "from_scratch":
            raise ValueError(
                "attack 'metapoison' crafts on networks that begin with new weights; legal is scenario from_scratch"
            )

    def craft(self, problem: Problem) -> Crafted:
        images, ageing = problem.bases.clone().requires_grad_(), Ageing(self, problem)
        ageing.begin()
        look = Lookahead(problem, self.unrolled, self.inner_rate, self.first_order)
        adam, losses = torch.optim.Adam([images]), []
        for step in range(self.steps):
            ageing.advance(images.detach())
            found = [look(net, images, problem.generator("step", step, m)) for m, net in enumerate(ageing.nets)]
            losses.append(torch.stack([loss for loss, _ in found]).mean().item())
            images.grad = torch.stack([gradient for _, gradient in found]).mean(dim=0)
            for group in adam.param_groups:
                group["lr"] = self.step_size / 255 * 0.1 ** (3 * step // self.steps)
            adam.step()
            with torch.no_grad():
                images.copy_(problem.within(images))
            done = 1 - (1 - START) * (1 - (step + 1) / self.steps)
            problem.tools.report(done, f"step {step + 1} of {self.steps}, loss {losses[-1]:.2f}")
        return Crafted(images.detach(), np.array([losses], dtype=np.float32))


@dataclass
class Grown:
    """A network, how many epochs it has trained, and how many there were in its place before it."""

    net: Net
    age: float = 0.0
    generation: int = 0


class Ageing:
    """Networks at staggered ages, which train on the set as it is poisoned at the moment.

    Their weights and the order of their rows come from this key's own streams, never from a victim's.
    """

    def __init__(self, attack: Metapoison, problem: Problem) -> None:
        tools = problem.tools
        assert tools.model is not None, "the attack lists its need of the victim's recipe"
        black_box = attack.knowledge == "black_box"
        self.model: Model = registry.load("models", attack.surrogate_model)() if black_box else tools.model
        self.attack, self.problem, self.recipe = attack, problem, tools.training
        self.grown = [Grown(self._new(number, 0)) for number in range(attack.surrogates)]

    @property
    def nets(self) -> list[Net]:
        return [each.net for each in self.grown]

    def begin(self) -> None:
        """Train number m of M for m/M of the epochs, on clean images."""
        for number, each in enumerate(self.grown):
            wanted = self.recipe.epochs * number / len(self.grown)
            while each.age < wanted - 1e-6:
                self._train(number, min(1.0, wanted - each.age), self.problem.bases)
                text = f"network {number + 1} of {len(self.grown)}, epoch {each.age:.0f}"
                self.problem.tools.report(START * (number + each.age / wanted) / len(self.grown), text)

    def advance(self, images: Tensor) -> None:
        """Train every network on; one at the end of its training is first exchanged for a new one."""
        for number, each in enumerate(self.grown):
            if each.age > self.recipe.epochs - 1e-6:
                each.age, each.generation = 0.0, each.generation + 1
                each.net = self._new(number, each.generation)
            self._train(number, min(self.attack.advance, self.recipe.epochs - each.age), images)

    def _new(self, number: int, generation: int) -> Net:
        return build(self.model, self.problem.data, self._seed(number, generation), self.problem.device)

    def _seed(self, number: int, generation: int, *names: object) -> int:
        tools = self.problem.tools
        return derive(tools.seed, "key", tools.key, "metapoison", number, generation, *names)

    def _train(self, number: int, epochs: float, images: Tensor) -> None:
        """Train one network for a part of an epoch, on as many rows, at the rate of its age."""
        each, data, recipe = self.grown[number], self.problem.data, self.recipe
        seed = self._seed(number, each.generation, f"{each.age:.4f}")
        count = max(2, round(epochs * len(data)))
        chosen = np.sort(stream(seed, "rows").permutation(len(data))[:count])
        part = data.rows(chosen)
        poisons, places = np.isin(self.problem.rows, chosen), np.isin(chosen, self.problem.rows)
        part.images[places] = (images * 255).round().byte().cpu().numpy()[poisons]  # both ascend
        rate = learning_rate(recipe, (each.age + epochs / 2) / recipe.epochs)
        config = recipe.model_copy(update={"epochs": 1, "schedule": "constant", "learning_rate": rate})
        train(each.net, part, config, seed=seed, device=self.problem.device, flip=self.problem.tools.flip)
        each.age += epochs


class Lookahead:
    """The target's margin after a few steps of training on the poisons, and its gradient with respect to them.

    Nothing of the network changes: its weights are copied, no parameter's `.grad` is written, no batch statistics move.
    """

    def __init__(self, problem: Problem, unrolled: int, rate: float, first_order: bool) -> None:
        self.problem, self.unrolled, self.rate, self.first_order = problem, unrolled, rate, first_order
        self.images = on_device(problem.data.images, problem.device)
        self.labels = on_device(problem.data.labels, problem.device)
        self.clean = torch.from_numpy(np.setdiff1d(np.arange(len(problem.data)), problem.rows))

    def __call__(self, net: Net, images: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Mean margin over batches that together hold every poison once, and the gradient (p, c, h, w) of their sum."""
        most = max(1, self.problem.tools.training.batch_size // 2)
        order = torch.randperm(len(images), generator=random)
        looking = folded(net, self.problem.target)
        losses, gradient = [], torch.zeros_like(images)
        for chunk in order.to(images.device).chunk(-(-len(order) // most)):
            batches = self._batches(images, chunk, random)
            with in_half(self.problem.tools.device):
                loss = margin_after(
                    looking, batches, self.problem.target, self.problem.target_class, self.rate, self.first_order
                )
            gradient += torch.autograd.grad(loss, images)[0]
            losses.append(loss.detach())
        return torch.stack(losses).mean(), gradient

    def _batches(self, images: Tensor, chunk: Tensor, random: torch.Generator) -> list[tuple[Tensor, Tensor]]:
        """The batch of each unrolled step: the same poisons and as many clean rows, moved anew each time."""
        problem, count = self.problem, len(chunk)
        _, _, h, w = images.shape
        rows = self.clean[torch.randperm(len(self.clean), generator=random)[:count]]
        labels = torch.cat([problem.labels[chunk], self.labels[rows.to(problem.device)]])
        batches = []
        for _ in range(self.unrolled):
            moves = Moves(count, h, w, problem.shift, problem.flip, random, problem.device)
            clean = augmented(self.images, rows.to(problem.device), problem.shift, problem.flip, random).float() / 255
            pixels = torch.cat([moves(images[chunk]), clean]).contiguous(memory_format=torch.channels_last)
            batches.append((pixels, labels))
        return batches


def margin_after(
    net: Net, batches: list[tuple[Tensor, Tensor]], target: Tensor, wanted: int, rate: float, first_order: bool
) -> Tensor:
    """How much the best other class leads the wanted one on the target, after one step of SGD per batch.

    With w_k+1 = w_k - rate * grad L(w_k, batch k), the margin at w_K is a function of all batches. First order takes
    w_K-1 for a constant: the batches enter through the last step's gradient alone, and no step's graph but the last is
    kept. The steps themselves, and so the margin, are the same.

    Args:
        net: in evaluation mode; not changed.
        batches: K pairs of pixels (b, c, h, w) in [0, 1] and labels (b,) int64.
        target: (1, c, h, w) in [0, 1].
        wanted: the label that the attacker wants for it.
        rate: learning rate of the steps.
        first_order: see above.

    Returns:
        A scalar with a graph to the pixels; negative where the target is read as the wanted class.
    """
    weights = {name: weight.detach().requires_grad_() for name, weight in net.named_parameters()}
    for number, (pixels, labels) in enumerate(batches):
        kept = not first_order or number == len(batches) - 1
        logits = functional_call(net, weights, (pixels if kept else pixels.detach(),))
        loss = nn.functional.cross_entropy(logits.to(target.dtype), labels)
        gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=kept)
        weights = {name: w - rate * g for (name, w), g in zip(weights.items(), gradients, strict=True)}
        if not kept:
            weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
    logits = functional_call(net, weights, (target,))[0].to(target.dtype)
    return torch.cat([logits[:wanted], logits[wanted + 1 :]]).max() - logits[wanted]
