"""The loop: same seed, same bytes; augmentation exact; schedules, hooks, cancelling."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core import registry
from core.datasets.base import ImageSet
from core.errors import Cancelled, PoisonscopeError, SpecError
from core.models.base import Net
from core.models.mlp import Mlp
from core.models.small_cnn import SmallCnn
from core.models.torchvision_net import TorchvisionNet
from core.seeds import derive
from core.spec import Training
from core.train.augment import augmented, moved, moves
from core.train.hooks import Hooks
from core.train.loop import Epoch, build, learning_rate, train
from core.train.predict import features, logits

CONFIG = Training(epochs=2, batch_size=16, shift=1, precision="float32")


def trained(data: ImageSet, seed: int = 0, config: Training = CONFIG, **options: object) -> Net:
    net = build(SmallCnn(width=8), data, seed, "cpu")
    return train(net, data, config, seed=seed, device="cpu", **options).net  # type: ignore[arg-type]


def weights(net: Net) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in net.state_dict().values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_seed_same_bytes(tiny: ImageSet, precision: str) -> None:
    config = CONFIG.model_copy(update={"precision": precision})
    assert weights(trained(tiny, 3, config)) == weights(trained(tiny, 3, config))
    assert weights(trained(tiny, 3, config)) != weights(trained(tiny, 4, config))


def test_the_loop_learns(tiny: ImageSet) -> None:
    losses: list[float] = []
    config = CONFIG.model_copy(update={"epochs": 12, "shift": 0})
    net = trained(tiny, config=config, after_epoch=lambda epoch: losses.append(epoch.loss))
    predicted = logits(net, torch.from_numpy(tiny.images)).argmax(dim=1).numpy()
    assert len(losses) == 12 and losses[-1] < losses[0] / 2
    assert (predicted == tiny.labels).mean() > 0.9


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_one_sentence(tiny: ImageSet, rows: int) -> None:
    net = build(SmallCnn(width=8), tiny, 0, "cpu")
    with pytest.raises(PoisonscopeError, match=f"{rows} rows"):
        train(net, tiny.rows(np.arange(rows)), CONFIG, seed=0, device="cpu")


def test_a_last_batch_of_one_row_is_left_out(tiny: ImageSet) -> None:
    net = build(Mlp(width=8, depth=1), tiny, 0, "cpu")
    assert train(net, tiny.rows(np.arange(33)), CONFIG, seed=0, device="cpu").passes == 2 * 32


def test_a_loss_that_is_no_number_is_said(tiny: ImageSet) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(PoisonscopeError, match="learning_rate"):
        trained(tiny, config=config)


def test_dropout_follows_the_seed_beside_other_trainings(make_images: Callable[..., ImageSet]) -> None:
    data = make_images(size=32, per_class=4)

    def fit() -> bytes:
        torch.set_num_threads(1)  # per thread; another number adds up in another order
        net = build(TorchvisionNet(architecture="mobilenet_v3_small"), data, 0, "cpu")
        return weights(train(net, data, CONFIG, seed=0, device="cpu").net)

    alone = fit()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fit) for _ in range(2)]
    assert [future.result() for future in both] == [alone, alone]


def test_cancelling_is_asked_once_per_epoch(tiny: ImageSet) -> None:
    seen: list[Epoch] = []
    with pytest.raises(Cancelled):
        trained(tiny, after_epoch=seen.append, cancelled=lambda: len(seen) == 1)
    assert [epoch.epoch for epoch in seen] == [1]


def test_passes_are_those_of_training(tiny: ImageSet) -> None:
    net = build(SmallCnn(width=8), tiny, 0, "cpu")
    images = torch.from_numpy(tiny.images)
    done = train(net, tiny, CONFIG, seed=0, device="cpu", after_epoch=lambda epoch: print(logits(net, images).shape))
    assert done.passes == pytest.approx(2 * len(tiny))
    assert net.passes == pytest.approx(2 * len(tiny) + 2 * len(tiny) / 3)  # a forward pass alone is a third of one


def test_every_hook_is_called(tiny: ImageSet) -> None:
    calls: list[str] = []

    class Spy(Hooks):
        def rows(self, epoch: int, rows: torch.Tensor, net: Net) -> torch.Tensor:
            calls.append(f"rows {epoch}")
            return rows[:16]

        def batch(self, images: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, net: Net):  # type: ignore[no-untyped-def]
            calls.append(f"batch {len(images)}")
            return images, labels

        def gradients(self, net: Net) -> None:
            assert all(parameter.grad is not None for parameter in net.parameters())
            calls.append("gradients")

        def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor | None:
            calls.append("loss")
            return None

    trained(tiny, hooks=Spy())
    assert calls == ["rows 0", "batch 16", "loss", "gradients", "rows 1", "batch 16", "loss", "gradients"]


class Waits(TorchDispatchMode):
    """Counts what makes a program wait for its device: a number asked for, or a result whose size follows from data."""

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = func.overloadpacket.__name__
        masks = name.startswith(("index", "_index")) and any(
            isinstance(each, torch.Tensor) and each.dtype == torch.bool for each in args[1] or ()
        )
        if name in self.ASKING or masks:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("batch_size", [8, 40])
def test_an_epoch_waits_for_its_device_once(tiny: ImageSet, batch_size: int) -> None:
    with Waits() as asked:
        torch.arange(3)[torch.tensor([True, False, True])].sum().item()
    assert asked.seen == ["index", "_local_scalar_dense"]
    net = build(SmallCnn(width=8), tiny, 0, "cpu")
    config = CONFIG.model_copy(update={"batch_size": batch_size})
    with Waits() as waits:
        train(net, tiny, config, seed=0, device="cpu", flip=True)
    assert waits.seen == ["_local_scalar_dense"] * config.epochs  # the mean loss, however many steps there are


def test_augmentation_makes_nothing_outside_of_its_device() -> None:
    images = torch.empty(5, 3, 8, 8, dtype=torch.uint8, device="meta")  # mixing it with the CPU raises
    drawn = moves(4, 2, True, torch.Generator().manual_seed(0))
    taken = moved(images, torch.zeros(4, dtype=torch.int64, device="meta"), drawn.to("meta"))
    assert taken.shape == (4, 3, 8, 8) and taken.is_meta


def test_moves_drawn_ahead_are_those_that_were_drawn_batch_by_batch(tiny: ImageSet) -> None:
    seen: list[torch.Tensor] = []

    class Spy(Hooks):
        def batch(self, images: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, net: Net):  # type: ignore[no-untyped-def]
            seen.append(images.clone())
            return images, labels

    trained(tiny, 5, flip=True, hooks=Spy())
    random = torch.Generator().manual_seed(derive(5, "order"))
    images, expected = torch.from_numpy(tiny.images), []
    for _ in range(CONFIG.epochs):
        for rows in torch.randperm(len(tiny), generator=random).split(CONFIG.batch_size):
            expected.append(augmented(images, rows, CONFIG.shift, True, random).float() / 255)
    assert torch.equal(torch.cat(seen), torch.cat(expected))


def test_augmentation_without_shift_or_flip_takes_rows_as_they_are() -> None:
    images = torch.arange(2 * 1 * 3 * 3, dtype=torch.uint8).view(2, 1, 3, 3)
    taken = augmented(images, torch.tensor([1, 0, 1]), 0, False, torch.Generator().manual_seed(0))
    assert torch.equal(taken, images[[1, 0, 1]])


def test_augmentation_moves_every_image_by_itself_and_reflects() -> None:
    image = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    padded = torch.nn.functional.pad(image.float(), (1, 1, 1, 1), mode="reflect")
    legal = [padded[:, :, y : y + 4, x : x + 4] for y in range(3) for x in range(3)]
    taken = augmented(image, torch.zeros(200, dtype=torch.int64), 1, False, torch.Generator().manual_seed(0)).float()
    seen = {next(number for number, crop in enumerate(legal) if torch.equal(crop[0], one)) for one in taken}
    assert seen == set(range(9))


def test_augmentation_mirrors_half() -> None:
    image = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    taken = augmented(image, torch.zeros(400, dtype=torch.int64), 0, True, torch.Generator().manual_seed(0))
    mirrored = sum(torch.equal(one, image[0].flip(-1)) for one in taken)
    assert mirrored + sum(torch.equal(one, image[0]) for one in taken) == 400 and 150 < mirrored < 250


def test_augmentation_lets_gradients_through() -> None:
    images = torch.rand(2, 1, 4, 4, requires_grad=True)
    augmented(images, torch.tensor([1, 1]), 1, True, torch.Generator().manual_seed(0)).sum().backward()
    assert images.grad is not None and images.grad[0].sum() == 0 and images.grad[1].sum() == 32


@pytest.mark.parametrize(
    "schedule, done, expected",
    [
        ("constant", 0.9, 0.1),
        ("step", 0.3, 0.1),
        ("step", 0.5, 0.01),
        ("step", 0.9, 0.0001),
        ("one_cycle", 0.125, 0.05),
        ("one_cycle", 0.25, 0.1),
        ("one_cycle", 1.0, 0.0),
    ],
)
def test_schedules(schedule: str, done: float, expected: float) -> None:
    config = Training.model_validate({"schedule": schedule, "learning_rate": 0.1})
    assert learning_rate(config, done) == pytest.approx(expected)


@pytest.mark.parametrize("name", registry.names("models"))
@pytest.mark.parametrize("channels", [1, 3])
def test_every_network_is_features_and_a_linear_head(name: str, channels: int) -> None:
    size = 32 if name == "torchvision_net" else 16
    net = registry.load("models", name)().build(channels, size, 5, torch.zeros(channels), torch.ones(channels)).eval()
    images = torch.rand(2, channels, size, size)
    with torch.no_grad():
        found = net.features(images)
        assert found.shape == (2, net.head.in_features)
        torch.testing.assert_close(net(images), net.head(found))


def test_normalisation_is_the_first_layer(tiny: ImageSet) -> None:
    net = build(Mlp(width=8, depth=1), tiny, 0, "cpu")
    pixels = torch.from_numpy(tiny.images).float() / 255
    normalised = net.normalise(pixels)
    torch.testing.assert_close(normalised.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


@pytest.mark.parametrize("architecture", ["resnet99", "squeezenet1_0"])
def test_unfit_torchvision_networks_are_refused_by_name(architecture: str) -> None:
    with pytest.raises(SpecError, match=architecture):
        TorchvisionNet(architecture=architecture).build(3, 32, 5, torch.zeros(3), torch.ones(3))


def test_features_ignore_the_training_mode(tiny: ImageSet) -> None:
    net = trained(tiny)
    images = torch.from_numpy(tiny.images)
    before: Callable[[], np.ndarray] = lambda: features(net, images).numpy()  # noqa: E731 - read twice below
    evaluated = before()
    net.train()
    np.testing.assert_array_equal(before(), evaluated)
    assert net.training
