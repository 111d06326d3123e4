"""Drawn triggers: the word that holds one, and what it does to images."""

import numpy as np
import pytest

from core.attacks import drawing
from core.attacks.badnets import Badnets
from core.attacks.drawing import EMPTY
from core.attacks.patch import Patch
from core.errors import AttackError, SpecError
from core.settings import link, preset_form, read, whole
from core.spec import parse

TWO = "drawn:ff0000------.------0000ff"
GREY = np.full((1, 3, 6, 6), 100, np.uint8)


def test_a_drawing_is_read_and_written() -> None:
    cells = (("ff0000", EMPTY), (EMPTY, "0000ff"))
    assert drawing.read(TWO) == cells and drawing.written(cells) == TWO
    assert drawing.read("drawn:FF0000------.------0000FF") == cells
    assert drawing.words(TWO) == "drawing, 2 × 2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ff0000", "is no drawing"),
        ("drawn:", "is no drawing"),
        ("drawn:ff00", "is no drawing"),
        ("drawn:ff0000.<b>", "is no drawing"),
        ("drawn:ff0000.ff0000", "2 rows with 1, 1 cells"),
        ("drawn:ff0000ff0000", "1 rows with 2 cells"),
        ("drawn:" + ".".join(["ff0000" * 9] * 9), "9 rows"),
        ("drawn:------------.------------", "is empty"),
    ],
)
def test_what_is_no_drawing_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        drawing.read(text)


def test_cells_cover_the_image_and_empty_ones_leave_it() -> None:
    stamped = Patch(row=1, column=3, size=2, pattern=TWO).stamp(GREY)
    assert stamped[0, :, 1, 3].tolist() == [255, 0, 0] and stamped[0, :, 2, 4].tolist() == [0, 0, 255]
    assert stamped[0, :, 1, 4].tolist() == stamped[0, :, 2, 3].tolist() == [100, 100, 100]
    assert (stamped != 100).sum() == 6


def test_a_drawing_is_stretched_over_the_patch() -> None:
    # Five pixels of two cells: the first three belong to the first cell, the other two to the second.
    mask, levels = Patch(row=0, column=0, size=5, pattern=TWO).look(3)
    assert mask[:3, :3].all() and mask[3:, 3:].all() and mask.sum() == 9 + 4
    assert levels[0, 2, 2] == 255 and levels[2, 3, 3] == 255 and levels[0, 3, 3] == 0


def test_a_drawing_shines_through_and_is_grey_on_grey_images() -> None:
    # red is 0.299 x 255 = 76.245 in grey; half of it over 100: 50 + 38.1 = 88.1
    stamped = Patch(row=0, column=0, size=2, pattern=TWO, opacity=0.5).stamp(GREY[:, :1])
    assert stamped[0, 0, 0, 0] == 88 and stamped[0, 0, 0, 1] == 100


def test_a_drawing_grows_and_shrinks_on_the_right_and_below() -> None:
    assert drawing.resized(TWO, 3) == "drawn:ff0000------------.------0000ff------.------------------"
    assert drawing.resized(TWO, 1) == "drawn:ff0000"
    assert drawing.resized("drawn:------ff0000.------ff0000", 1) == "drawn:ff0000", "never empty"
    assert drawing.cross(3, "#FFD400") == "drawn:ffd400------ffd400.------ffd400------.ffd400------ffd400"


@pytest.mark.parametrize(("row", "column"), [(5, 0), (0, 5), (-1, 0), (0, -1)])
def test_a_patch_outside_of_the_image_is_refused(row: int, column: int) -> None:
    with pytest.raises(AttackError, match=f"row {row}, column {column} does not fit into 6 x 6"):
        Patch(row=row, column=column, size=2).stamp(GREY)


def test_the_attack_stamps_its_patch() -> None:
    attack = Badnets(size=2, place="custom", row=1, column=3, pattern=TWO)
    assert attack.patch(6, 6) == Patch(1, 3, 2, TWO, "#ffffff", 1.0)
    assert np.array_equal(attack.stamp(GREY), Patch(1, 3, 2, TWO).stamp(GREY))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("stripes", "'stripes' is neither solid"), ("drawn:ff", "is no drawing"), (TWO, "2 rows and size is 1")],
)
def test_the_attack_says_what_pattern_is_legal(pattern: str, said: str) -> None:
    with pytest.raises(SpecError, match=f"attack.*{said}"):
        parse({"attack": {"name": "badnets", "size": 1, "pattern": pattern}})


def test_a_link_holds_a_drawing() -> None:
    preset = preset_form({})
    drawn = whole({"attack": {"name": "badnets", "pattern": TWO}})
    told = link(drawn, preset)
    assert told == {"attack.pattern": TWO}
    assert read(told, preset) == (drawn, [])
