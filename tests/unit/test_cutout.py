"""Cutout: one box an image, of the mean colour, on a copy."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.defenses.base import Session
from core.defenses.cutout import Cutout
from core.models.base import Net
from core.spec import Training
from core.train.hooks import Hooks

MEAN = torch.tensor([0.25, 0.5, 0.75])


def hooks_of(seed: int = 0, **settings: Any) -> Hooks:
    nothing = torch.zeros(0)
    return Cutout(**settings).hooks(Session(nothing, nothing, 4, Training(), False, seed))


@pytest.fixture
def net() -> Net:
    return Net(nn.Flatten(), 3, 4, MEAN, torch.ones(3))


@pytest.fixture
def white() -> tuple[Tensor, Tensor, Tensor]:
    return torch.ones((200, 3, 12, 12)), torch.arange(200) % 4, torch.arange(200)


def test_a_box_of_the_mean_colour_is_all_that_changes(net: Net, white: tuple[Tensor, Tensor, Tensor]) -> None:
    images, labels, rows = white
    made, wanted = hooks_of(side=0.5).batch(images, labels, rows, net)
    assert torch.equal(wanted, labels) and (images == 1).all()
    hidden = (made != 1).all(dim=1)
    assert torch.equal(made.permute(0, 2, 3, 1)[hidden], MEAN.expand(int(hidden.sum()), 3))
    assert torch.equal(made.permute(0, 2, 3, 1)[~hidden], torch.ones(int((~hidden).sum()), 3))
    areas = hidden.flatten(1).sum(dim=1)
    assert areas.max() == 36  # a middle at the edge leaves 3 of 6 rows or columns
    assert set(areas.tolist()) <= {rows * columns for rows in range(3, 7) for columns in range(3, 7)}
    assert len(hidden.float().unique(dim=0)) > 50  # every image has its own


def test_the_network_sees_zeros_in_the_box(net: Net, white: tuple[Tensor, Tensor, Tensor]) -> None:
    made, _ = hooks_of().batch(*white, net)
    normalised = net.normalise(made)
    assert (normalised[(made != 1).all(dim=1, keepdim=True).expand_as(made)] == 0).all()


def test_the_smallest_box_is_a_pixel(net: Net, white: tuple[Tensor, Tensor, Tensor]) -> None:
    made, _ = hooks_of(side=0.001).batch(*white, net)
    assert ((made != 1).all(dim=1).flatten(1).sum(dim=1) == 1).all()


def test_what_is_drawn_follows_from_the_defenses_seed_alone(net: Net, white: tuple[Tensor, Tensor, Tensor]) -> None:
    state = torch.get_rng_state()
    one, same, other = (hooks_of(seed).batch(*white, net)[0] for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)
    twice = hooks_of()
    assert not torch.equal(twice.batch(*white, net)[0], twice.batch(*white, net)[0])  # the next epoch draws anew
