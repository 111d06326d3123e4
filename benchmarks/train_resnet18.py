"""ResNet-18, the network of most published results, beside the field's usual loop: four steps, on a GPU an epoch."""

from collections.abc import Iterator

from benchmarks import training
from benchmarks.harness import Entry


def entries(device: str) -> Iterator[Entry]:
    """See `training.entries`."""
    return training.entries("resnet18", 512 if device == "cpu" else 50_000, device, turns=3)
