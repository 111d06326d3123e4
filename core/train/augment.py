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
    return moved(images, rows, moves(len(rows), shift, flip, generator).to(images.device))


def moves(m: int, shift: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Draw how m images are moved: (3, m) int64, pixels down, pixels to the right, and 1 for a mirror image."""
    drawn = torch.zeros(3, m, dtype=torch.int64)
    drawn[:2] = torch.randint(-shift, shift + 1, (2, m, 1), generator=generator).squeeze(2)
    if flip:
        drawn[2] = (torch.rand((m, 1), generator=generator) < 0.5).squeeze(1)
    return drawn


def moved(images: Tensor, rows: Tensor, moves: Tensor) -> Tensor:
    """Take rows of an image tensor, moved as was drawn; all three on one device, which is waited for by nobody."""
    h, w = images.shape[-2:]
    down, right, mirrored = moves[:, :, None]
    ys = reflected(torch.arange(h, device=images.device) + down, h)
    xs = reflected(torch.arange(w, device=images.device) + right, w)
    xs = torch.where(mirrored > 0, w - 1 - xs, xs)
    taken = images[rows[:, None, None], :, ys[:, :, None], xs[:, None, :]]
    return taken.permute(0, 3, 1, 2)


def reflected(positions: Tensor, size: int) -> Tensor:
    """Positions outside [0, size) reflected back into it."""
    period = max(1, 2 * (size - 1))  # there and back, so that a shift beyond a small image is reflected again
    positions = positions % period
    return torch.where(positions >= size, period - positions, positions)
