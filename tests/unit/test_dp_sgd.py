"""DP-SGD: every image's gradient clipped, noise of the right size, and the epsilon that its accountant gives."""

import math
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.dp_sgd import NO_GUARANTEE, DpSgd, _PerImage
from core.errors import PoisonscopeError
from core.models.base import Net
from core.models.grouped import grouped
from core.spec import Training
from core.train.hooks import Hooks
from core.train.loop import build, on_device, train

SIZE = 10
CONFIG = Training(epochs=2, batch_size=SIZE, learning_rate=0.05, precision="float32")


def hooks_of(seed: int = 0, **settings: Any) -> Hooks:
    nothing = torch.zeros(0)
    return DpSgd(**settings).hooks(Session(nothing, nothing, 4, CONFIG, False, seed))


def built(data: ImageSet, name: str = "small_cnn", **settings: Any) -> Net:
    return grouped(build(registry.load("models", name)(**settings), data, 0, "cpu")).train()


def batch_of(data: ImageSet) -> tuple[Tensor, Tensor]:
    return on_device(data.images[:SIZE], "cpu").float() / 255, on_device(data.labels[:SIZE], "cpu")


def stepped(net: Net, hooks: Hooks, data: ImageSet) -> list[Tensor]:
    """The gradients that one step of the loop would hand to the optimiser."""
    images, labels = batch_of(data)
    hooks.begin(net)
    hooks.batches(torch.arange(len(data)), SIZE)
    images, labels = hooks.batch(images, labels, torch.arange(SIZE), net)
    loss = nn.functional.cross_entropy(net(images), labels)
    net.zero_grad(set_to_none=True)
    loss.backward()
    hooks.gradients(net)
    return [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]


def one_by_one(net: Net, data: ImageSet) -> list[list[Tensor]]:
    """Every image's gradients, an image at a time."""
    images, labels = batch_of(data)
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    each = [nn.functional.cross_entropy(net(images[i : i + 1]), labels[i : i + 1]) for i in range(SIZE)]
    return [list(torch.autograd.grad(loss, parameters)) for loss in each]


@pytest.mark.parametrize("name", ["small_cnn", "resnet_small", "mlp", "linear"])
def test_the_gradient_is_that_of_a_loop_over_single_images(name: str, tiny: ImageSet) -> None:
    net = built(tiny, name)
    norms = [math.sqrt(sum(float((g * g).sum()) for g in gradients)) for gradients in one_by_one(net, tiny)]
    clip = float(np.median(norms))  # about half of the images are clipped
    expected = [torch.zeros_like(gradient) for gradient in one_by_one(net, tiny)[0]]
    for gradients, norm in zip(one_by_one(net, tiny), norms, strict=True):
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient * min(1.0, clip / norm) / SIZE
    found = stepped(net, hooks_of(clip=clip, noise=0), tiny)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-6 + 1e-4 * float(other.abs().max()))


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # pixels need no gradient
def test_clipping_is_that_of_opacus_own_optimiser(tiny: ImageSet) -> None:
    from opacus.grad_sample import GradSampleHooks
    from opacus.optimizers import DPOptimizer

    found = stepped(built(tiny, "mlp"), hooks_of(clip=0.3, noise=0), tiny)
    net, (images, labels) = built(tiny, "mlp"), batch_of(tiny)
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    GradSampleHooks(net)
    inner = torch.optim.SGD(net.parameters(), lr=0.1)
    theirs = DPOptimizer(inner, noise_multiplier=0.0, max_grad_norm=0.3, expected_batch_size=SIZE)
    nn.functional.cross_entropy(net(images), labels).backward()
    theirs.pre_step()
    for one, parameter in zip(found, net.parameters(), strict=True):
        assert parameter.grad is not None and torch.allclose(one, parameter.grad, atol=1e-6)


