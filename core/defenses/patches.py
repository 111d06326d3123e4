"""Random patches on a batch, such that a patch says nothing about the class."""

import torch
from torch import Tensor

COMPONENT = False

SMALLEST, LARGEST = 0.1, 0.4
"""Sides of a patch, as shares of the image's."""


def exchanged(
    images: Tensor, labels: Tensor, poisons: int, classes: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste one random patch a class onto the poisons of that class, and onto the targets of another one.

    Args:
        images: (b, c, h, w) float32 in [0, 1].
        labels: (b,) int64.
        poisons: how many images, from the first on, are poisons; the others are targets.
        classes: k; the patch of a class goes to the targets of the class that a random derangement gives.
        random: a generator on the CPU.

    Returns:
        (b, c, h, w), where a patch is a rectangle of pixels that are black or white in every channel by themselves;
        and (b,) int64 on the CPU, the class whose patch each image carries.
    """
    b, c, h, w = images.shape
    sides = torch.stack([torch.randint(_low(n), _high(n) + 1, (classes,), generator=random) for n in (h, w)], dim=1)
    density = torch.rand((classes, 1, 1, 1), generator=random)
    patches = (torch.rand((classes, c, h, w), generator=random) < density).float()
    sigma = derangement(classes, random)
    given = labels.cpu()
    shown = torch.where(torch.arange(b) < poisons, given, sigma[given])
    room = torch.tensor([h, w]) - sides[shown] + 1
    corners = (torch.rand((b, 2), generator=random) * room).long()
    ys = torch.arange(h)[None, :, None] - corners[:, 0, None, None]
    xs = torch.arange(w)[None, None, :] - corners[:, 1, None, None]
    inside = (ys >= 0) & (ys < sides[shown, 0, None, None]) & (xs >= 0) & (xs < sides[shown, 1, None, None])
    at = ys.clamp(0, h - 1) * w + xs.clamp(0, w - 1)  # (b, h, w): which pixel of the patch lies there
    pasted = patches[shown].flatten(2).gather(2, at.flatten(1)[:, None].expand(b, c, h * w)).view(b, c, h, w)
    return torch.where(inside[:, None].to(images.device), pasted.to(images.device), images), shown


def derangement(count: int, random: torch.Generator) -> Tensor:
    """(count,) int64: a random permutation that leaves nothing in its place; of fewer than two, the identity."""
    while True:
        order = torch.randperm(count, generator=random)
        if count < 2 or not (order == torch.arange(count)).any():
            return order


def _low(side: int) -> int:
    return max(1, int(SMALLEST * side))


def _high(side: int) -> int:
    return max(1, int(LARGEST * side))
