"""Random shifts and mirror images of a whole batch in one gather, on any device; differentiable for float images."""

import torch
from torch import Tensor


def augmented(images: Tensor, rows: Tensor, shift: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Take rows of an image tensor, each moved and perhaps mirrored at random; edges are reflected.

    Args:
        images: (n, c, h, w), any dtype.
        rows: (m,) int64, the images to take.
        shift: largest move in both directions, in pixels.
        flip: whether half of the images are mirrored.
        generator: source of the random moves, on the CPU, so that every device draws the same.

    Returns:
        (m, c, h, w) of the same dtype, in channels-last memory order, which convolutions like best.
    """
    m, (h, w) = len(rows), images.shape[-2:]
    moves = torch.randint(-shift, shift + 1, (2, m, 1), generator=generator)
    ys = reflected(torch.arange(h) + moves[0], h)
    xs = reflected(torch.arange(w) + moves[1], w)
    if flip:
        mirrored = torch.rand((m, 1), generator=generator) < 0.5
        xs = torch.where(mirrored, w - 1 - xs, xs)
    ys, xs = ys.to(images.device), xs.to(images.device)
    taken = images[rows[:, None, None], :, ys[:, :, None], xs[:, None, :]]
    return taken.permute(0, 3, 1, 2)


def reflected(positions: Tensor, size: int) -> Tensor:
    """Positions outside [0, size) reflected back into it."""
    period = max(1, 2 * (size - 1))  # there and back, so that a shift beyond a small image is reflected again
    positions = positions % period
    return torch.where(positions >= size, period - positions, positions)
