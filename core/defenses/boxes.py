"""Boxes at random places, one an image, cut off where they reach over the edge."""

import torch
from torch import Tensor

COMPONENT = False


def inside(sides: Tensor, height: int, width: int, random: torch.Generator) -> Tensor:
    """Draw the place of every image's box.

    Args:
        sides: (b, 2) int64, height and width of each box in pixels.
        height, width: of the images in pixels.
        random: a generator on the CPU; every pixel is the middle of a box equally often.

    Returns:
        (b, 1, height, width) bool on the CPU, True in the box. Boxes near the edge are smaller than asked for.
    """
    middles = (torch.rand((len(sides), 2), generator=random) * torch.tensor([height, width])).long()
    low = middles - sides // 2
    high = low + sides
    ys, xs = torch.arange(height)[:, None], torch.arange(width)[None, :]

    def edge(of: Tensor, axis: int) -> Tensor:
        return of[:, axis, None, None]

    in_rows = (ys >= edge(low, 0)) & (ys < edge(high, 0))
    in_columns = (xs >= edge(low, 1)) & (xs < edge(high, 1))
    return (in_rows & in_columns)[:, None]


def cut_out(images: Tensor, side: float, colour: Tensor, random: torch.Generator) -> Tensor:
    """A copy of every image in which a box of its own is filled.

    Args:
        images: (b, c, h, w) float32 in [0, 1].
        side: of a box, as a share of the image's; at least a pixel.
        colour: (1, c, 1, 1) float32 in [0, 1], what boxes are filled with.
        random: a generator on the CPU.
    """
    b, _, h, w = images.shape
    sides = torch.tensor([max(1, round(side * h)), max(1, round(side * w))]).expand(b, 2)
    return torch.where(inside(sides, h, w, random).to(images.device), colour, images)
