"""What a visitor waits for, in headless Chromium, by the page's own clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from benchmarks.measure import Measure
from benchmarks.pages.site import RUN, Site, end
from tests.browser.dashboard import Dashboard, until
from tests.browser.tabs import Watch
from tests.browser.visitor import SMALL, Visitor
from tests.chromium import ARGUMENTS

VISIBLE, CLICK, LASSO, START = 2.0, 0.3, 0.6, 0.5
"""Seconds that were promised."""
TURNS, COLD_TURNS = 4, 3
POINTS = 12
"""Points that are clicked: those that stand most alone."""
PATIENCE = 120_000
"""Milliseconds that anything may take to appear; it only ends a measurement that has failed."""

DRAWN = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  const rests = document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]');
  if (!main || !rests || !main.querySelector('h1') || main.querySelector('[data-testid="stSkeleton"]')) return 0;
  const charts = [...main.querySelectorAll('[data-testid="stPlotlyChart"]')].filter(chart => chart.offsetParent);
  return charts.every(chart => chart.querySelector('.main-svg')) && performance.now(); }"""
"""Milliseconds since the navigation began, once the page has its title, its widgets and its charts."""

CLOCK = """([selector, words]) => {
  window.psTook = new Promise(done => {
    let begun = 0;
    addEventListener('mouseup', event => { begun = event.timeStamp; }, {capture: true, once: true});
    const there = element => new RegExp(words).test(element.textContent)
      && [...element.querySelectorAll('img')].every(image => image.complete);
    const look = () => begun && [...document.querySelectorAll(selector)].some(there)
      ? done(performance.now() - begun) : requestAnimationFrame(look);
    look(); }); }"""
"""Starts a clock that runs from the next release of the mouse to the frame in which an element has these words."""

ALONE = """([gd, most]) => {
  const box = gd.getBoundingClientRect(), {xaxis, yaxis} = gd._fullLayout;
  const points = gd.calcdata.flatMap((trace, number) => trace.map((point, index) => ({
    x: box.x + xaxis._offset + xaxis.l2p(point.x), y: box.y + yaxis._offset + yaxis.l2p(point.y),
    row: gd._fullData[number].customdata?.[index] })));
  const rows = points.filter(point => point.row !== undefined);
  for (const one of rows) one.alone = Math.min(...rows.filter(other => other.row !== one.row).map(
    other => Math.hypot(one.x - other.x, one.y - other.y)));
  return rows.sort((one, other) => other.alone - one.alone).slice(0, most); }"""
"""Where the points that stand most alone are on the screen, and their rows."""


def visible(site: Site) -> Iterator[Measure]:
    """Every page, loaded again by address in a tab that has it open; as a fact, what it took in a new tab."""
    with _browser(site) as browser:
        context = _context(browser)
        with _tab(context) as tab:
            _seconds_to_see(tab, site.address(""))
        for name, path in site.paths.items():
            with _tab(context) as tab:
                first, *took = (_seconds_to_see(tab, site.address(path)) for _ in range(1 + TURNS))
            yield Measure(f"visible: {name}", "seconds", took, VISIBLE, {"seconds_in_a_new_tab": first})


def cold(site: Site) -> Iterator[Measure]:
    """The first page of a server that has just started, in a browser that was never there."""
    took = []
    with _browser(site) as browser:
        for _ in range(COLD_TURNS):
            server = Dashboard(site.dashboard.home, showcase=True)
            try:
                with _tab(_context(browser)) as tab:
                    took.append(_seconds_to_see(tab, server.wait().address))
            finally:
                server.stop(everything=False)
    yield Measure("cold: start, by the first visitor of a new server", "seconds", took, None)


