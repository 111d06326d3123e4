"""Lists of rows as text: what they mean, their one written form, and what is refused."""

import numpy as np
import pytest

from core import row_list


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("  ", []),
        ("0", [0]),
        ("3,7,12-19", [3, 7, *range(12, 20)]),
        ("7 3; 3,4 - 5", [3, 4, 5, 7]),
        ("5-5", [5]),
        ("2-4,3-6", [2, 3, 4, 5, 6]),
        ("0003", [3]),
    ],
)
def test_a_text_lists_rows_ascending_and_each_once(text: str, rows: list[int]) -> None:
    found = row_list.read(text)
    assert found.tolist() == rows and found.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3,x", "'x' is no row number"),
        ("-4", "'-4' is no row number"),
        ("1-2-3", "'1-2-3' is no row number"),
        ("1.5", "'1.5' is no row number"),
        ("٣", "is no row number"),
        ("12345678901", "'12345678901' is no row number"),
        ("9-4", "the range '9-4' runs backwards; write 4-9"),
        ("0-20000", "20,001 rows are too many"),
        ("0-999999999", "1,000,000,000 rows are too many"),
        ("0-9999,20000-30000", "20,001 rows are too many"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        row_list.read(text)


def test_exactly_the_bound_is_legal() -> None:
    assert len(row_list.read("0-19999")) == row_list.MOST
    assert len(row_list.read("0-19999,5,7")) == row_list.MOST  # named twice, removed once


@pytest.mark.parametrize(
    ("rows", "text"),
    [([], ""), ([4], "4"), ([4, 5], "4-5"), ([19, 3, 7, 12, 13, 14, 3], "3,7,12-14,19"), ([0, 2, 4], "0,2,4")],
)
def test_rows_have_one_written_form(rows: list[int], text: str) -> None:
    assert row_list.written(rows) == text
    assert row_list.written(np.array(rows, dtype=np.int64)) == text
    assert row_list.read(text).tolist() == sorted(set(rows))


def test_a_setting_may_be_given_as_text_a_number_or_a_list() -> None:
    assert row_list.legal("7, 3,3, 4") == "3-4,7"
    assert row_list.legal(7) == "7"
    assert row_list.legal([5, 3, 4]) == "3-5"
    assert row_list.legal([]) == ""
    assert row_list.legal(None) is None and row_list.legal(True) is True  # for others to refuse
    with pytest.raises(ValueError, match="-2 is no row number"):
        row_list.legal([1, -2])


def test_a_long_list_is_told_by_its_length_and_its_beginning() -> None:
    assert row_list.said("") == "no rows"
    assert row_list.said("4") == "1 row: 4"
    assert row_list.said("3,7,12-19") == "10 rows: 3,7,12-19"
    assert row_list.said(row_list.written(range(0, 60, 2))) == "30 rows: 0,2,4,6,8,10,12,14,16,…"
