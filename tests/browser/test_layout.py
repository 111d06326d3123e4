"""Every page at two sizes in light and dark: nothing too wide, cut, covered or pale, and what matters in sight."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import LARGE, LENS, SMALL, Visitor

MEASURE = Path(__file__).with_name("layout.js").read_text(encoding="utf-8").split("\n", 1)[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["1280x800", "1920x1080"])
def test_every_page_fits(visit: Visit, finished: str, size: tuple[int, int], scheme: str) -> None:
    ending = f"{scheme}-{size[0]}x{size[1]}"
    visitor = visit(size=size, scheme=scheme)
    page = visitor.page
    ground = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(", "))) < 300) == (scheme == "dark"), f"the {scheme} theme: {ground}"

    expect(page.get_by_text("Device: cpu")).to_be_visible()
    visitor.shot(f"start-bare-{ending}")
    _in_sight(visitor, "h1", ".st-key-poison-now button >> nth=0", ".ps-empty >> nth=0", ".st-key-go-build button")
    _sound(visitor)

    visitor.open("/lab")
    page.locator(".st-key-lab-side .ps-pairs img").nth(8).wait_for()
    visitor.settled().shot(f"lab-{ending}")
    _in_sight(visitor, "h1", "text=Start from", ".st-key-lab-side img >> nth=1", ".st-key-lab-side [kind=primary]")
    _sound(visitor)

    visitor.open(finished).finished()
    visitor.shot(f"run-finished-{ending}")
    _in_sight(visitor, "h1", ".ps-state", ".ps-verdict", *(f".ps-card >> nth={i}" for i in range(3)))
    visitor.show(LENS)
    visitor.shot(f"run-lens-{ending}")
    _in_sight(visitor, "[class*='st-key-scatter-'] .js-plotly-plot", "svg[role=slider]")
    _sound(visitor)

    visitor.open("/runs")
    page.get_by_test_id("stDataFrame").locator("canvas").first.wait_for()
    visitor.shot(f"runs-{ending}")
    _in_sight(visitor, "h1", ".st-key-run-buttons", "[data-testid=stDataFrame]")
    _sound(visitor)

    visitor.open(finished.replace("/result", "/report"))
    page.frame_locator("iframe").locator(".plot .main-svg").first.wait_for()
    visitor.shot(f"report-{ending}")
    _in_sight(visitor, "h1", ".st-key-download-report")
    _sound(visitor)


def _in_sight(visitor: Visitor, *selectors: str) -> None:
    """Wholly on the screen, without scrolling."""
    width, height = (visitor.page.viewport_size or {}).values()
    for selector in selectors:
        box: Any = visitor.page.locator(f"[data-testid=stMain] >> {selector}").bounding_box()
        assert box, f"{selector} is not there"
        across = box["x"] >= 0 and box["x"] + box["width"] <= width
        down = box["y"] >= 0 and box["y"] + box["height"] <= height
        assert across and down, f"{selector} is not in sight on {width}x{height}: {box}"


def _sound(visitor: Visitor) -> None:
    """No sideways scrolling, no text cut off, nothing on top of something else, and every text readable."""
    found = visitor.page.get_by_test_id("stMain").evaluate(MEASURE)
    assert found.pop("measured") > 10, "the texts of the page were not found"
    assert found == {"wide": [], "cut": [], "collisions": [], "pale": []}
