"""axe-core looks at every page in both themes; what is serious and ours is mended, what is Streamlit's is listed."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect

from app import routes
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard
from tests.browser.visitor import LARGE, SCHEMES, SMALL, Visitor

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
LOOK = """async ([serious, allowed, only]) => {
  const asked = {elementRef: true, resultTypes: ['violations'], iframes: false};
  if (only) asked.runOnly = only;
  const found = await axe.run(document, asked);
  const told = [];
  for (const rule of found.violations.filter(each => serious.includes(each.impact)))
    for (const node of rule.nodes)
      if (!allowed.some(([id, css]) => id === rule.id && node.element.closest(css)))
        told.push([rule.id, rule.impact, node.html.slice(0, 300), node.target.join(' '), node.failureSummary]);
  return [found.passes.length, told]; }"""


OF_COLOURS = ["color-contrast"]
"""The rules whose findings change with the colours."""


def findings(visitor: Visitor, only: list[str] | None = None) -> list[Any]:
    """What axe holds against the page as it is now."""
    if not visitor.page.evaluate("'axe' in window"):
        visitor.page.evaluate(AXE)
    passed, told = visitor.page.evaluate(LOOK, [SERIOUS, [list(key) for key in ALLOWED], only])
    assert passed >= (1 if only else 10), "axe has looked at the page"
    return list(told)


def check(visitor: Visitor, name: str, sizes: tuple[tuple[int, int], ...] = (SMALL,)) -> None:
    """Nothing is found, in light and in dark; the page is kept as pictures, to be looked at."""
    for scheme in SCHEMES:
        visitor.lit(scheme)
        assert findings(visitor, None if scheme == SCHEMES[0] else OF_COLOURS) == [], scheme
        for size in sizes:
            visitor.sized(size).shot(f"{name}-{scheme}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("page", routes.PAGES)
def test_no_page_has_a_serious_finding_of_our_own(visit: Visit, shown: Dashboard, page: str) -> None:
    visitor = visit(f"/{'' if page == 'start' else page}?run={RUNS.get(page, USUAL)}", at=shown)
    expect(visitor.page.get_by_text("are being drawn")).to_have_count(0)
    check(visitor.settled(), f"page-{page}", (SMALL, LARGE))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lesson", "/learn?lesson=3&step=1&teach=true"),
        ("story", "/story?step=3&notes=true"),
        ("row", f"/images?run={USUAL}&row=5&sel=1-4"),
    ],
)
def test_what_a_link_opens_has_none_either(visit: Visit, shown: Dashboard, name: str, path: str) -> None:
    visitor = visit(path, at=shown)
    for words in ("Nothing to show here yet", "are being drawn"):
        expect(visitor.page.get_by_text(words)).to_have_count(0)
    check(visitor.settled(), f"axe-{name}")


def test_a_dialog_has_none_either(visit: Visit, shown: Dashboard) -> None:
    visitor = visit(f"/result?run={USUAL}", at=shown)
    visitor.page.locator("[class*='st-key-menu-head-'] button").first.click()
    visitor.page.locator("[class*='st-key-delete-head-'] button").first.click()
    expect(visitor.page.get_by_role("dialog").get_by_text("Delete for good?")).to_be_visible()
    check(visitor, "axe-dialog")


def test_a_finding_is_found(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/runs", at=shown)
    bare = "document.querySelector('[data-testid=stMain] h1').insertAdjacentHTML('afterend', '<button></button>')"
    visitor.page.evaluate(bare)
    assert [told[0] for told in findings(visitor)] == ["button-name"]
    pale = "document.querySelector('[data-testid=stMain] h1').style.color = '#eee'"
    visitor.page.evaluate(pale)
    assert [told[0] for told in findings(visitor, OF_COLOURS)] == ["color-contrast"]
