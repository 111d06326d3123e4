"""axe-core looks at every page in both themes; what is serious and ours is mended, what is Streamlit's is listed."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect

from app import routes
from tests.browser.conftest import Visit
from tests.browser.test_showcase import DRAWN, SCHEMES
from tests.browser.visitor import LARGE, SMALL, Visitor

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUNS = {"gradients": "showcase-clean-label", "inside": "showcase-robust"}
"""Pages that have most to show of another run than the first shipped one."""
USUAL = "showcase-badnets"
SERIOUS = ("serious", "critical")
ALLOWED = {
    ("list", "[data-testid=stSidebarNavItems]"): "Streamlit's navigation has one <div> a section inside its <ul>",
    ("listitem", "[data-testid=stSidebarNavItems]"): "the same: its items stand in those",
    ("scrollable-region-focusable", "[data-testid=stCode]"): "Streamlit's block of code; its copy button has the focus",
}
"""By rule and CSS selector of an element that Streamlit or Plotly draws, or of what holds it: why it may stay."""
LOOK = """async ([serious, allowed]) => {
  const found = await axe.run(document, {elementRef: true, resultTypes: ['violations'], iframes: false});
  const told = [];
  for (const rule of found.violations.filter(each => serious.includes(each.impact)))
    for (const node of rule.nodes)
      if (!allowed.some(([id, css]) => id === rule.id && node.element.closest(css)))
        told.push([rule.id, rule.impact, node.html.slice(0, 300), node.target.join(' '), node.failureSummary]);
  return [found.passes.length, told]; }"""


def findings(visitor: Visitor) -> list[Any]:
    """What axe holds against the page as it is now."""
    visitor.page.evaluate(AXE)
    passed, told = visitor.page.evaluate(LOOK, [SERIOUS, [list(key) for key in ALLOWED]])
    assert passed > 10, "axe has looked at the page"
    return list(told)


@SCHEMES
@pytest.mark.parametrize("page", routes.PAGES)
def test_no_page_has_a_serious_finding_of_our_own(turn_to: Visit, scheme: str, page: str) -> None:
    visitor = turn_to(f"/{'' if page == 'start' else page}?run={RUNS.get(page, USUAL)}", scheme=scheme)
    expect(visitor.page.get_by_text("are being drawn")).to_have_count(0, timeout=DRAWN)
    assert findings(visitor.settled()) == []
    for width, height in (SMALL, LARGE):  # every page is kept as a picture, to be looked at
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.settled().shot(f"page-{page}-{scheme}-{width}x{height}")


@SCHEMES
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lesson", "/learn?lesson=3&step=1&teach=true"),
        ("story", "/story?step=3&notes=true"),
        ("row", f"/images?run={USUAL}&row=5&sel=1-4"),
    ],
)
def test_what_a_link_opens_has_none_either(turn_to: Visit, scheme: str, name: str, path: str) -> None:
    visitor = turn_to(path, scheme=scheme)
    for words in ("Nothing to show here yet", "are being drawn"):
        expect(visitor.page.get_by_text(words)).to_have_count(0, timeout=DRAWN)
    visitor.settled().shot(f"axe-{name}-{scheme}")
    assert findings(visitor) == []


@SCHEMES
def test_a_dialog_has_none_either(turn_to: Visit, scheme: str) -> None:
    visitor = turn_to(f"/result?run={USUAL}", scheme=scheme)
    visitor.page.locator("[class*='st-key-menu-head-'] button").first.click()
    visitor.page.locator("[class*='st-key-delete-head-'] button").first.click()
    expect(visitor.page.get_by_role("dialog").get_by_text("Delete for good?")).to_be_visible()
    visitor.shot(f"axe-dialog-{scheme}")
    assert findings(visitor) == []


def test_a_finding_is_found(turn_to: Visit) -> None:
    visitor = turn_to("/runs")
    bare = "document.querySelector('[data-testid=stMain] h1').insertAdjacentHTML('afterend', '<button></button>')"
    visitor.page.evaluate(bare)
    assert [told[0] for told in findings(visitor)] == ["button-name"]
