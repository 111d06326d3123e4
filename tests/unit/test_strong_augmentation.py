"""Strong augmentation: what each operation does to a few pixels, and where its randomness comes from."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.defenses.base import Session
from core.defenses.strong_augmentation import OPERATIONS, StrongAugmentation
from core.models.base import Net
from core.spec import Training
from core.train.hooks import Hooks


def hooks_of(seed: int = 0, **settings: Any) -> Hooks:
    nothing = torch.zeros(0)
    return StrongAugmentation(**settings).hooks(Session(nothing, nothing, 4, Training(), False, seed))


@pytest.fixture
def net() -> Net:
    return Net(nn.Flatten(), 3, 4, torch.zeros(3), torch.ones(3))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    levels = torch.randint(0, 256, (64, 3, 10, 10), generator=torch.Generator().manual_seed(0))
    return levels / 255, torch.arange(64) % 4, torch.arange(64)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_amount_of_zero_changes_nothing(name: str, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    made = OPERATIONS[name](batch[0], torch.zeros(64))
    assert torch.allclose(made, batch[0], atol=1e-5)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_changes_images_and_each_by_its_own_amount(
    name: str, batch: tuple[Tensor, Tensor, Tensor]
) -> None:
    amounts = torch.linspace(0.2, 1, 64)
    made = OPERATIONS[name](batch[0], amounts)
    assert made.shape == batch[0].shape and not torch.allclose(made, batch[0], atol=0.01)
    assert torch.allclose(OPERATIONS[name](batch[0][40:41], amounts[40:41]), made[40:41], atol=1e-6)


@pytest.mark.parametrize("name, axis", [("move_x", 3), ("move_y", 2)])
def test_a_move_by_hand(name: str, axis: int, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    """0.3 of ten pixels are three; the last pixel is repeated where nothing comes in."""
    images = batch[0][:1]
    made = OPERATIONS[name](images, torch.ones(1))
    source = torch.tensor([3, 4, 5, 6, 7, 8, 9, 9, 9, 9])
    assert torch.allclose(made, images.index_select(axis, source), atol=1e-4)


def test_a_turn_keeps_the_middle_and_moves_the_rim() -> None:
    image = torch.zeros((1, 1, 9, 9))
    image[0, 0, 4, 4], image[0, 0, 4, 8] = 1.0, 1.0
    made = OPERATIONS["turn"](image, torch.ones(1))
    assert float(made[0, 0, 4, 4]) == pytest.approx(1.0, abs=1e-4)
    # The point four to the right lies, after 30 degrees, 3.5 to the right and two up or down.
    at = (made[0, 0] * (torch.arange(9) > 5)).nonzero()
    assert made[0, 0, 4, 8] < 0.1 and {abs(int(y) - 4) for y in at[:, 0]} <= {1, 2, 3}


def test_colours_by_hand() -> None:
    image = torch.tensor([0.2, 0.4, 0.6])[None, :, None, None].repeat(1, 1, 1, 2)
    image[..., 1] = 0.8  # a coloured pixel beside a grey one; the mean of all is 0.6
    half = torch.tensor([-0.5])  # times 1 - 0.9 / 2 = 0.55
    brighter, contrast, grey = (OPERATIONS[name](image, half)[0] for name in ("brightness", "contrast", "saturation"))
    assert torch.allclose(brighter[:, 0, 0], torch.tensor([0.11, 0.22, 0.33]))
    assert torch.allclose(contrast[:, 0, 0], torch.tensor([0.38, 0.49, 0.60]))
    assert torch.allclose(grey[:, 0, 0], torch.tensor([0.29, 0.40, 0.51]))
    assert torch.allclose(grey[:, 0, 1], torch.tensor(0.8))


def test_solarise_and_posterise_by_hand() -> None:
    image = torch.tensor([0.1, 0.45, 0.55, 1.0])[None, None, None, :]
    for sign in (-1, 1):
        made = OPERATIONS["solarise"](image, torch.tensor([sign * 0.5]))
        assert torch.allclose(made.flatten(), torch.tensor([0.1, 0.45, 0.45, 0.0]))
        made = OPERATIONS["posterise"](image, torch.tensor([sign * 1.0]))  # fifteen steps
        assert torch.allclose(made.flatten() * 15, torch.tensor([2.0, 7.0, 8.0, 15.0]))


def test_strength_zero_leaves_images_as_they_are(net: Net, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    made, labels = hooks_of(strength=0, operations=4).batch(*batch, net)
    assert torch.allclose(made, batch[0], atol=1e-4) and torch.equal(labels, batch[1])


def test_images_stay_images_and_the_given_ones_are_not_touched(net: Net, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    before = batch[0].clone()
    made, labels = hooks_of(strength=1, operations=3).batch(*batch, net)
    assert torch.equal(batch[0], before) and torch.equal(labels, batch[1])
    assert made.min() >= 0 and made.max() <= 1
    assert ((made - before).abs().flatten(1).amax(dim=1) > 0.01).float().mean() > 0.9


def test_what_is_drawn_follows_from_the_defenses_seed_alone(net: Net, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    state = torch.get_rng_state()
    one, same, other = (hooks_of(seed).batch(*batch, net)[0] for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)
