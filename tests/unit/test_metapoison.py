"""MetaPoison: unrolled steps against numpy and finite differences, networks of every age, what is left alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import registry, spec
from core.attacks import metapoison
from core.attacks.base import Tools, apply
from core.attacks.metapoison import Ageing, Lookahead, Metapoison, margin_after
from core.attacks.targeted import Problem
from core.datasets.base import ImageSet, Split
from core.errors import SpecError
from core.models.base import Net
from core.seeds import derive
from core.spec import Training
from core.train.loop import build, on_device

RATE = 0.5


def small(**settings: Any) -> Metapoison:
    given = {"poison_fraction": 0.1, "surrogates": 2, "steps": 3, "source_class": 0, "target_class": 1, **settings}
    return Metapoison.model_validate(given)


def tools(split: Split, **more: Any) -> Tools:
    model = registry.load("models", "small_cnn")(width=4)
    training = Training(epochs=2, batch_size=16, shift=1, precision="float32")
    return Tools(0, test=split.test, model=model, training=training, **more)


def problem(split: Split, **more: Any) -> Problem:
    rows = np.flatnonzero(split.train.labels == 1)[:6]
    return Problem(
        nets=(), bases=on_device(split.train.images[rows], "cpu").float() / 255,
        labels=on_device(split.train.labels[rows], "cpu"),
        target=on_device(split.test.images[:1], "cpu").float() / 255,
        target_class=1, epsilon=16 / 255, shift=1, flip=True, data=split.train, rows=rows, tools=tools(split, **more),
    )  # fmt: skip


# ---- a linear network by hand


class Linear:
    """Two classes of two by two pixels: weights in numpy, and the same as a network in float64."""

    def __init__(self) -> None:
        random = np.random.default_rng(5)
        self.weight, self.bias = random.normal(size=(3, 4)), random.normal(size=3)
        self.pixels = [random.uniform(size=(5, 1, 2, 2)) for _ in range(3)]
        self.labels = np.array([0, 1, 2, 1, 1])
        self.target = random.uniform(size=(1, 1, 2, 2))
        net = Net(nn.Flatten(), 4, 3, torch.zeros(1), torch.ones(1)).double()
        net.head.load_state_dict({"weight": torch.tensor(self.weight), "bias": torch.tensor(self.bias)})
        self.net = net.eval()

    def step(self, weight: np.ndarray, bias: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step of plain SGD on the mean cross-entropy."""
        x = pixels.reshape(5, 4)
        exponents = np.exp(x @ weight.T + bias)
        off = (exponents / exponents.sum(axis=1, keepdims=True) - np.eye(3)[self.labels]) / 5
        return weight - RATE * off.T @ x, bias - RATE * off.sum(axis=0)

    def margin(self, pixels: list[np.ndarray], earlier: list[np.ndarray] | None = None) -> float:
        """The lead of the best other class over class 1; all steps but the last may see other pixels."""
        weight, bias = self.weight, self.bias
        for before in (earlier or pixels)[:-1]:
            weight, bias = self.step(weight, bias, before)
        weight, bias = self.step(weight, bias, pixels[-1])
        logits = weight @ self.target.ravel() + bias
        return float(max(logits[0], logits[2]) - logits[1])

    def numeric(self, first_order: bool) -> np.ndarray:
        """Central differences of the margin with respect to every pixel of every batch."""
        found = np.zeros((3, 5, 1, 2, 2))
        for place in np.ndindex(found.shape):
            sides = []
            for small_step in (1e-5, -1e-5):
                moved = [batch.copy() for batch in self.pixels]
                moved[place[0]][place[1:]] += small_step
                sides.append(self.margin(moved, self.pixels if first_order else None))
            found[place] = (sides[0] - sides[1]) / 2e-5
        return found

    def ours(self, first_order: bool) -> tuple[float, np.ndarray]:
        pixels = [torch.tensor(batch, requires_grad=True) for batch in self.pixels]
        labels = torch.tensor(self.labels)
        batches: list[tuple[Tensor, Tensor]] = [(batch, labels) for batch in pixels]
        margin = margin_after(self.net, batches, torch.tensor(self.target), 1, RATE, first_order)
        gradients = torch.autograd.grad(margin, pixels, allow_unused=True)
        return margin.item(), np.stack([np.zeros((5, 1, 2, 2)) if g is None else g.numpy() for g in gradients])


