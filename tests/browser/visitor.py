"""What a visitor does and sees, in the words of the tests; how Streamlit and Plotly build their pages stays in here."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, TimeoutError, WebSocket, expect

from tests.browser.dashboard import until

ARTIFACTS = Path(__file__).resolve().parent.parent.parent / "artifacts"
SMALL, LARGE = (1280, 800), (1920, 1080)
LENS = "The class under the lens"
KNOWN = re.compile(r"/_stcore/(health|host-config)$")
"""Streamlit looks for itself below the page's own address first, gets two 404s, and goes on with the right one."""
FINISH = 180_000
"""Milliseconds that a run of the default preset may take on a busy machine."""

POINT = """([gd, trace, index]) => {
  const point = gd.calcdata[trace][index], box = gd.getBoundingClientRect(), {xaxis, yaxis} = gd._fullLayout;
  return {x: box.x + xaxis._offset + xaxis.l2p(point.x), y: box.y + yaxis._offset + yaxis.l2p(point.y),
          row: gd._fullData[trace].customdata ? gd._fullData[trace].customdata[index] : null}; }"""
COUNTS = "gd => (gd.calcdata || []).map((t, i) => [gd.data[i].name, t.filter(p => p.x !== undefined).length])"
SPREAD = "([gd, trace]) => gd.calcdata[trace].map((point, i) => [point.x, point.y, i])"


class Watch:
    """Everything that the pages of one browser context asked for and complained about."""

    def __init__(self, context: BrowserContext) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.requests = 0
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("page", lambda page: page.on("websocket", self._socket))

    def _request(self, request: Request) -> None:
        self._asked(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._asked(socket.url)

    def _asked(self, url: str) -> None:
        self.requests += 1
        address = urlsplit(url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self.foreign.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not KNOWN.search(message.location.get("url", "")):
            self.errors.append(f"{message.text} {message.location}")

    def check(self) -> None:
        """No complaint, and nobody else asked."""
        assert self.requests, "no request was seen, so nothing was watched"
        assert not self.foreign, f"the page asked other machines: {self.foreign}"
        assert not self.errors, f"the browser's console has errors: {self.errors}"

    def forget(self) -> None:
        """Begin anew, for another test in the same tab."""
        self.errors, self.foreign, self.requests = [], [], 0


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
        self.page.locator("[class*='st-key-to-lab']").wait_for(timeout=60_000)
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
