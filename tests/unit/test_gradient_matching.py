from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import registry
from core.analysis.matching import DifferenceMatching, LastLayerMatching, Matching
from core.attacks.base import Tools, apply
from core.attacks.crafting import Moves
from core.attacks.gradient_matching import GradientMatching
from core.attacks.targeted import Problem
from core.datasets.base import ImageSet
from core.models.base import Net
from core.models.folded import folded
from core.spec import Training
from core.train.augment import augmented
from core.train.loop import build, on_device, train


def network(data: ImageSet, name: str = "small_cnn", epochs: int = 1, **settings: object) -> Net:
    model = registry.load("models", name)(**settings)
    net = build(model, data, 5, "cpu")
    if epochs:
        train(net, data, Training(epochs=epochs, batch_size=20), seed=5, device="cpu")
    return net.eval()


def problem(data: ImageSet, net: Net, poisons: int, epsilon: float = 16 / 255) -> Problem:
    rows = np.flatnonzero(data.labels == 1)[:poisons]
    return Problem(
        nets=(net,),
        bases=on_device(data.images[rows], "cpu").float() / 255,
        labels=on_device(data.labels[rows], "cpu"),
        target=on_device(data.images[:1], "cpu").float() / 255,  # row 0 is of class 0
        target_class=1,
        epsilon=epsilon,
        shift=0,
        flip=False,
        data=data,
        rows=rows,
        tools=Tools(0),
    )


