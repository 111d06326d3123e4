"""Ten classes of traffic signs, drawn by the project itself."""

from typing import ClassVar

import numpy as np

from core.datasets import sign_textures
from core.datasets.base import Dataset, ImageSet, Report, Split
from core.datasets.sign_faces import FACES
from core.datasets.sign_scenes import photographs
from core.seeds import stream
from core.spec import setting

BLOCK = 100
"""Images drawn at once; larger blocks leave the processor's cache and are slower."""


class Signs(Dataset):
    """European traffic signs as a car's camera might see them, 32 x 32 pixels in colour.

    Nothing is photographed: faces are polygons and strokes, backgrounds are noise, and position, size, rotation,
    perspective, light, fading, occlusion, blur and noise are drawn at random. The same seed gives the same bytes on one
    machine; training and test images come from streams of their own.
    """

    title: ClassVar[str] = "Traffic signs"
    summary: ClassVar[str] = "Ten European traffic signs drawn by the project, ready without a download."

    seed: int = setting(0, "Everything random about the images follows from it.", ge=0, le=2**31 - 1, advanced=True)
    train: int = setting(6000, "Training images, as many of each class as possible.", unit="images", ge=10, le=100_000)
    test: int = setting(2000, "Test images, as many of each class as possible.", unit="images", ge=10, le=100_000)

    def load(self, report: Report) -> Split:
        train = self._draw("train", self.train, 0.0, report)
        test = self._draw("test", self.test, self.train / (self.train + self.test), report)
        report(1.0, "Signs are drawn")
        return Split(train, test, flip=False)

    def _draw(self, part: str, count: int, done: float, report: Report) -> ImageSet:
        """Draw one part; `done` is the fraction of all images that were drawn before it."""
        rng = stream(self.seed, "signs", part)
        labels = rng.permutation(np.arange(count) % len(FACES))
        atlas = sign_textures.atlas(rng)
        blocks = []
        for start in range(0, count, BLOCK):
            report(done + start / (self.train + self.test), f"Draw {part} signs")
            blocks.append(photographs(rng, labels[start : start + BLOCK], atlas))
        return ImageSet(np.concatenate(blocks), labels, tuple(FACES), np.arange(count))