@pytest.mark.parametrize("first_order", [False, True])
def test_the_unrolled_gradient_is_that_of_finite_differences(first_order: bool) -> None:
    linear = Linear()
    margin, gradients = linear.ours(first_order)
    assert margin == pytest.approx(linear.margin(linear.pixels), abs=1e-12)
    numeric = linear.numeric(first_order)
    assert np.abs(gradients - numeric).max() < 1e-8
    moved = np.abs(numeric).max(axis=(1, 2, 3, 4)) > 1e-4  # which of the three steps the pixels count in
    assert moved.tolist() == [not first_order, not first_order, True]


def test_the_margin_is_negative_where_the_target_is_read_as_wanted() -> None:
    linear = Linear()
    logits = linear.weight @ linear.target.ravel() + linear.bias
    batches = [(torch.tensor(linear.pixels[0]), torch.tensor(linear.labels))]
    margins = [
        margin_after(linear.net, batches, torch.tensor(linear.target), wanted, 1e-12, False).item()
        for wanted in range(3)
    ]
    order = np.sort(logits)[::-1]
    expected = [order[0] - logit if logit < order[0] else order[1] - order[0] for logit in logits]
    assert margins == pytest.approx(expected, abs=1e-9) and sum(margin < 0 for margin in margins) == 1


# ---- what it does to networks


@pytest.mark.parametrize("first_order", [False, True])
def test_looking_ahead_changes_nothing(first_order: bool, tiny_split: Split) -> None:
    given = problem(tiny_split)
    net = build(given.tools.model, tiny_split.train, 3, "cpu").eval()  # type: ignore[arg-type]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images = given.bases.clone().requires_grad_()
    _, gradient = Lookahead(given, 2, 0.1, first_order)(net, images, given.generator("x"))
    assert gradient.shape == images.shape and (gradient.flatten(1).abs().sum(dim=1) > 0).all()  # every poison counts
    assert not net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert images.grad is None and all(parameter.grad is None for parameter in net.parameters())


def test_ages_are_staggered_and_a_network_that_is_done_begins_anew(tiny_split: Split) -> None:
    ageing = Ageing(small(advance=0.75), problem(tiny_split))
    ageing.begin()
    assert [each.age for each in ageing.grown] == [0, 1]  # of two epochs
    seen = []
    for _ in range(3):
        ageing.advance(ageing.problem.bases)
        seen.append([(each.age, each.generation) for each in ageing.grown])
    assert seen == [[(0.75, 0), (1.75, 0)], [(1.5, 0), (2.0, 0)], [(2.0, 0), (0.75, 1)]]


def test_every_network_has_weights_of_its_own_and_none_a_victims(tiny_split: Split) -> None:
    given = problem(tiny_split)
    ageing = Ageing(small(), given)
    victim = build(given.tools.model, tiny_split.train, derive(0, "victim", 0), "cpu")  # type: ignore[arg-type]
    first = [next(net.body.parameters()).detach() for net in [*ageing.nets, victim]]
    assert not any(torch.equal(first[i], first[j]) for i, j in [(0, 1), (0, 2), (1, 2)])


