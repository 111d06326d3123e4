"""A training epoch beside the field's usual loop, on the same network and images, in images per second.

The usual loop: torch's DataLoader with two workers over PIL images, torchvision's transforms image by image (random
crop with four pixels of padding, mirror, tensor, normalise), float32, NCHW, SGD with momentum, on all cores. Ours is
the product's loop, with shifts as large, and mirrors. It trains as many networks side by side as the product does, on a
CPU each on its own cores; the usual loop trains as many one after the other. One training alone is timed too. On a GPU
the product compiles networks that train for long; here they are not compiled.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.harness import Entry
from core import device as devices
from core import registry
from core.datasets.base import ImageSet
from core.models.base import Model, Net
from core.spec import Training
from core.train.loop import build, train, uses_bfloat16

BENCHMARK = False

WORKERS, PADDING, BATCH, SEED = 2, 4, 128, 0
CONFIG = Training(epochs=1, batch_size=BATCH, learning_rate=0.01, shift=PADDING, flip=True)
TURNS = 5


def signs(images: int) -> ImageSet:
    """Drawn signs: ten classes of 32 x 32 pixels in colour."""
    data: ImageSet = registry.load("datasets", "signs")(train=images, test=10).load(lambda *_: None).train
    return data


class Photos(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's own sets hand them over: made into PIL one by one, then transformed."""

    def __init__(self, data: ImageSet) -> None:
        self.pixels = np.ascontiguousarray(data.images.transpose(0, 2, 3, 1))
        self.labels = data.labels.tolist()
        share = data.images / np.float32(255)
        self.change = transforms.Compose(
            [
                transforms.RandomCrop(data.images.shape[2], padding=PADDING),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(share.mean(axis=(0, 2, 3)).tolist(), share.std(axis=(0, 2, 3)).tolist()),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.change(Image.fromarray(self.pixels[row])), self.labels[row]


class Case:
    """A network and the images of an epoch; both ways train new networks, which are made before the clock runs."""

    def __init__(self, model: str, data: ImageSet, device: str) -> None:
        self.model: Model = registry.load("models", model)()
        self.data, self.device = data, device
        self.side_by_side = devices.lanes(devices.cores(), device)

    def ours(self, trainings: int, threads: int) -> None:
        """Trainings at the same time, as an experiment runs them."""

        def one(seed: int) -> None:
            torch.set_num_threads(threads)  # holds for the thread that calls it
            with devices.lane(self.device):
                net = build(self.model, self.data, seed, self.device)
                train(net, self.data, CONFIG, seed=seed, device=self.device, flip=True)

        with ThreadPoolExecutor(trainings) as pool:
            list(pool.map(one, range(trainings)))

    def usual(self, trainings: int) -> None:
        """As many, one after the other, each on all cores."""
        before = torch.get_num_threads()
        torch.set_num_threads(devices.cores())
        for seed in range(trainings):
            self._usual_epoch(seed)
        torch.set_num_threads(before)

    def _usual_epoch(self, seed: int) -> None:
        net = self._plain(seed)
        optimiser = torch.optim.SGD(
            net.parameters(), lr=CONFIG.learning_rate, momentum=CONFIG.momentum, weight_decay=CONFIG.weight_decay
        )
        for images, labels in self._loader:
            pixels, wanted = (each.to(self.device, non_blocking=True) for each in (images, labels))
            loss = nn.functional.cross_entropy(net(pixels), wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def _plain(self, seed: int) -> nn.Module:
        """The network without its first layer: pixels come normalised. In PyTorch's default memory order."""
        net: Net = build(self.model, self.data, seed, self.device)
        return nn.Sequential(net.body, net.head).to(memory_format=torch.contiguous_format).train()

    @cached_property
    def _loader(self) -> DataLoader[tuple[Tensor, int]]:
        """Its workers stay from one epoch to the next: one of few images does not pay for starting them."""
        return DataLoader(
            Photos(self.data), BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True,
            pin_memory=self.device == "cuda",
        )  # fmt: skip

    def facts(self, result: dict[str, Any]) -> dict[str, float]:
        """Images per second of both ways; whether ours was in bfloat16."""
        rates = {f"{way}_images_per_second": 1 / result[way]["median"] for way in ("ours", "reference")}
        return {**rates, "bfloat16": float(uses_bfloat16(CONFIG, self.device))}


def entries(model: str, images: int, device: str, turns: int = TURNS) -> Iterator[Entry]:
    """All trainings that run side by side; then one alone, as the product runs it and on all cores.

    Args:
        model: name of a network.
        images: of an epoch.
        device: cpu, cuda or mps.
        turns: how often each is timed.
    """
    case = Case(model, signs(images), device)
    own, cores = devices.threads(), devices.cores()
    ways = [(1, own, "one training alone, as the product runs it")]
    if case.side_by_side > 1:
        ways.insert(0, (case.side_by_side, own, f"{case.side_by_side} trainings side by side"))
    if device == "cpu" and cores != own:
        ways.append((1, cores, "one training alone, on all cores"))
    case.ours(1, own)
    case.usual(1)
    for trainings, threads, what in ways:
        yield Entry(
            name=f"{model}, {images} images, {what}",
            unit="seconds per image",
            ours=partial(case.ours, trainings, threads),
            reference=partial(case.usual, trainings),
            count=trainings * images,
            device=device,
            agreement=dict,
            turns=(turns, turns),
            facts=case.facts,
        )
