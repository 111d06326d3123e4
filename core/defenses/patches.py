"""Random patches on a batch, such that a patch says nothing about the class."""

import torch
from torch import Tensor

COMPONENT = False

SMALLEST, LARGEST = 0.1, 0.4
"""Sides of a patch, as shares of the image's."""


def exchanged(
    images: Tensor,
    labels: Tensor,
    poisons: int,
    classes: int,
    random: torch.Generator,
    *,
    count: int = 1,
    coloured: bool = False,
) -> tuple[Tensor, Tensor]:
    """Paste random patches of a class onto the poisons of that class, and onto the targets of another one.

    Args:
        images: (b, c, h, w) float32 in [0, 1].
        labels: (b,) int64.
        poisons: how many images, from the first on, are poisons; the others are targets.
        classes: k; the patches of a class go to the targets of the class that a random derangement gives.
        random: a generator on the CPU.
        count: patches an image.
        coloured: every channel has a share of bright pixels of its own, see `drawn`.

    Returns:
        (b, c, h, w), where a patch is a rectangle of pixels that are 0 or 1 in every channel by themselves; and (b,)
        int64 on the CPU, the class whose patches each image carries.
    """
    given = labels.cpu()
    shown = torch.where(torch.arange(len(images)) < poisons, given, derangement(classes, random)[given])
    for _ in range(count):
        images = _pasted(images, shown, classes, random, coloured)
    return images, shown


def _pasted(images: Tensor, shown: Tensor, classes: int, random: torch.Generator, coloured: bool) -> Tensor:
    """One new patch a class, each on the images that show it, at a place of the image's own."""
    b, c, h, w = images.shape
    sides = torch.stack([torch.randint(_low(n), _high(n) + 1, (classes,), generator=random) for n in (h, w)], dim=1)
    patches = drawn((classes, c, h, w), random, coloured)
    room = torch.tensor([h, w]) - sides[shown] + 1
    corners = (torch.rand((b, 2), generator=random) * room).long()
    ys = torch.arange(h)[None, :, None] - corners[:, 0, None, None]
    xs = torch.arange(w)[None, None, :] - corners[:, 1, None, None]
    inside = (ys >= 0) & (ys < sides[shown, 0, None, None]) & (xs >= 0) & (xs < sides[shown, 1, None, None])
    at = ys.clamp(0, h - 1) * w + xs.clamp(0, w - 1)  # (b, h, w): which pixel of the patch lies there
    pasted = patches[shown].flatten(2).gather(2, at.flatten(1)[:, None].expand(b, c, h * w)).view(b, c, h, w)
    return torch.where(inside[:, None].to(images.device), pasted.to(images.device), images)


def drawn(shape: tuple[int, int, int, int], random: torch.Generator, coloured: bool) -> Tensor:
    """(k, c, h, w): pixels 0 or 1, bright with a probability that is drawn once a patch, evenly from 0 to 1.

    Coloured ones draw it once a patch *and channel*, from -1 to 2 and clipped: a third of the channels is empty, a
    third full. So patches of one colour come up, as triggers are; with one probability for all channels they are grey
    noise.
    """
    k, c, _, _ = shape
    density = (
        torch.rand((k, c, 1, 1), generator=random) * 3 - 1 if coloured else torch.rand((k, 1, 1, 1), generator=random)
    )
    return (torch.rand(shape, generator=random) < density).float()


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
