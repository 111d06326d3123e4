"""What a visitor does and sees, in the words of the tests; how Streamlit and Plotly build their pages stays in here."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.browser.dashboard import until

ARTIFACTS = Path(__file__).resolve().parent.parent.parent / "artifacts"
SMALL, LARGE = (1280, 800), (1920, 1080)
SCHEMES = ("light", "dark")
LENS = "The class under the lens"
FINISH = 300_000
"""Milliseconds that a run of the default preset may take on a busy machine."""

POINT = """([gd, trace, index]) => {
  const point = gd.calcdata[trace][index], box = gd.getBoundingClientRect(), {xaxis, yaxis} = gd._fullLayout;
  return {x: box.x + xaxis._offset + xaxis.l2p(point.x), y: box.y + yaxis._offset + yaxis.l2p(point.y),
          row: gd._fullData[trace].customdata ? gd._fullData[trace].customdata[index] : null}; }"""
COUNTS = "gd => (gd.calcdata || []).map((t, i) => [gd.data[i].name, t.filter(p => p.x !== undefined).length])"
MEASURE = Path(__file__).with_name("layout.js").read_text(encoding="utf-8").split("\n", 1)[1]
GROUND = "e => getComputedStyle(e).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((sum, each) => sum + +each, 0)"
SPREAD = "([gd, trace]) => gd.calcdata[trace].map((point, i) => [point.x, point.y, i])"


def _within(box: Any, width: int, height: int) -> bool:
    """Whether a box is there, and lies wholly on the screen."""
    across = box and box["x"] >= 0 and box["x"] + box["width"] <= width
    return bool(across and box["y"] >= 0 and box["y"] + box["height"] <= height)


class Visitor:
    """One tab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    # ---- going somewhere

    def open(self, path: str) -> "Visitor":
        """Go to a page of the dashboard and wait until it is drawn."""
        self.page.goto(self.address + path)
        return self.settled()

    def reload(self) -> "Visitor":
        self.page.reload()
        return self.settled()

    def settled(self) -> "Visitor":
        """The page has its title, the script that draws it has ended, and the code of every widget has arrived."""
        self.page.locator('[data-testid="stMain"] h1').first.wait_for()
        self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        expect(self.page.locator('[data-testid="stMain"]').get_by_test_id("stSkeleton")).to_have_count(0)
        return self

    def lit(self, scheme: Any) -> "Visitor":
        """The system becomes light or dark below the open page, and the page with it."""
        self.page.emulate_media(color_scheme=scheme)
        ground = self.page.get_by_test_id("stApp")
        until(lambda: (ground.evaluate(GROUND) < 300) == (scheme == "dark"), f"the {scheme} theme")
        return self.settled()

    def sized(self, size: tuple[int, int]) -> "Visitor":
        """The window gets another size."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        return self.settled()

    def scrolled(self) -> int:
        """How many pixels of the page lie above the screen."""
        return int(self.page.get_by_test_id("stMain").evaluate("main => main.scrollTop"))

    def scrolled_down(self) -> "Visitor":
        """To the end of the page."""
        self.page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
        assert self.scrolled(), "the page is longer than the screen"
        return self

    def tab(self) -> "Visitor":
        """Another tab of the same browser at the same address."""
        other = Visitor(self.page.context.new_page(), self.address)
        other.page.goto(self.page.url)
        return other.settled()

    @property
    def parameters(self) -> dict[str, str]:
        """Of the address bar, asked of the page: what Playwright knows is only as new as its last call."""
        query = urlsplit(str(self.page.evaluate("location.href"))).query
        return {name: values[0] for name, values in parse_qs(query).items()}

    @property
    def run_id(self) -> str:
        return self.parameters["run"]

    # ---- the frame

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def switch(self, name: str) -> None:
        """A toggle."""
        self.page.get_by_test_id("stSidebar").get_by_text(name, exact=True).click()

    def choose(self, label: str, option: str) -> None:
        """Take an option of a box. It is scrolled to first: a list that has just opened closes when the page moves."""
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.scroll_into_view_if_needed()
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        box.click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def shot(self, name: str) -> None:
        """Keep what is on the screen now, with nothing under the pointer."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", animations="disabled")

    def show(self, heading: str) -> None:
        """Scroll to a heading."""
        self.page.get_by_role("heading", name=heading, exact=True).evaluate("h => h.scrollIntoView({block: 'start'})")

    # ---- how it looks

    def check_layout(self) -> None:
        """No sideways scrolling, no text cut off, nothing on top of something else, and every text readable."""
        with suppress(AssertionError):
            until(lambda: not self._flaws(), "what is redrawn is pale no longer", 30)
        assert self._flaws() == {}

    def _flaws(self) -> dict[str, list[str]]:
        found = self.page.get_by_test_id("stMain").evaluate(MEASURE)
        assert found.pop("measured") > 5, "the texts of the page were not found"
        return {name: flawed for name, flawed in found.items() if flawed}

    def check_in_sight(self, *selectors: str) -> None:
        """Wholly on the screen, without scrolling."""
        width, height = (self.page.viewport_size or {}).values()
        for selector in selectors:
            found = self.page.locator(f"[data-testid=stMain] >> {selector}")
            with suppress(AssertionError):
                until(lambda: _within(found.bounding_box(), width, height), "it has its place", 30)  # noqa: B023
            box = found.bounding_box()
            assert _within(box, width, height), f"{selector} is not in sight on {width}x{height}: {box}"

    # ---- a run

    @property
    def chip(self) -> Locator:
        return self.page.locator(".ps-state .ps-chip").last  # for a moment, the one that it replaces stands above it

    @property
    def verdict(self) -> Locator:
        return self.page.locator(".ps-verdict")

    def stages(self, state: str) -> list[str]:
        """Names of the stages that are `done`, `now` or `wait`."""
        return [item.split("\n")[0] for item in self.page.locator(f".ps-stages li.{state}").all_inner_texts()]

    def curve_points(self) -> int:
        """How many points the curves have on the page."""
        chart = self.page.locator(".js-plotly-plot").first
        if not chart.count():
            return 0
        return int(chart.evaluate("gd => (gd.calcdata || []).reduce((n, t) => n + t.filter(p => 'x' in p).length, 0)"))

    def finished(self) -> "Visitor":
        """The run has ended well and everything is drawn."""
        expect(self.verdict).to_contain_text("The attack worked", timeout=FINISH)
        self.page.locator("[class*='st-key-to-lab']").wait_for()
        self.lens.locator(".nsewdrag").first.wait_for()
        return self.settled()

    # ---- the class under the lens: small on a run's page, with all its tools on the spectral page

    def under_the_lens(self) -> "Visitor":
        """The map of the spectral page is drawn."""
        expect(self.page.get_by_text("Be the defender")).to_be_visible()
        self.lens.locator(".nsewdrag").first.wait_for()
        return self.settled()

    def around(self, left: float, top: float, right: float, bottom: float) -> None:
        """Draw around a part of the screen with the tool that is chosen."""
        corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
        self.page.mouse.move(*corners[0])
        self.page.mouse.down()
        for corner in corners[1:]:
            self.page.mouse.move(*corner, steps=6)
        self.page.mouse.up()

    def lasso_poisons(self) -> int:
        """Take the lasso, draw around all that lies as far out as a poison that stands alone; how many rows that is."""
        self.page.get_by_role("radio", name="Lasso").check(force=True)
        until(lambda: self.parameters.get("tool") == "Lasso", "the tool stands in the address")
        until(lambda: self.lens.evaluate("gd => gd._fullLayout?.dragmode") == "lasso", "the chart has the lasso")
        box = self.lens.locator(".nsewdrag").bounding_box()
        assert box
        self.around(
            self.point("Poisons")["x"] - 25, box["y"] + 2, box["x"] + box["width"] - 2, box["y"] + box["height"] - 2
        )
        expect(self.selected).to_contain_text("selected; ")
        return int(self.selected.inner_text().split()[0].replace(",", ""))

    @property
    def selected(self) -> Locator:
        """How many rows are selected, in words."""
        return self.page.locator(".st-key-selected p").first

    @property
    def lens(self) -> Locator:
        """The projection. Streamlit keeps the chart that a new one replaces for a moment, behind it."""
        return self.page.locator("[class*='st-key-scatter-'] .js-plotly-plot").first

    @property
    def cut(self) -> Locator:
        """The line in the histogram."""
        return self.page.get_by_role("slider", name="Cut")

    @property
    def cut_words(self) -> Locator:
        return self.page.locator(".box .out").first  # as with the projection

    def removes(self) -> int:
        """How many rows the cut removes, as the words beside it say."""
        found = re.search(r"removes ([\d,]+)", self.cut_words.inner_text())
        assert found, self.cut_words.inner_text()
        return int(found[1].replace(",", ""))

    def traces(self) -> dict[str, int]:
        """Names of the projection's traces without counts, and how many points each has; empty while it is drawn."""
        return {name.split(" (")[0]: points for name, points in self.lens.evaluate(COUNTS)}

    def point(self, name: str, index: int | None = None) -> dict[str, Any]:
        """Where a point of a trace is on the screen, and its row; without an index, one that stands alone."""
        place = list(until(self.traces, "the projection is drawn")).index(name)
        chart = self.lens.element_handle()
        if index is None:
            spread = self.page.evaluate(SPREAD, [chart, place])
            apart = [min(abs(x - a) + abs(y - b) for a, b, j in spread if j != i) for x, y, i in spread]
            index = apart.index(max(apart))
        return dict(self.page.evaluate(POINT, [chart, place, index]))

    def hovered(self, point: dict[str, Any]) -> int | None:
        """Move the pointer to a point; the row of the thumbnail that follows it, None while there is none."""
        self.page.mouse.move(point["x"] + 1, point["y"])
        self.page.mouse.move(point["x"], point["y"])
        tip = self.page.locator("body > .ps-tip:not([hidden])")
        return int(tip.inner_text().split()[-1]) if tip.count() else None

    def pick(self, point: dict[str, Any]) -> Locator:
        """Click a point, again where a busy machine has not heard it, and return its image beside the chart."""
        image = self.page.locator(".st-key-chosen .ps-wall figure").filter(has_text=f"row {point['row']}")
        for _ in range(3):
            until(lambda: self.hovered(point) == point["row"], "the thumbnail of the row under the pointer")
            self.page.mouse.click(point["x"], point["y"])
            try:
                image.wait_for(timeout=6000)
                break
            except TimeoutError:
                continue
        expect(image).to_have_count(1)
        return image
