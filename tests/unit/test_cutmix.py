"""CutMix: labels count as much as the area of their images, pixel by pixel."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.defenses.base import Session
from core.defenses.boxes import inside
from core.defenses.cutmix import CutMix
from core.defenses.mixing import Mixing
from core.models.base import Net
from core.spec import Training

B = 40


def hooks_of(seed: int = 0, **settings: Any) -> Mixing:
    nothing = torch.zeros(0)
    hooks = CutMix(**settings).hooks(Session(nothing, nothing, B, Training(), False, seed))
    assert isinstance(hooks, Mixing)
    return hooks


@pytest.fixture
def net() -> Net:
    return Net(nn.Flatten(), 3, B, torch.zeros(3), torch.ones(3))


@pytest.fixture
def numbered() -> tuple[Tensor, Tensor, Tensor]:
    """Image r is r / B in every pixel, and its label is r."""
    rows = torch.arange(B)
    return (rows / B)[:, None, None, None].expand(B, 3, 10, 8).contiguous(), rows.clone(), rows


@pytest.mark.parametrize("alpha", [0.2, 1.0, 20.0])
def test_shares_are_the_areas_that_can_be_counted(
    alpha: float, net: Net, numbered: tuple[Tensor, Tensor, Tensor]
) -> None:
    hooks = hooks_of(part=1.0, alpha=alpha)
    images, labels, rows = numbered
    before = images.clone()
    made, wanted = hooks.batch(images, labels, rows, net)
    assert torch.equal(images, before) and torch.equal(wanted, labels)
    assert torch.equal(hooks.labels[:, 0], labels) and sorted(hooks.labels[:, 1].tolist()) == list(range(B))
    for row in range(B):
        own, other = (made[row, 0] == images[each, 0, 0, 0] for each in (row, hooks.labels[row, 1]))
        assert (own | other).all()
        if hooks.labels[row, 1] != row:  # a box of the image itself cannot be seen
            assert float(hooks.shares[row, 0]) == pytest.approx(float(own.float().mean()), abs=1e-6)
    assert torch.allclose(hooks.shares.sum(dim=1), torch.ones(B))
    assert len(hooks.shares[:, 0].unique()) > 5  # not one draw for the batch


def test_images_without_a_box_are_whole(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    hooks = hooks_of(part=0.0)
    made, _ = hooks.batch(*numbered, net)
    assert torch.equal(made, numbered[0]) and (hooks.shares == torch.tensor([1.0, 0.0])).all()
    hooks = hooks_of(part=0.5, alpha=50.0)
    hooks.batch(*numbered, net)
    assert 10 < int((hooks.shares[:, 0] < 1).sum()) < 30


def test_what_is_drawn_follows_from_the_defenses_seed_alone(net: Net, numbered: tuple[Tensor, Tensor, Tensor]) -> None:
    state = torch.get_rng_state()
    one, same, other = (hooks_of(seed).batch(*numbered, net)[0] for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


# ---- boxes


def test_boxes_are_rectangles_that_only_the_edge_makes_smaller() -> None:
    boxes = inside(torch.tensor([4, 3]).expand(500, 2), 10, 8, torch.Generator().manual_seed(0))
    assert boxes.shape == (500, 1, 10, 8) and boxes.dtype == torch.bool
    tops = set()
    for box in boxes[:, 0]:
        rows, columns = box.any(dim=1), box.any(dim=0)
        assert torch.equal(box, rows[:, None] & columns[None, :])
        top, bottom = int(rows.nonzero()[0]), int(rows.nonzero()[-1])
        assert bottom - top + 1 == rows.sum() <= 4 and columns.sum() <= 3
        assert rows.sum() == 4 or top == 0 or bottom == 9
        tops.add((top, bottom))
    # Middles 0 to 9 with two rows above and one below: [0, 1], [0, 2], [0, 3], [1, 4], ..., [6, 9], [7, 9].
    assert tops == {(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 7), (5, 8), (6, 9), (7, 9)}


def test_a_box_without_sides_holds_nothing() -> None:
    assert not inside(torch.zeros((5, 2), dtype=torch.int64), 10, 8, torch.Generator().manual_seed(0)).any()
