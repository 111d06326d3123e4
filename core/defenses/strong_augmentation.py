"""Strong augmentation: turn, shear, move and recolour every image at random, well beyond the usual shift."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.defenses.base import Session, TrainingDefense
from core.models.base import Net
from core.seeds import derive
from core.spec import setting
from core.train.hooks import Hooks

TURN, SHEAR, MOVE, COLOUR = math.pi / 6, 0.3, 0.3, 0.9
"""The largest turn in radians, shear, move as a share of the image's side, and change of brightness or contrast."""


class StrongAugmentation(TrainingDefense):
    """Apply a few operations, drawn for each image with an amount of its own, after the ordinary augmentation.

    Source: Cubuk et al., "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space", NeurIPS
        2020; that strong augmentation weakens poisons: Borgnia et al., "Strong Data Augmentation Sanitizes Poisoning
        and Backdoor Attacks Without an Accuracy Tradeoff", ICASSP 2021. Departures: amounts are drawn up to `strength`,
        not fixed; equalise, autocontrast and sharpness are left out; what comes in from outside the image repeats its
        edge.
    """

    title = "Strong augmentation"
    summary = "Turns, shears, moves and recolours every image at random, so that a poison rarely looks as it was made."
    source = "Cubuk et al. (2020), arXiv:1909.13719; Borgnia et al. (2021), arXiv:2011.09527"
    fails_when = (
        "The attacker crafts through the same augmentation, or the trigger survives it: a large patch does. Classes "
        "that differ by direction or brightness lose accuracy."
    )

    operations: int = setting(2, "Operations on an image, one after the other.", unit="operations", ge=1, le=8)
    strength: float = setting(
        0.5,
        "Largest amount of an operation; at 1, turns of 30 degrees, moves of 0.3 of a side, brightness times 1.9.",
        unit="fraction", ge=0, le=1,
    )  # fmt: skip

    def hooks(self, session: Session) -> Hooks:
        return _Augmenting(self, session)


class _Augmenting(Hooks):
    def __init__(self, defense: StrongAugmentation, session: Session) -> None:
        self.defense = defense
        self.random = torch.Generator().manual_seed(derive(session.seed, "defense", "strong augmentation"))

    def batch(self, images: Tensor, labels: Tensor, rows: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        made = images.clone()
        for _ in range(self.defense.operations):
            chosen = torch.randint(len(OPERATIONS), (len(images),), generator=self.random)
            amounts = (2 * torch.rand(len(images), generator=self.random) - 1) * self.defense.strength
            for number, operation in enumerate(OPERATIONS.values()):
                mine = (chosen == number).nonzero().squeeze(1)  # on the CPU, so that no device is waited for
                if len(mine):
                    places = mine.to(images.device)
                    made[places] = operation(made[places], amounts[mine].to(images.device)).clamp(0, 1)
        return made, labels


def _bent(matrix: Callable[[Tensor], list[list[Tensor]]]) -> Callable[[Tensor, Tensor], Tensor]:
    """An operation on places: a matrix that says, for every place in [-1, 1], where its pixel comes from."""

    def operation(images: Tensor, amounts: Tensor) -> Tensor:
        rows = matrix(amounts)
        theta = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        grid = nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
        return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)

    return operation


def _turn(a: Tensor) -> list[list[Tensor]]:
    cos, sin, zero = torch.cos(TURN * a), torch.sin(TURN * a), torch.zeros_like(a)
    return [[cos, -sin, zero], [sin, cos, zero]]


def _shear_x(a: Tensor) -> list[list[Tensor]]:
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    return [[one, SHEAR * a, zero], [zero, one, zero]]


def _shear_y(a: Tensor) -> list[list[Tensor]]:
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    return [[one, zero, zero], [SHEAR * a, one, zero]]


def _move_x(a: Tensor) -> list[list[Tensor]]:
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    return [[one, zero, 2 * MOVE * a], [zero, one, zero]]  # a side is 2 long


def _move_y(a: Tensor) -> list[list[Tensor]]:
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    return [[one, zero, zero], [zero, one, 2 * MOVE * a]]


def _away_from(middle: Tensor | float, images: Tensor, amounts: Tensor) -> Tensor:
    """Images moved away from a middle (positive amounts) or towards it."""
    return middle + (images - middle) * (1 + COLOUR * amounts[:, None, None, None])


def _brightness(images: Tensor, amounts: Tensor) -> Tensor:
    return _away_from(0.0, images, amounts)


def _contrast(images: Tensor, amounts: Tensor) -> Tensor:
    return _away_from(images.mean(dim=(1, 2, 3), keepdim=True), images, amounts)


def _saturation(images: Tensor, amounts: Tensor) -> Tensor:
    return _away_from(images.mean(dim=1, keepdim=True), images, amounts)


def _solarise(images: Tensor, amounts: Tensor) -> Tensor:
    """Turn what is brighter than 1 - |amount| into its negative."""
    threshold = 1 - amounts.abs()[:, None, None, None]
    return torch.where(images > threshold, 1 - images, images)


def _posterise(images: Tensor, amounts: Tensor) -> Tensor:
    """Leave 8 bits of brightness, down to 4 at the largest amount."""
    levels = 2 ** torch.round(8 - 4 * amounts.abs())[:, None, None, None] - 1
    return torch.round(images * levels) / levels


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "turn": _bent(_turn),
    "shear_x": _bent(_shear_x),
    "shear_y": _bent(_shear_y),
    "move_x": _bent(_move_x),
    "move_y": _bent(_move_y),
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "solarise": _solarise,
    "posterise": _posterise,
}
"""Each takes (m, c, h, w) images in [0, 1] and (m,) amounts in [-1, 1]; an amount of 0 changes nothing."""