def test_networks_train_on_the_poisons_as_they_are_now(tiny_split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[tuple[ImageSet, Training]] = []
    monkeypatch.setattr(metapoison, "train", lambda net, data, config, **more: parts.append((data, config)))
    given = problem(tiny_split)
    ageing = Ageing(small(surrogates=1, advance=1.0), given)
    ageing.advance(torch.full_like(given.bases, 100.4 / 255))
    (whole, config), clean = parts[0], tiny_split.train
    assert (whole.images[given.rows] == 100).all() and np.array_equal(whole.labels, clean.labels)
    others = np.setdiff1d(np.arange(80), given.rows)
    assert np.array_equal(whole.images[others], clean.images[others])
    assert (config.epochs, config.schedule) == (1, "constant")
    assert config.learning_rate == pytest.approx(0.1 * (1 - 0.25) / 0.75)  # one_cycle, a quarter of two epochs done
    ageing.attack = small(surrogates=1, advance=0.25)
    ageing.advance(torch.full_like(given.bases, 100.4 / 255))
    part = parts[1][0]
    assert len(part) == 20 and ((part.images == 100).all(axis=(1, 2, 3)) == np.isin(part.indices, given.rows)).all()


# ---- the whole


@pytest.mark.parametrize("first_order", [False, True])
def test_poisons_lower_the_targets_margin_on_networks_that_look_ahead(first_order: bool, tiny_split: Split) -> None:
    reports: list[float] = []
    given = problem(tiny_split, report=lambda done, text: reports.append(done))
    attack = small(steps=6, first_order=first_order)
    crafted = attack.craft(given)
    assert crafted.trace is not None and crafted.trace.shape == (1, 6) and np.isfinite(crafted.trace).all()
    assert reports == sorted(reports) and reports[-1] == 1.0

    ageing = Ageing(small(), given)
    ageing.begin()
    ageing.advance(given.bases)
    look = Lookahead(given, 2, attack.inner_rate, False)
    clean, poisoned = (
        np.mean([look(net, images.clone().requires_grad_(), given.generator("same"))[0].item() for net in ageing.nets])
        for images in (given.bases, crafted.images)
    )
    assert poisoned < clean


def test_a_whole_attack_keeps_its_promises(tiny_split: Split) -> None:
    poisoned = apply(small(epsilon=8, unrolled=1), tiny_split.train, tools(tiny_split))
    assert len(poisoned.rows) == 8 and (poisoned.original_labels == 1).all()
    assert poisoned.trace is not None and poisoned.trace.shape == (1, 3)
    change = np.abs(poisoned.data.images[poisoned.rows].astype(int) - poisoned.originals)
    assert change.max() == 8 and (change.reshape(8, -1).max(axis=1) > 0).all()


def test_black_box_networks_are_of_another_kind(tiny_split: Split) -> None:
    attack = small(knowledge="black_box", surrogate_model="mlp", surrogates=1)
    (net,) = Ageing(attack, problem(tiny_split)).nets
    assert not any(isinstance(module, nn.Conv2d) for module in net.modules())


@pytest.mark.parametrize("scenario", ["fine_tune", "transfer"])
def test_it_knows_one_scenario(scenario: str) -> None:
    with pytest.raises(SpecError, match="legal is scenario from_scratch"):
        spec.parse({"attack": "metapoison", "scenario": scenario})
    assert spec.parse({"attack": "metapoison"}).attack is not None


def test_batches_hold_every_poison_once_beside_as_many_clean_rows(
    tiny_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = problem(tiny_split)
    given = replace(given, tools=replace(given.tools, training=Training(batch_size=8)))
    look, sizes = Lookahead(given, 2, 0.1, False), []

    def count(net: Net, batches: list[tuple[Tensor, Tensor]], *rest: object) -> Tensor:
        sizes.append([len(labels) for _, labels in batches])
        assert all(labels[: len(labels) // 2].eq(1).all() for _, labels in batches)
        return batches[0][0].sum()

    monkeypatch.setattr(metapoison, "margin_after", count)
    net = build(given.tools.model, tiny_split.train, 0, "cpu")  # type: ignore[arg-type]
    look(net, given.bases.clone().requires_grad_(), given.generator("x"))
    assert sizes == [[6, 6], [6, 6]]  # two batches of three poisons each, and two steps