def click(site: Site) -> Iterator[Measure]:
    """A click on a point of the map, until its image stands beside it."""
    with _visitor(site, f"/spectral?run={RUN}") as visitor:
        chart = visitor.under_the_lens().lens.element_handle()
        took = []
        for point in visitor.page.evaluate(ALONE, [chart, POINTS]):
            until(lambda: visitor.hovered(point) == point["row"], "the thumbnail of the point")  # noqa: B023
            _clock(visitor.page, ".st-key-chosen .ps-wall figure", rf"row {point['row']}\b")
            visitor.page.mouse.click(point["x"], point["y"])
            took.append(_took(visitor.page))
            visitor.settled()
    yield Measure("click on a point to its image", "seconds", took[1:], CLICK)


def lasso(site: Site) -> Iterator[Measure]:
    """A lasso around 10,000 points, until their count is told."""
    with _visitor(site, f"/spectral?run={site.large}&tool=Lasso") as visitor:
        took, told = [], ""
        for _ in range(1 + TURNS):
            visitor.under_the_lens()
            until(lambda: visitor.lens.evaluate("gd => gd._fullLayout?.dragmode") == "lasso", "the lasso")
            box = visitor.lens.locator(".nsewdrag").bounding_box()
            assert box
            _clock(visitor.page, ".st-key-selected p", r"^[1-9][\d,]* of")
            right, bottom = box["x"] + box["width"] - 2, box["y"] + box["height"] - 2
            visitor.around(box["x"] + 2, box["y"] + 2, right, bottom)
            took.append(_took(visitor.page))
            told = visitor.selected.inner_text()
            visitor.button("Clear").click()
            expect(visitor.page.get_by_text("Nothing selected")).to_be_visible()
    yield Measure("lasso of 10,000 points to their count", "seconds", took[1:], LASSO, note=f"It said: {told}.")


def start(site: Site) -> Iterator[Measure]:
    """The big button, until the page of the new run says that it is on its way."""
    took = []
    with _visitor(site, "/") as visitor:
        for _ in range(1 + TURNS):
            visitor.open("/")
            _clock(visitor.page, ".ps-state .ps-chip", "")
            visitor.button("Poison a model now").click()
            took.append(_took(visitor.page))
            end(site, visitor.settled().run_id)
    yield Measure("start of a run to the run on screen", "seconds", took[1:], START)


def hosts(site: Site) -> Iterator[Measure]:
    """Requests to other machines, over all pages, in a browser that was never there."""
    with _browser(site) as browser:
        context, paths = _context(browser), site.paths
        watch = Watch(context)
        for path in paths.values():
            with _tab(context) as tab:
                _seconds_to_see(tab, site.address(path))
        facts = {"requests": float(watch.requests), "pages": float(len(paths))}
        note = "" if not watch.foreign else f"Asked: {', '.join(sorted(set(watch.foreign)))}."
        yield Measure("hosts: requests to other machines", "requests", [float(len(watch.foreign))], 0, facts, note)


# ---- the browser


@contextmanager
def _browser(site: Site) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=site.chromium, args=list(ARGUMENTS))
        try:
            yield started
        finally:
            started.close()


def _context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": SMALL[0], "height": SMALL[1]})
    context.set_default_timeout(PATIENCE)
    return context


@contextmanager
def _visitor(site: Site, path: str) -> Iterator[Visitor]:
    with _browser(site) as browser:
        yield Visitor(_context(browser).new_page(), site.dashboard.address).open(path)


@contextmanager
def _tab(context: BrowserContext) -> Iterator[Page]:
    opened = context.new_page()
    try:
        yield opened
    finally:
        opened.close()


def _seconds_to_see(tab: Page, url: str) -> float:
    tab.goto(url, wait_until="commit")
    return _number(tab.wait_for_function(DRAWN, polling="raf").json_value()) / 1000


def _clock(page: Page, selector: str, words: str) -> None:
    page.evaluate(CLOCK, [selector, words])


def _took(page: Page) -> float:
    return _number(page.evaluate("window.psTook")) / 1000


def _number(told: Any) -> float:
    return float(told)
