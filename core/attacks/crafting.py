"""What makes crafting fast beside `core.models.folded`: augmentation as matrix products."""

import torch
from torch import Tensor, nn

from core.train.augment import reflected

COMPONENT = False


class Moves:
    """Random shifts with reflected edges and mirror images, drawn once and applied to any images of that number.

    The same moves as `core.train.augment`, written as products with 0/1 matrices, because a gather is slow to
    differentiate.
    """

    def __init__(
        self, count: int, h: int, w: int, shift: int, flip: bool, random: torch.Generator, device: str
    ) -> None:
        moves = torch.randint(-shift, shift + 1, (2, count, 1), generator=random)
        ys, xs = reflected(torch.arange(h) + moves[0], h), reflected(torch.arange(w) + moves[1], w)
        if flip:
            mirrored = torch.rand((count, 1), generator=random) < 0.5
            xs = torch.where(mirrored, w - 1 - xs, xs)
        self.still = shift == 0 and not flip
        self.rows = nn.functional.one_hot(ys, h).float().to(device)  # (count, h, h)
        self.columns = nn.functional.one_hot(xs, w).float().to(device).transpose(1, 2).contiguous()

    def __call__(self, images: Tensor) -> Tensor:
        """(count, c, h, w) float32 moved, with gradient."""
        if self.still:
            return images
        count, c, h, w = images.shape
        rows = self.rows[:, None].expand(count, c, h, h).reshape(count * c, h, h)
        columns = self.columns[:, None].expand(count, c, w, w).reshape(count * c, w, w)
        return torch.bmm(torch.bmm(rows, images.reshape(count * c, h, w)), columns).view(count, c, h, w)