@pytest.mark.parametrize("variant, divided", [("per_image", SIZE), ("per_batch", 1)])
def test_noise_is_a_multiple_of_the_largest_norm(variant: str, divided: int, tiny: ImageSet) -> None:
    """The sum of the images' gradients gets noise of 2 x 3, a batch's mean gradient gets it as it is."""
    plain = stepped(built(tiny), hooks_of(variant=variant, clip=3.0, noise=0), tiny)
    noisy = stepped(built(tiny), hooks_of(variant=variant, clip=3.0, noise=2), tiny)
    noise = torch.cat([(one - other).flatten() for one, other in zip(noisy, plain, strict=True)]) * divided
    assert len(noise) > 200_000
    assert float(noise.std()) == pytest.approx(6.0, rel=0.01) and abs(float(noise.mean())) < 0.05


def test_per_batch_clips_the_mean_gradient(tiny: ImageSet) -> None:
    images, labels = batch_of(tiny)
    net = built(tiny)
    loss = nn.functional.cross_entropy(net(images), labels)
    plain = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
    for clip in (0.5 * float(plain.norm()), 2 * float(plain.norm())):
        hooks = hooks_of(variant="per_batch", clip=clip, noise=0)
        found = torch.cat([gradient.flatten() for gradient in stepped(built(tiny), hooks, tiny)])
        assert torch.allclose(found, plain * min(1.0, clip / float(plain.norm())), atol=1e-5)


def test_every_step_draws_every_row_with_the_same_probability() -> None:
    hooks, order = hooks_of(), torch.randperm(200, generator=torch.Generator().manual_seed(0))
    drawn = [rows for _ in range(50) for rows in hooks.batches(order, 20)]
    assert len(drawn) == 500  # fifty epochs of ten steps
    sizes, counts = [len(rows) for rows in drawn], torch.bincount(torch.cat(drawn), minlength=200)
    assert abs(np.mean(sizes) - 20) < 1 and 3.5 < np.std(sizes) < 5  # binomial: the root of 200 x 0.1 x 0.9 is 4.24
    assert counts.min() > 20 and counts.max() < 85  # 50 on average, 6.7 apart
    assert all(len(rows.unique()) == len(rows) for rows in drawn)


def test_an_empty_draw_is_left_out_and_a_batch_may_be_everything() -> None:
    hooks = hooks_of()
    assert all(len(rows) for _ in range(20) for rows in hooks.batches(torch.arange(10), 1))
    assert [len(rows) for rows in hooks.batches(torch.arange(10), 64)] == [10]


# ---- the accountant


def gaussian(noise: float, steps: int, delta: float) -> float:
    """Epsilon without sampling, by the closed form: the Renyi divergence of order a is a steps / (2 noise^2)."""
    orders = np.array([1 + x / 10 for x in range(1, 100)] + list(range(12, 64)))
    divergence = orders * steps / (2 * noise**2)
    conversion = np.log((orders - 1) / orders) - (math.log(delta) + np.log(orders)) / (orders - 1)
    return float((divergence + conversion).min())


@pytest.mark.parametrize("noise, steps", [(1.0, 1), (4.0, 10), (20.0, 100)])
def test_epsilon_by_the_closed_form(noise: float, steps: int) -> None:
    assert DpSgd(noise=noise, delta=1e-4).epsilon(1.0, steps) == pytest.approx(gaussian(noise, steps, 1e-4))


def test_epsilon_is_opacus_own() -> None:
    from opacus.accountants import RDPAccountant

    accountant = RDPAccountant()
    for _ in range(100):
        accountant.step(noise_multiplier=1.0, sample_rate=0.02)
    epsilon = DpSgd(noise=1.0, delta=1e-4).epsilon(0.02, 100)
    assert epsilon == pytest.approx(accountant.get_epsilon(1e-4)) and epsilon == pytest.approx(1.462, abs=1e-3)


def test_without_noise_there_is_no_epsilon_and_with_little_a_huge_one() -> None:
    assert DpSgd(noise=0).epsilon(0.1, 10) is None
    found = DpSgd(noise=0.01).epsilon(0.1, 10)
    assert found is not None and found > 1000


# ---- in the loop


