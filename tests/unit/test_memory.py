"""Work in parts: halved where memory is out, with the result of work that was not."""

import logging

import pytest
import torch

from core import memory
from core.datasets.base import ImageSet
from core.memory import halving
from core.models.base import Net
from core.models.mlp import Mlp
from core.train import predict
from core.train.loop import build


@pytest.fixture(autouse=True)
def fitting(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What fitted so far: nothing that other tests found out."""
    known: dict[str, int] = {}
    monkeypatch.setattr(memory, "_fitting", known)
    return known


class Small:
    """A device on which at most `room` rows fit."""

    def __init__(self, room: int) -> None:
        self.room, self.tried = room, list[int]()

    def __call__(self, rows: slice) -> list[int]:
        self.tried.append(rows.stop - rows.start)
        if rows.stop - rows.start > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return list(range(rows.start, rows.stop))


def test_a_part_that_does_not_fit_is_halved(caplog: pytest.LogCaptureFixture) -> None:
    small = Small(3)
    with caplog.at_level(logging.WARNING):
        found = halving(small, 10, 8, "Counting")
    assert found == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert small.tried == [8, 4, 2, 2, 2, 2, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "Counting: the device's memory is full; from now on 4 images at a time.",
        "Counting: the device's memory is full; from now on 2 images at a time.",
    ]


def test_what_fitted_once_is_tried_first_the_next_time() -> None:
    halving(Small(3), 10, 8, "Counting")
    again, other = Small(3), Small(8)
    halving(again, 4, 8, "Counting")
    halving(other, 8, 8, "Something else")
    assert again.tried == [2, 2] and other.tried == [8]


def test_one_row_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        halving(Small(0), 4, 4, "Counting")


def test_where_all_fits_parts_are_as_large_as_told() -> None:
    assert halving(Small(9), 7, 3, "Counting") == [[0, 1, 2], [3, 4, 5], [6]]
    assert halving(Small(9), 0, 3, "Counting") == [[]]


def test_predictions_are_the_same_however_few_fit(tiny: ImageSet, fitting: dict[str, int]) -> None:
    net = build(Mlp(width=8, depth=1), tiny, 0, "cpu")
    images = torch.from_numpy(tiny.images)
    expected = predict.logits(net, images)

    def full(module: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
        if len(given[0]) > 16:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    net.register_forward_pre_hook(full)
    torch.testing.assert_close(predict.logits(net, images), expected)
    assert fitting == {"Predictions": 10}  # 80, 40, 20, 10
    assert isinstance(net, Net) and net.training is True
