"""Label flip: which labels change, to what, and on which images it is judged."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.attacks.base import Evaluation, Poisoned, Tools, apply, evaluation
from core.attacks.label_flip import LabelFlip
from core.datasets.base import ImageSet
from core.errors import AttackError


def flipped(data: ImageSet, key: int = 0, **settings: Any) -> Poisoned:
    return apply(LabelFlip(**settings), data, Tools(0, key))


def judged(test: ImageSet, key: int = 0, **settings: Any) -> Evaluation:
    return evaluation(LabelFlip(**settings), test, Tools(0, key))


@pytest.mark.parametrize("mode", ["symmetric", "pair", "fixed"])
def test_no_pixel_moves(mode: str, tiny: ImageSet) -> None:
    poisoned = flipped(tiny, mode=mode, poison_fraction=0.1)
    assert np.array_equal(poisoned.data.images, tiny.images) and len(poisoned.rows) == 8
    assert (poisoned.data.labels != tiny.labels).sum() == 8


def test_symmetric_noise_goes_to_each_of_the_other_classes(make_images: Callable[..., ImageSet]) -> None:
    poisoned = flipped(make_images(per_class=400, size=2), poison_fraction=0.5)
    before, after = poisoned.original_labels, poisoned.data.labels[poisoned.rows]
    assert len(poisoned.rows) == 800
    steps = np.bincount((after - before) % 4, minlength=4)
    assert steps[0] == 0  # never the true class again
    # 800 rows, a third each: 267 with a standard deviation of 13
    assert (np.abs(steps[1:] - 800 / 3) < 60).all()


def test_pair_noise_goes_to_the_next_class(tiny: ImageSet) -> None:
    poisoned = flipped(tiny, mode="pair", poison_fraction=0.5)
    before, after = poisoned.original_labels, poisoned.data.labels[poisoned.rows]
    assert {(int(old), int(new)) for old, new in zip(before, after, strict=True)} == {(0, 1), (1, 2), (2, 3), (3, 0)}


def test_a_fixed_flip_moves_one_class_to_another(tiny: ImageSet) -> None:
    poisoned = flipped(tiny, mode="fixed", source_class=2, target_class=0, poison_fraction=0.1)
    assert np.bincount(poisoned.data.labels).tolist() == [28, 20, 12, 20]
    assert (tiny.labels[poisoned.rows] == 2).all()


def test_a_larger_budget_keeps_the_labels_of_a_smaller_one(tiny: ImageSet) -> None:
    small, large = (flipped(tiny, poison_fraction=share) for share in (0.1, 0.4))
    assert set(small.rows) < set(large.rows)
    assert np.array_equal(small.data.labels[small.rows], large.data.labels[small.rows])


def test_a_fixed_flip_is_judged_on_the_source_class(tiny: ImageSet) -> None:
    shown = judged(tiny, mode="fixed", source_class=3, target_class=1)
    assert shown.indices.tolist() == list(range(3, 80, 4)) and (shown.wanted == 1).all()
    assert np.array_equal(shown.images, tiny.images[3::4])


def test_pair_noise_is_judged_on_every_image_and_its_next_class(tiny: ImageSet) -> None:
    shown = judged(tiny, mode="pair")
    assert shown.indices.tolist() == list(range(80))
    assert shown.wanted.tolist() == [1, 2, 3, 0] * 20


def test_symmetric_noise_is_judged_on_every_image_and_one_other_class_each(tiny: ImageSet) -> None:
    shown, again, other_key = (judged(tiny, key=key) for key in (0, 0, 1))
    assert shown.indices.tolist() == list(range(80)) and (shown.wanted != tiny.labels).all()
    assert {tuple(pair) for pair in zip(shown.true.tolist(), shown.wanted.tolist(), strict=True)} == {
        (true, wanted) for true in range(4) for wanted in range(4) if true != wanted
    }
    assert np.array_equal(shown.wanted, again.wanted) and not np.array_equal(shown.wanted, other_key.wanted)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"mode": "fixed", "source_class": 4}, "source_class is 4; the data set has classes 0 to 3"),
        ({"mode": "fixed", "target_class": 9}, "target_class is 9"),
        ({"mode": "fixed", "source_class": 1, "target_class": 1}, "both 1"),
        ({"mode": "fixed", "poison_fraction": 0.3}, "24 rows, but there are only 20 rows of the source class"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(settings: dict[str, Any], words: str, tiny: ImageSet) -> None:
    with pytest.raises(AttackError, match=words):
        flipped(tiny, **settings)


@pytest.mark.parametrize("mode", ["symmetric", "pair"])
def test_one_class_has_no_other(mode: str, make_images: Callable[..., ImageSet]) -> None:
    with pytest.raises(AttackError, match="one class"):
        flipped(replace(make_images(classes=1), class_names=("only",)), mode=mode)
