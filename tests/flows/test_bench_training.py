"""`python -m core bench train-…`: that both ways do the same work, and what is said of it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import train_resnet18, train_small_cnn, training
from core import device as devices
from core.datasets.base import ImageSet


@pytest.fixture
def case(tiny: ImageSet) -> training.Case:
    return training.Case("linear", tiny, "cpu")


def test_the_usual_images_are_standardised_and_as_large(tiny: ImageSet) -> None:
    photos = training.Photos(tiny)
    pixels = torch.stack([photos[row][0] for row in range(len(tiny))])
    assert pixels.shape == tiny.images.shape and pixels.dtype == torch.float32
    assert [photos[row][1] for row in range(len(tiny))] == tiny.labels.tolist()
    photos.change.transforms = photos.change.transforms[2:]  # without moves and mirrors
    still = torch.stack([photos[row][0] for row in range(len(tiny))])
    assert still.mean(dim=(0, 2, 3)).abs().max() < 1e-4 and (still.std(dim=(0, 2, 3)) - 1).abs().max() < 0.01
    assert not torch.equal(still, pixels)


def test_both_ways_train_the_same_network(case: training.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = case._plain(0)
    net = training.build(case.model, case.data, 0, "cpu")
    pixels = torch.from_numpy(case.data.images[:4]).float() / 255
    normalised = net.normalise(pixels)
    assert torch.allclose(plain(normalised), net(pixels), atol=1e-5) and plain.training
    assert sum(each.numel() for each in plain.parameters()) == sum(each.numel() for each in net.parameters())


def test_both_ways_see_every_image_once_a_training(case: training.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[int, float]] = []
    seen: list[int] = []
    real = training.train

    def counted(net: Any, data: ImageSet, *rest: Any, **named: Any) -> Any:
        done = real(net, data, *rest, **named)
        trained.append((torch.get_num_threads(), done.passes))
        return done

    class Counting(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            seen.append(len(pixels))
            return self.inner(pixels)

    plain = case._plain
    monkeypatch.setattr(training, "train", counted)
    monkeypatch.setattr(case, "_plain", lambda seed: Counting(plain(seed)))
    case.ours(2, 1)
    case.usual(2)
    assert trained == [(1, len(case.data))] * 2 and sum(seen) == 2 * len(case.data)


def test_a_training_alone_and_several_side_by_side_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "cores", lambda: 2)
    monkeypatch.setattr(devices, "threads", lambda: 1)
    monkeypatch.setattr(training.Case, "usual", lambda case, trainings: None)
    monkeypatch.setattr(training.Case, "ours", lambda case, trainings, threads: None)
    found = list(training.entries("linear", 20, "cpu", turns=1))
    assert [entry.name for entry in found] == [
        "linear, 20 images, 2 trainings side by side",
        "linear, 20 images, one training alone, as the product runs it",
        "linear, 20 images, one training alone, on all cores",
    ]
    assert [entry.count for entry in found] == [40, 20, 20]
    facts = found[0].facts({"ours": {"median": 0.001}, "reference": {"median": 0.004}})
    assert (facts["ours_images_per_second"], facts["reference_images_per_second"]) == (1000, 250)


def test_each_network_has_a_benchmark_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.Case, "usual", lambda case, trainings: None)
    monkeypatch.setattr(training.Case, "ours", lambda case, trainings, threads: None)
    monkeypatch.setattr(
        training,
        "signs",
        lambda images: ImageSet(np.zeros((2, 3, 4, 4), np.uint8), np.zeros(2, np.int64), ("a",), np.arange(2)),
    )
    assert next(train_small_cnn.entries("cpu")).name.startswith("small_cnn, 6000 images")
    assert next(train_resnet18.entries("cpu")).name.startswith("resnet18, 512 images")
