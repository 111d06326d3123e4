"""Facility location on a GPU: all classes at once, padded to the largest, and every gain computed anew in each step."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.analysis.facility_location import Points

UNITS = 2**24


def medoids(classes: Sequence[Points], device: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Choose the medoids of several classes.

    Args:
        classes: at least one; memory is 8 bytes * their number * the square of the largest class.
        device: one with float64.

    Returns:
        Per class, (count,) int64 medoids in the order of choice, and (n,) int64 each row's place among them.
    """
    sizes = [points.columns.shape[1] for points in classes]
    every, largest = torch.arange(len(classes), device=device), max(sizes)
    kernel = torch.zeros(len(classes), largest, largest, dtype=torch.int32, device=device)
    free = torch.zeros(len(classes), largest, dtype=torch.bool, device=device)
    for i, (points, n) in enumerate(zip(classes, sizes, strict=True)):
        kernel[i, :n, :n] = _similarities(points, device)
        free[i, :n] = True
    counts = torch.tensor([points.count for points in classes], device=device)
    best, nearest = torch.zeros_like(kernel[:, 0]), torch.zeros_like(free, dtype=torch.int64)
    order = torch.zeros(len(classes), int(counts.max()), dtype=torch.int64, device=device)
    for place in range(order.shape[1]):
        # int32 summed into int64: exact. Padding is similar to nothing and adds nothing.
        gains = torch.maximum(kernel, best[:, None]).sum(2) - best.sum(1, keepdim=True)
        chosen = torch.where(free, gains, -1).argmax(1)  # the first of equals
        column = kernel[every, chosen]
        better = (column > best) & (place < counts)[:, None]
        best, nearest = torch.where(better, column, best), torch.where(better, place, nearest)
        order[:, place], free[every, chosen] = chosen, False
    return [
        (order[i, : points.count].cpu().numpy(), nearest[i, :n].cpu().numpy())
        for i, (points, n) in enumerate(zip(classes, sizes, strict=True))
    ]


def _similarities(points: Points, device: str) -> Tensor:
    """(n, n) int32, exp(-distance / divisor) in units."""
    rows = torch.from_numpy(points.columns.T).to(device)
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    if points.squared:
        distances = distances.square() / 2
    return distances.mul_(-1 / points.divisor).exp_().mul_(UNITS).round_().int()
