"""Every number of a report as CSV: one line a number, with its interval where it has one."""

import csv
import io

from core.report.parts import Cell, Drawing, Report, Table, table_of

HEAD = ("section", "table", "row", "column", "shown", "value", "low", "high", "n", "models")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for something to be computed."""


def text(report: Report) -> str:
    """The CSV.

    Args:
        report: whose tables, and whose charts' numbers, become lines. Rates are in [0, 1].
    """
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow(HEAD)
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Drawing):
                block = table_of(block)
            if isinstance(block, Table):
                for row in block.rows:
                    for column, cell in zip(block.head[1:], row[1:], strict=True):
                        place = (section.title, block.title, row[0].shown, column)
                        lines.writerow([*map(_plain, place), *_numbers(cell)])
    return buffer.getvalue()


def _numbers(cell: Cell) -> list[object]:
    shown, value = _plain(cell.shown), _plain(cell.value) if isinstance(cell.value, str) else cell.value
    if cell.n is None:
        return [shown, value, "", "", "", ""]
    return [shown, value, cell.low, cell.high, cell.n, cell.models]


def _plain(words: str) -> str:
    return f"'{words}" if words.startswith(FORMULA) else words