def still(count: int, size: int = 16) -> Moves:
    return Moves(count, size, size, 0, False, torch.Generator().manual_seed(0), "cpu")


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare in float32, whatever the processor has."""
    monkeypatch.setattr("core.device.has_bfloat16", lambda device: False)


def plain_loss(net: Net, target: torch.Tensor, wanted: int, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """One minus the cosine of two gradients, spelled out."""
    parameters = list(net.parameters())
    towards = torch.autograd.grad(nn.functional.cross_entropy(net(target), torch.tensor([wanted])), parameters)
    own = torch.autograd.grad(nn.functional.cross_entropy(net(images), labels), parameters, create_graph=True)
    a, b = (torch.cat([gradient.flatten() for gradient in each]) for each in (towards, own))
    return 1 - (a @ b) / (a.norm() * b.norm())


@pytest.mark.parametrize("name", ["small_cnn", "resnet_small", "mlp"])
def test_the_loss_and_its_gradient_are_those_of_the_obvious_way(name: str, tiny: ImageSet) -> None:
    net = network(tiny, name)
    given = problem(tiny, net, 6)
    images = given.bases.clone().requires_grad_()
    expected = plain_loss(net, given.target, 1, images, given.labels)
    slope = torch.autograd.grad(expected, images)[0]
    loss, gradient = Matching([folded(net, given.target)], given.target, torch.tensor([1]))(
        images, given.labels, still(6)
    )
    assert loss.item() == pytest.approx(expected.item(), abs=1e-4)
    assert nn.functional.cosine_similarity(gradient.flatten(), slope.flatten(), dim=0) > 0.999


@pytest.mark.parametrize("surrogates", [1, 2])
def test_poisons_that_do_not_fit_at_once_go_through_in_parts(
    surrogates: int, tiny: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting: dict[str, int] = {}
    monkeypatch.setattr("core.memory._fitting", fitting)
    net = network(tiny)
    given = problem(tiny, net, 7)
    nets = [folded(net, given.target) for _ in range(surrogates)]
    moves = Moves(7, 16, 16, 2, True, torch.Generator().manual_seed(1), "cpu")
    images = given.bases.clone().requires_grad_()
    loss, slope = Matching(nets, given.target, torch.tensor([1]))(images, given.labels, moves)

    def full(module: nn.Module, given: tuple[torch.Tensor]) -> None:
        if len(given[0]) > 2 and given[0].requires_grad:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    matching = Matching(nets, given.target, torch.tensor([1]))
    for each in matching.nets:
        each.register_forward_pre_hook(full)
    for _ in range(2):  # the second time it is known
        again, found = matching(images, given.labels, moves)
        assert again.item() == pytest.approx(loss.item(), abs=1e-5)
        torch.testing.assert_close(found, slope, rtol=1e-3, atol=1e-6)
    assert fitting == {"Crafting": 1} and matching.crowded  # 7, 3, 1


def test_where_only_the_head_learns_the_last_layer_says_all(tiny: ImageSet) -> None:
    """A formula beside the second derivative: the same loss and the same gradient at the poisons."""
    net = network(tiny, width=8)
    net.freeze()
    given = problem(tiny, net, 5)
    targets, wanted = on_device(tiny.images[:4], "cpu").float() / 255, torch.tensor([1, 2, 1, 0])
    images = given.bases.clone().requires_grad_()
    loss, slope = LastLayerMatching(net, targets, wanted)(images, given.labels)
    whole, steep = Matching([net], targets, wanted)(images, given.labels)
    assert float(loss) == pytest.approx(float(whole), abs=1e-5) and 0.01 < float(loss) < 2
    assert torch.allclose(slope, steep, rtol=1e-3, atol=1e-7) and float(slope.abs().max()) > 1e-5


@pytest.mark.parametrize("model, closeness", [("linear", 0.99), ("small_cnn", 0.5)])
def test_a_difference_of_gradients_stands_in_for_the_second_derivative(
    model: str, closeness: float, tiny: ImageSet
) -> None:
    """The same loss; where nothing has a kink the same direction, elsewhere one that leads down as well."""
    net = folded(network(tiny, model), on_device(tiny.images[:1], "cpu").float() / 255)
    given = problem(tiny, net, 12)
    targets, wanted = on_device(tiny.images[:4], "cpu").float() / 255, torch.tensor([1, 2, 1, 0])
    images = given.bases.clone().requires_grad_()
    exact, quick = Matching([net], targets, wanted), DifferenceMatching(net, targets, wanted)
    (loss, slope), (again, found) = exact(images, given.labels), quick(images, given.labels)
    assert float(again) == pytest.approx(float(loss), abs=1e-5) and 0.01 < float(loss) < 2
    assert float(nn.functional.cosine_similarity(found.flatten(), slope.flatten(), dim=0)) > closeness
    lower = [
        float(loss - exact((given.bases - 2 / 255 * way.sign()).requires_grad_(), given.labels)[0])
        for way in (slope, found)
    ]
    assert lower[0] > 0.005 and lower[1] > 0.8 * lower[0]


def test_where_there_is_nowhere_to_go_a_difference_is_finite(tiny: ImageSet) -> None:
    """The poisons are the targets with the wanted labels: the cosine is 1 already."""
    net = network(tiny, "linear")
    given = problem(tiny, net, 5)
    images = given.bases.clone().requires_grad_()
    loss, slope = DifferenceMatching(net, given.bases, given.labels)(images, given.labels)
    assert float(loss) == pytest.approx(0, abs=1e-5) and bool(slope.isfinite().all())


def test_crafting_writes_no_parameter_gradient_and_moves_no_statistics(tiny: ImageSet) -> None:
    net = network(tiny)
    net.zero_grad(set_to_none=True)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    GradientMatching(steps=4).craft(problem(tiny, net, 5))
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_one_poison_without_bound_reaches_the_target_gradient_on_a_linear_model(tiny: ImageSet) -> None:
    given = problem(tiny, network(tiny, "linear"), 1, epsilon=1.0)
    crafted = GradientMatching(steps=400, step_size=10, epsilon=255).craft(given)
    assert crafted.trace is not None and crafted.trace[0, 0] > 0.1
    assert crafted.trace[0, -1] < 0.02


def test_the_restart_with_the_lowest_loss_is_kept(tiny: ImageSet) -> None:
    given = problem(tiny, network(tiny), 4)
    attack = GradientMatching(steps=12, restarts=3, augment=False)
    crafted = attack.craft(given)
    assert crafted.trace is not None and crafted.trace.shape == (3, 12)
    best = crafted.trace[:, -10:].mean(axis=1).min()
    again = Matching([folded(net, given.target) for net in given.nets], given.target, torch.tensor([1]))(
        crafted.images.requires_grad_(), given.labels, still(4)
    )[0]
    assert abs(again.item() - best) < 0.1 and again.item() < crafted.trace[:, 0].min()


def test_poisons_keep_epsilon_after_rounding_and_only_their_rows_change(tiny: ImageSet) -> None:
    net = network(tiny)
    attack = GradientMatching(steps=3, epsilon=5, poison_fraction=0.1, step_size=30)
    poisoned = apply(attack, tiny, Tools(0, test=tiny, surrogates=(net,), training=Training(shift=1)))
    change = np.abs(poisoned.data.images.astype(int) - tiny.images)
    assert change[poisoned.rows].max() == 5
    assert np.flatnonzero(change.reshape(80, -1).any(axis=1)).tolist() == poisoned.rows.tolist()
    assert (poisoned.data.labels == tiny.labels).all()


def test_a_key_knows_no_model(tiny: ImageSet) -> None:
    attack, tools = GradientMatching(poison_fraction=0.1), Tools(3, 2, test=tiny)
    first = attack.key(tiny, tools)
    second = attack.key(tiny, replace(tools, surrogates=(network(tiny, epochs=0),), training=Training(epochs=3)))
    assert (first.target, first.target_class, first.rows.tolist()) == (
        second.target,
        second.target_class,
        second.rows.tolist(),
    )
    assert tiny.labels[first.target] == first.source_class != first.target_class
    assert (tiny.labels[first.rows] == first.target_class).all()


@pytest.mark.parametrize("name", ["small_cnn", "resnet_small", "preact_resnet18"])
def test_a_folded_network_computes_the_same_with_the_same_parameters(name: str, tiny: ImageSet) -> None:
    net = network(tiny, name, epochs=0 if name == "preact_resnet18" else 1)
    images = on_device(tiny.images[:4], "cpu").float() / 255
    copied = folded(net, images[:1])
    assert torch.allclose(copied(images), net(images), atol=1e-4)
    assert sum(p.numel() for p in copied.parameters()) == sum(p.numel() for p in net.parameters())
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in copied.modules())
    kept = sum(type(module).__name__ == "FoldedConv" for module in copied.modules())
    assert kept > 0 and norms >= kept  # the norms that are left in `modules` are those inside the folded layers


@pytest.mark.parametrize("name", ["small_cnn", "resnet_small", "resnet18", "preact_resnet18", "resnet9_fast"])
def test_a_folded_new_network_stays_right_whatever_is_learned(name: str, tiny: ImageSet) -> None:
    """Its normalisation does nothing yet, so that a convolution that others read, too, seems to be foldable."""
    net = network(tiny, name, epochs=0)
    images = on_device(tiny.images[:4], "cpu").float() / 255
    twin, random = folded(net, images[:1], shared=True), torch.Generator().manual_seed(5)
    with torch.no_grad():
        for norm in (module for module in net.modules() if isinstance(module, nn.BatchNorm2d)):
            for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
                tensor.copy_(torch.empty(tensor.shape).uniform_(0.5, 1.5, generator=random))
        wanted = net.eval()(images)
        assert torch.allclose(twin(images), wanted, atol=1e-3 * float(wanted.abs().max()))


@pytest.mark.parametrize("flip", [False, True])
def test_moves_are_those_of_training(flip: bool, tiny: ImageSet) -> None:
    images = on_device(tiny.images[:9], "cpu").float()
    expected = augmented(images, torch.arange(9), 3, flip, torch.Generator().manual_seed(4))
    moved = Moves(9, 16, 16, 3, flip, torch.Generator().manual_seed(4), "cpu")(images)
    assert torch.equal(moved, expected)


def test_hard_images_become_bases_where_asked(tiny: ImageSet) -> None:
    net = network(tiny, "linear")
    attack = GradientMatching(poison_fraction=0.05, choice="gradient_norm", steps=1)
    tools = Tools(0, test=tiny, surrogates=(net,))
    key = attack.key(tiny, tools)
    rows = attack.base_rows(tiny, key, tools)
    images, labels = on_device(tiny.images, "cpu").float() / 255, on_device(tiny.labels, "cpu")
    norms = []
    for row in range(80):
        loss = nn.functional.cross_entropy(net(images[row : row + 1]), labels[row : row + 1])
        norms.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.head.parameters()))]).norm())
    own = np.flatnonzero(tiny.labels == key.target_class)
    hardest = own[np.argsort(-np.array(norms)[own])[: len(rows)]]
    assert sorted(hardest.tolist()) == rows.tolist()
