"""The pages of all runs and of the report in a real browser, and the downloaded file with the world shut out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import until
from tests.browser.visitor import ARTIFACTS, Visitor

TRACES = "() => [...document.querySelectorAll('.plot')].map(p => p.calcdata.reduce((n, t) => n + t.length, 0))"
INK = "() => getComputedStyle(document.querySelector('.plot .xtick text')).fill"


@pytest.fixture
def report(visit: Visit, finished: str, tmp_path: Path) -> Path:
    """The file that the page's button gives."""
    visitor = visit(finished.replace("/result", "/report"))
    visitor.page.frame_locator("iframe").locator(".plot .main-svg").first.wait_for()
    visitor.settled().shot("report-page-light")
    with visitor.page.expect_download() as started:
        visitor.button("Download report").click()
    path = tmp_path / started.value.suggested_filename
    started.value.save_as(path)
    return path


@pytest.fixture
def opened(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The file opened where everything but itself is refused; asking for anything fails the test."""
    asked: list[str] = []
    complaints: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=request.param, offline=True)
    context.route(lambda url: url != report.as_uri() and not url.startswith(("data:", "blob:")), refuse)
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("html[data-drawn]").wait_for(state="attached")
    yield page
    context.close()
    assert asked == [] and complaints == []


@pytest.mark.parametrize("opened", ["light", "dark"], indirect=True)
def test_the_file_opens_offline_with_live_figures(opened: Page, request: pytest.FixtureRequest) -> None:
    scheme = request.node.callspec.params["opened"]
    expect(opened.get_by_text("The attack worked").first).to_be_visible()
    points = opened.evaluate(TRACES)
    assert len(points) >= 4 and min(points) > 0, "every chart has points"
    dark = sum(map(int, opened.evaluate(INK)[4:-1].split(", ")[:3])) > 380
    assert dark == (scheme == "dark"), "the axes' numbers have the theme's ink"
    ARTIFACTS.mkdir(exist_ok=True)
    opened.screenshot(path=ARTIFACTS / f"report-{scheme}.png", full_page=True)
    chart = opened.locator(".plot").first
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").bounding_box()
    assert box
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".hoverlayer .legendtext, .hoverlayer .hovertext").first).to_be_visible()
    opened.get_by_text("The same as a table").first.click()
    expect(opened.locator("details[open] table").first).to_be_visible()
    wide = opened.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nothing scrolls sideways"


def test_runs_are_chosen_opened_and_compared_from_their_table(visit: Visit, finished: str) -> None:
    visitor = visit("/runs")
    page = visitor.page
    grid = page.get_by_test_id("stDataFrame").locator("canvas").first
    grid.wait_for()
    visitor.shot("runs-light")
    opening = page.locator(".st-key-open-run button")  # the boxes of the filters have buttons of that name too
    assert not opening.is_enabled()
    _tick(visitor, 0)
    until(opening.is_enabled, "a ticked run can be opened")
    _tick(visitor, 1)
    until(lambda: visitor.button("Compare").is_enabled(), "two runs can be compared")
    assert not opening.is_enabled()
    visitor.shot("runs-chosen-light")
    _tick(visitor, 1)
    until(opening.is_enabled, "one is left")
    opening.click()
    page.wait_for_url("**/result?run=*")


def test_filters_come_back_from_the_link(visit: Visit, finished: str) -> None:
    visitor = visit("/runs?state=Failed")
    expect(visitor.page.get_by_text("No run fits")).to_be_visible()
    assert visitor.parameters["state"] == "Failed"
    dark = visit("/runs", scheme="dark")
    dark.page.get_by_test_id("stDataFrame").locator("canvas").first.wait_for()
    dark.shot("runs-dark")


def _tick(visitor: Visitor, row: int) -> None:
    """The box before a row: cells are painted, so it is found by its place."""
    box = visitor.settled().page.get_by_test_id("stDataFrame").locator("canvas").first.bounding_box()
    assert box
    visitor.page.mouse.click(box["x"] + 16, box["y"] + 35 + 35 * row + 17)
