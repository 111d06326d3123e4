"""Weights that somebody brings: those of the very network, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from core import registry
from core.datasets.base import ImageSet
from core.errors import DataError
from core.models import brought
from core.models.base import Model
from core.models.brought import load_brought, verify
from core.train.loop import build


@pytest.fixture
def model() -> Model:
    made: Model = registry.load("models", "small_cnn")(width=4)  # type: ignore[call-arg]
    return made


@pytest.fixture
def weights(model: Model, tiny: ImageSet) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in build(model, tiny, 5, "cpu").state_dict().items()}


def saved(tmp_path: Path, weights: dict[str, Tensor]) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(weights, path)
    return path


def test_the_same_network_computes_the_same(
    model: Model, weights: dict[str, Tensor], tiny: ImageSet, tmp_path: Path
) -> None:
    net, other = build(model, tiny, 5, "cpu").eval(), build(model, tiny, 6, "cpu").eval()
    images = torch.from_numpy(tiny.images[:4]).float() / 255
    assert not torch.equal(net(images), other(images))
    load_brought(other, saved(tmp_path, weights))
    assert torch.equal(net(images), other(images))
    verify(model, saved(tmp_path, weights), 3, 16, 4)


def test_half_precision_and_missing_statistics_are_taken(
    model: Model, weights: dict[str, Tensor], tiny: ImageSet, tmp_path: Path
) -> None:
    plain = {
        name: tensor.half() for name, tensor in weights.items() if "normalise" not in name and "num_batches" not in name
    }
    net = build(model, tiny, 6, "cpu")
    mean = net.normalise.mean.clone()
    load_brought(net, saved(tmp_path, plain))
    assert torch.equal(net.normalise.mean, mean), "the images' own statistics stay"
    assert net.head.weight.dtype == torch.float32 and torch.equal(
        net.head.weight, weights["head.weight"].half().float()
    )


Spoil = Callable[[dict[str, Tensor]], dict[str, Tensor]]
WRONG: dict[str, tuple[Spoil, str]] = {
    "a tensor is missing": (
        lambda w: {name: each for name, each in w.items() if name != "head.bias"}, "have no 'head.bias' (1 of ",
    ),
    "nothing": (lambda w: {"x": torch.zeros(1)}, "tensors of the chosen network are missing)"),
    "an unknown tensor": (lambda w: {**w, "tail.weight": torch.zeros(1)}, "have 'tail.weight', which is no part"),
    "other classes": (
        lambda w: {**w, "head.weight": torch.zeros(10, 16), "head.bias": torch.zeros(10)},
        "'head.bias' of the weights is 10, where the chosen network has 4 for these images and classes.",
    ),
    "whole numbers": (
        lambda w: {**w, "head.bias": torch.zeros(4, dtype=torch.int64)}, "'head.bias' of the weights is of torch.int64",
    ),
    "not finite": (
        lambda w: {**w, "head.bias": torch.full((4,), float("nan"))}, "'head.bias' of the weights holds values that",
    ),
    "no spread": (
        lambda w: {**w, "normalise.std": torch.zeros(1, 3, 1, 1)}, "'normalise.std' of the weights holds values that",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_named(what: str, model: Model, weights: dict[str, Tensor], tmp_path: Path) -> None:
    spoil, words = WRONG[what]
    with pytest.raises(DataError) as caught:
        verify(model, saved(tmp_path, spoil(weights)), 3, 16, 4)
    text = str(caught.value)
    assert words in text and text.endswith(".") and "\n" not in text


def test_another_network_is_refused(weights: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="choose the network that they are of"):
        verify(registry.load("models", "mlp")(), saved(tmp_path, weights), 3, 16, 4)


@pytest.mark.parametrize("content", [b"", b"nonsense", (2**60).to_bytes(8, "little") + b"{}", b"\x80\x04N."])
def test_what_is_no_such_file_is_refused(content: bytes, model: Model, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"The weights are no safetensors file that can be read \(.*\)\."):
        verify(model, path, 3, 16, 4)


def test_a_file_that_is_too_large_is_not_read(
    model: Model, weights: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brought, "MOST_BYTES", 10)
    with pytest.raises(DataError, match="at most 10 are taken"):
        verify(model, saved(tmp_path, weights), 3, 16, 4)
