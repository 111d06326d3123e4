"""Thumbnails under the pointer for a Plotly chart of rows, drawn in the browser from one sheet of images.

It relies on two facts about the page: a keyed element carries the class `st-key-<key>`, and Plotly has its own event
emitter. A browser test guards both.
"""

from pathlib import Path

import streamlit as st

PIXELS = 6_000_000
"""Of all thumbnails together: a larger sheet takes a browser longer to get than a person waits."""

HTML = '<div class="ps-tip" hidden><canvas width="112" height="112"></canvas><div></div></div>'

HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "poisonscope_hover",
    html=HTML,
    css=(HERE / "hover.css").read_text(encoding="utf-8"),
    js=(HERE / "hover.js").read_text(encoding="utf-8"),
    isolate_styles=False,  # the picture follows the pointer over the whole page
)


def fits(count: int, shape: tuple[int, ...] | None) -> bool:
    """Whether so many images (c, h, w) can be thumbnails."""
    _, h, w = shape or (0, 0, 0)
    return count * h * w <= PIXELS


def thumbnails(chart: str, rows: list[int], sheet: str, columns: int, size: tuple[int, int], key: str) -> None:
    """Show the image of the row under the pointer.

    Args:
        chart: key of the chart; letters, digits and dashes only.
        rows: row ids in the order of the sheet.
        sheet: data address of the sheet.
        columns: images in one line of the sheet.
        size: (height, width) of one image.
        key: key of this component.
    """
    _mount(
        key=key,
        data={"chart": chart, "rows": rows, "sheet": sheet, "columns": columns, "height": size[0], "width": size[1]},
    )
