"""Watermark: how much of the target is in a poison, and what epsilon takes away."""

from dataclasses import replace

import numpy as np
import pytest

from core.attacks.base import Poisoned, Tools, apply, evaluation
from core.attacks.watermark import Watermark
from core.datasets.base import ImageSet, Split

SETTINGS = {"poison_fraction": 0.1, "source_class": 0, "target_class": 1}


def poisoned(split: Split, opacity: float, epsilon: int) -> Poisoned:
    attack = Watermark.model_validate({**SETTINGS, "opacity": opacity, "epsilon": epsilon})
    return apply(attack, split.train, Tools(0, test=split.test))


def grey(data: ImageSet, level: int) -> ImageSet:
    return replace(data, images=np.full_like(data.images, level))


@pytest.mark.parametrize(
    "opacity, epsilon, expected",
    [
        (0.3, 255, 130),  # 100 + 0.3 x 100
        (0.3, 16, 116),  # the rest of the thirty is cut off
        (0.25, 25, 125),
        (0.333, 255, 133),  # 133.3
        (1.0, 255, 200),
    ],
)
def test_opacity_and_epsilon_by_hand(opacity: float, epsilon: int, expected: int, tiny_split: Split) -> None:
    split = Split(grey(tiny_split.train, 100), grey(tiny_split.test, 200), flip=False)
    found = poisoned(split, opacity, epsilon)
    assert len(found.rows) == 8 and (found.original_labels == 1).all()
    assert (found.data.images[found.rows] == expected).all() and found.trace is None


def test_epsilon_holds_downwards_too(tiny_split: Split) -> None:
    split = Split(grey(tiny_split.train, 200), grey(tiny_split.test, 0), flip=False)
    found = poisoned(split, 0.5, 30)
    assert (found.data.images[found.rows] == 170).all()


def test_at_full_opacity_every_poison_is_the_image_that_is_judged(tiny_split: Split) -> None:
    found = poisoned(tiny_split, 1.0, 255)
    attack = Watermark.model_validate({**SETTINGS, "opacity": 1.0, "epsilon": 255})
    shown = evaluation(attack, tiny_split.test, Tools(0, test=tiny_split.test))
    assert (shown.true.tolist(), shown.wanted.tolist()) == ([0], [1])
    assert all(np.array_equal(image, shown.images[0]) for image in found.data.images[found.rows])


def test_as_it_comes_the_whole_watermark_is_kept(tiny_split: Split) -> None:
    attack = Watermark.model_validate(SETTINGS)
    assert attack.epsilon >= 255 * attack.opacity
