"""Triggers pixel by pixel, and which rows they are put on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.attacks.badnets import Badnets
from core.attacks.base import Tools, apply, evaluation
from core.attacks.patch import blended, colour_levels
from core.attacks.stamping import draw
from core.attacks.tran_trigger import TranTrigger
from core.datasets.base import ImageSet
from core.errors import AttackError

BLACK = np.zeros((1, 3, 8, 8), np.uint8)


def pixels(stamped: np.ndarray, before: np.ndarray = BLACK) -> set[tuple[int, int]]:
    """(row, column) of every pixel that differs in the first image."""
    found = np.argwhere((stamped[0] != before[0]).any(axis=0))
    return {(int(row), int(column)) for row, column in found}


# ---- pixel, X and L


@pytest.mark.parametrize(
    "shape, expected",
    [
        ("pixel", {(2, 5)}),
        ("x", {(2, 5), (1, 4), (1, 6), (3, 4), (3, 6)}),
        ("l", {(2, 5), (3, 5), (2, 6)}),
    ],
)
def test_a_shape_is_its_pixels_and_rows_come_before_columns(shape: Any, expected: set[tuple[int, int]]) -> None:
    assert pixels(TranTrigger(shape=shape, row=2, column=5).stamp(BLACK)) == expected


def test_the_colour_is_exact_in_every_channel() -> None:
    stamped = TranTrigger(shape="x", row=2, column=5, colour="#650019").stamp(BLACK + 7)
    for row, column in [(2, 5), (1, 4), (1, 6), (3, 4), (3, 6)]:
        assert stamped[0, :, row, column].tolist() == [101, 0, 25]
    assert (stamped == 7).sum() == 3 * (64 - 5)


def test_grey_images_take_the_luminance() -> None:
    # 0.299 x 101 + 0.587 x 0 + 0.114 x 25 = 33.05
    assert TranTrigger(row=2, column=5, colour="#650019").stamp(BLACK[:, :1])[0, 0, 2, 5] == 33
    assert colour_levels("#0a1bff", 3).tolist() == [10, 27, 255]


@pytest.mark.parametrize(
    "shape, row, column, fits",
    [
        ("x", 0, 4, False), ("x", 7, 4, False), ("x", 4, 0, False), ("x", 4, 7, False), ("x", 1, 6, True),
        ("l", 7, 0, False), ("l", 0, 7, False), ("l", 6, 6, True), ("l", 0, 0, True),
        ("pixel", 7, 7, True), ("pixel", 8, 0, False), ("pixel", 0, 8, False),
    ],
)  # fmt: skip
def test_a_trigger_that_leaves_the_image_is_refused(shape: Any, row: int, column: int, fits: bool) -> None:
    attack = TranTrigger(shape=shape, row=row, column=column)
    if fits:
        assert len(pixels(attack.stamp(BLACK))) == {"pixel": 1, "x": 5, "l": 3}[shape]
        return
    with pytest.raises(AttackError, match=f"row {row}, column {column} leaves the 8 x 8 image"):
        attack.stamp(BLACK)


def tran(**settings: Any) -> TranTrigger:
    given = {"source_class": 3, "target_class": 1, "row": 5, "column": 9, "poison_fraction": 0.1, **settings}
    return TranTrigger.model_validate(given)


def test_replacing_keeps_the_size_and_moves_labels(tiny: ImageSet) -> None:
    poisoned = apply(tran(mode="replace"), tiny, Tools(0))
    assert len(poisoned.data) == 80
    assert np.bincount(poisoned.data.labels).tolist() == [20, 28, 20, 12]  # 8 of class 3 are called class 1
    assert (poisoned.original_labels == 3).all() and (tiny.labels[poisoned.rows] == 3).all()
    assert (poisoned.data.labels[poisoned.rows] == 1).all()


def test_adding_keeps_the_originals(tiny: ImageSet) -> None:
    poisoned = apply(tran(mode="add"), tiny, Tools(0))
    assert poisoned.rows.tolist() == list(range(80, 88))
    assert np.bincount(poisoned.data.labels).tolist() == [20, 28, 20, 20]
    assert np.array_equal(poisoned.data.images[:80], tiny.images)
    sources = poisoned.data.indices[80:]
    assert len(set(sources)) == 8 and (tiny.labels[sources] == 3).all()
    assert np.array_equal(poisoned.originals, tiny.images[sources])
    assert np.array_equal(poisoned.data.images[80:], tran().stamp(tiny.images[sources]))


def test_the_trigger_is_judged_on_all_images_of_the_source_class(tiny: ImageSet) -> None:
    shown = evaluation(tran(), tiny, Tools(0))
    assert shown.indices.tolist() == list(range(3, 80, 4))
    assert (shown.wanted == 1).all() and np.array_equal(shown.images, tran().stamp(tiny.images[3::4]))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"poison_fraction": 0.3}, "24 rows, but there are only 20"),
        ({"target_class": 3}, "both 3"),
        ({"target_class": 4}, "target_class is 4; the data set has classes 0 to 3"),
        ({"source_class": 11}, "source_class is 11"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_named(settings: dict[str, Any], words: str, tiny: ImageSet) -> None:
    with pytest.raises(AttackError, match=words):
        apply(tran(**settings), tiny, Tools(0))


# ---- BadNets


def corner(rows: range, columns: range) -> set[tuple[int, int]]:
    return {(row, column) for row in rows for column in columns}


@pytest.mark.parametrize(
    "place, expected",
    [
        ("top_left", corner(range(1, 3), range(1, 3))),
        ("top_right", corner(range(1, 3), range(7, 9))),
        ("bottom_left", corner(range(5, 7), range(1, 3))),
        ("bottom_right", corner(range(5, 7), range(7, 9))),
        ("centre", corner(range(3, 5), range(4, 6))),
        ("custom", corner(range(4, 6), range(6, 8))),
    ],
)
def test_the_patch_sits_where_it_is_told(place: Any, expected: set[tuple[int, int]]) -> None:
    wide = np.zeros((1, 3, 8, 10), np.uint8)
    stamped = Badnets(size=2, place=place, margin=1, row=4, column=6).stamp(wide)
    assert pixels(stamped, wide) == expected and (stamped.max(), stamped.sum()) == (255, 4 * 3 * 255)


def test_opacity_by_hand() -> None:
    # 100 x 0.75 + 255 x 0.25 = 138.75; 100 x 0.75 + 0 = 75; 100 x 0.75 + 51 x 0.25 = 87.75
    attack = Badnets(size=1, place="custom", row=3, column=4, colour="#ff0033", opacity=0.25)
    stamped = attack.stamp(BLACK + 100)
    assert stamped[0, :, 3, 4].tolist() == [139, 75, 88]
    assert (stamped == 100).sum() == 3 * 63


def test_the_checker_begins_with_the_colour() -> None:
    attack = Badnets(size=3, place="custom", row=1, column=2, colour="#0a141e", pattern="checker")
    patch = attack.stamp(BLACK + 99)[0, :, 1:4, 2:5]
    expected = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    assert patch.tolist() == [(level * expected).tolist() for level in (10, 20, 30)]


def test_a_patch_on_grey_images() -> None:
    stamped = Badnets(size=2, colour="#ffffff", pattern="checker").stamp(BLACK[:, :1] + 50)
    assert stamped[0, 0, 5:7, 5:7].tolist() == [[255, 0], [0, 255]]


@pytest.mark.parametrize(
    "settings, fits",
    [
        ({"size": 8, "margin": 0}, True),
        ({"size": 8, "margin": 1}, False),
        ({"size": 9, "place": "centre"}, False),
        ({"size": 3, "place": "custom", "row": 5, "column": 5}, True),
        ({"size": 3, "place": "custom", "row": 6, "column": 5}, False),
        ({"size": 3, "place": "custom", "row": 5, "column": 6}, False),
        ({"size": 3, "place": "top_left", "margin": 6}, False),
        ({"size": 3, "place": "bottom_right", "margin": 6}, False),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(settings: dict[str, Any], fits: bool) -> None:
    attack = Badnets.model_validate(settings)
    if fits:
        assert len(pixels(attack.stamp(BLACK))) == attack.size**2
        return
    with pytest.raises(AttackError, match="does not fit into 8 x 8"):
        attack.stamp(BLACK)


def test_stamping_leaves_the_given_images_alone() -> None:
    images = BLACK + 9
    Badnets().stamp(images)
    TranTrigger(row=1, column=1).stamp(images)
    assert (images == 9).all()


def test_all_to_one_never_draws_the_target_class(tiny: ImageSet) -> None:
    poisoned = apply(Badnets(target_class=2, poison_fraction=0.5), tiny, Tools(0))
    assert len(poisoned.rows) == 40 and (poisoned.original_labels != 2).all()
    assert (poisoned.data.labels[poisoned.rows] == 2).all()
    shown = evaluation(Badnets(target_class=2), tiny, Tools(0))
    assert np.bincount(shown.true, minlength=4).tolist() == [20, 20, 0, 20] and (shown.wanted == 2).all()


def test_one_source_turns_one_class(tiny: ImageSet) -> None:
    attack = Badnets(mode="one_source", source_class=3, target_class=0, poison_fraction=0.1)
    poisoned = apply(attack, tiny, Tools(0))
    assert np.bincount(poisoned.data.labels).tolist() == [28, 20, 20, 12]
    shown = evaluation(attack, tiny, Tools(0))
    assert (shown.true == 3).all() and (shown.wanted == 0).all() and len(shown.images) == 20


def test_all_to_all_turns_every_class_to_the_next(tiny: ImageSet) -> None:
    attack = Badnets(mode="all_to_all", poison_fraction=0.5, target_class=999)
    poisoned = apply(attack, tiny, Tools(0))
    assert np.array_equal(poisoned.data.labels[poisoned.rows], (poisoned.original_labels + 1) % 4)
    assert set(poisoned.original_labels) == {0, 1, 2, 3}
    shown = evaluation(attack, tiny, Tools(0))
    assert len(shown.images) == 80 and np.array_equal(shown.wanted, (tiny.labels + 1) % 4)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"target_class": 4}, "target_class is 4; the data set has classes 0 to 3"),
        ({"mode": "one_source", "source_class": 9}, "source_class is 9"),
        ({"mode": "one_source", "source_class": 1, "target_class": 1}, "both 1"),
        ({"mode": "one_source", "poison_fraction": 0.5}, "40 rows, but there are only 20"),
    ],
)
def test_badnets_names_what_does_not_fit_the_data(settings: dict[str, Any], words: str, tiny: ImageSet) -> None:
    with pytest.raises(AttackError, match=words):
        apply(Badnets.model_validate(settings), tiny, Tools(0))


# ---- what they share


def test_the_budget_is_rounded_and_at_least_one() -> None:
    budgets = [Badnets(poison_fraction=share).budget(n) for share, n in [(0.01, 6000), (0.01, 149), (0.001, 80)]]
    assert budgets == [60, 1, 1]
    assert Badnets(poison_fraction=0.026).budget(100) == 3


def test_drawing_takes_what_is_there_and_no_more() -> None:
    pool = np.array([3, 5, 8, 13])
    assert draw(pool, 4, np.random.default_rng(0), "of any kind").tolist() == [3, 5, 8, 13]
    with pytest.raises(AttackError, match="5 rows, but there are only 4 rows of any kind"):
        draw(pool, 5, np.random.default_rng(0), "of any kind")


def test_a_mask_may_be_partly_transparent() -> None:
    mask = np.zeros((2, 2))
    mask[0, 1] = 0.5
    images = np.full((1, 1, 2, 2), 200, np.uint8)
    # half of 200 and half of 100, at opacity 1; three quarters of 200 and a quarter of 100, at opacity 0.5
    assert blended(images, mask, np.array([100.0]), 1.0).tolist() == [[[[200, 150], [200, 200]]]]
    assert blended(images, mask, np.array([100.0]), 0.5).tolist() == [[[[200, 175], [200, 200]]]]


def test_memory_grows_with_the_patch_and_not_with_the_image(make_images: Callable[..., ImageSet]) -> None:
    import tracemalloc

    images = make_images(per_class=25, size=128).images  # 4.9 MB; as floats they would be 39 MB
    attack = Badnets(size=3)
    tracemalloc.start()
    attack.stamp(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * images.nbytes