def test_a_training_says_what_it_guarantees(tiny: ImageSet) -> None:
    hooks = hooks_of(noise=2.0, clip=0.5, delta=1e-3)
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    trained = train(net, tiny, CONFIG, seed=0, device="cpu", hooks=hooks)
    privacy = hooks.report()["privacy"]
    assert {name: privacy[name] for name in ("noise", "clip", "delta")} == {"noise": 2.0, "clip": 0.5, "delta": 1e-3}
    # two epochs of eight steps, each with every eighth row
    assert privacy["epsilon"] == pytest.approx(DpSgd(noise=2.0, delta=1e-3).epsilon(1 / 8, 16))
    assert "Poisson" in privacy["assumed"]
    assert not any("running" in name or tensor.isnan().any() for name, tensor in trained.net.state_dict().items())


def test_a_batch_variant_guarantees_nothing_and_keeps_batch_normalisation(tiny: ImageSet) -> None:
    hooks = hooks_of(variant="per_batch", noise=0.01)
    net = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    train(net, tiny, CONFIG, seed=0, device="cpu", hooks=hooks)
    privacy = hooks.report()["privacy"]
    assert privacy["epsilon"] is None and privacy["assumed"] == NO_GUARANTEE
    assert any("running_mean" in name for name in net.state_dict())


def test_the_same_seed_trains_the_same_network_and_it_learns(tiny: ImageSet) -> None:
    found = []
    for seed in (0, 0, 1):
        net, config = built(tiny), CONFIG.model_copy(update={"epochs": 10, "shift": 0})
        train(net, tiny, config, seed=0, device="cpu", hooks=hooks_of(seed, noise=0.1))
        found.append(net.state_dict())
        images, labels = on_device(tiny.images, "cpu").float() / 255, on_device(tiny.labels, "cpu")
        assert float((net(images).argmax(dim=1) == labels).float().mean()) > 0.7
    one, same, other = found
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_half_precision_and_frozen_features(tiny: ImageSet) -> None:
    hooks, net = hooks_of(noise=0.1), built(tiny, width=4)
    train(net, tiny, CONFIG.model_copy(update={"precision": "bfloat16"}), seed=0, device="cpu", hooks=hooks)
    frozen = build(registry.load("models", "small_cnn")(width=4), tiny, 0, "cpu")
    frozen.freeze()
    assert any("running_mean" in name for name in frozen.state_dict())
    before = {name: tensor.clone() for name, tensor in frozen.state_dict().items()}
    train(frozen, tiny, CONFIG, seed=0, device="cpu", hooks=hooks_of(noise=0.1))
    moved = {name for name, tensor in frozen.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {"head.weight", "head.bias"}


def test_gradients_are_measured_between_epochs_as_ever(tiny: ImageSet) -> None:
    """A network that Opacus watches still has plain gradients, in evaluation mode and in training mode."""
    net, images, hooks = built(tiny, width=4), batch_of(tiny)[0], hooks_of(noise=0.1)
    train(net, tiny, CONFIG, seed=0, device="cpu", hooks=hooks)
    for mode in (False, True):
        net.train(mode)
        torch.autograd.grad(net(images).sum(), list(net.parameters()))
    assert isinstance(hooks, _PerImage) and hooks.watcher is not None and not hooks.watcher.gradients


def test_an_attacker_who_imitates_the_step_gets_the_batch_as_it_is(tiny: ImageSet) -> None:
    net, (images, labels) = built(tiny, width=4), batch_of(tiny)
    before = net.passes
    made, wanted = hooks_of().batch(images, labels, torch.empty(0, dtype=torch.int64), net)
    assert made is images and wanted is labels and net.passes == before


def test_passes_count_the_weights_gradients_twice(tiny: ImageSet) -> None:
    net = built(tiny, width=4)
    trained = train(net, tiny, CONFIG, seed=0, device="cpu", hooks=hooks_of(noise=0.1))
    shown = trained.passes / (4 / 3)  # images that were drawn, each a pass and a third
    assert shown == pytest.approx(round(shown), abs=1e-6) and abs(shown - 2 * len(tiny)) < 60


def test_where_opacus_is_missing_one_sentence_says_so(tiny: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus.grad_sample", None)
    with pytest.raises(PoisonscopeError, match="needs the package opacus") as found:
        train(built(tiny, width=4), tiny, CONFIG, seed=0, device="cpu", hooks=hooks_of())
    assert "per_batch" in str(found.value)
    train(built(tiny, width=4), tiny, CONFIG, seed=0, device="cpu", hooks=hooks_of(variant="per_batch"))
