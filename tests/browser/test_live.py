"""A run on its way, seen from several tabs: reload, Stop, Resume, and the worker killed while somebody watches."""

import time

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.visitor import Visitor

LONG = "preset=badnets-digits&training.epochs=300"
"""Short epochs, and so many of them that the run is still on its way when the test ends it."""


def test_a_run_is_found_by_a_reload_and_a_second_tab_and_stops_and_goes_on_in_both(
    visit: Visit, timings: dict[str, float]
) -> None:
    visitor = visit()
    begun = time.perf_counter()
    _begin_by_keyboard(visitor)
    timings["button found, pressed by keyboard, to Run page"] = time.perf_counter() - begun
    until(lambda: visitor.curve_points() > 0, "the first curve")
    timings["button found, pressed by keyboard, to first curve (worker was up)"] = time.perf_counter() - begun
    run_id, name = visitor.run_id, visitor.page.locator("h1").inner_text()
    other = visit(f"/result?run={run_id}", scheme="dark")
    for found in (visitor.reload(), other):
        assert found.run_id == run_id and found.page.locator("h1").inner_text() == name
        expect(found.chip).to_contain_text("Running")
        until(lambda: found.curve_points() > 0, "the curves are found again")  # noqa: B023
    other.shot("run-live-dark")
    pressed = time.perf_counter()
    other.button("Stop").click()
    until(lambda: "Stop" in visitor.chip.inner_text(), "the first tab sees that the run is stopping")
    timings["Stop pressed in one tab to seen in the other"] = time.perf_counter() - pressed
    for seen in (visitor, other):
        expect(seen.verdict).to_contain_text("Stopped before the end")
        expect(seen.chip).to_contain_text("Stopped")
        until(lambda: seen.curve_points() > 0, "what was drawn stays")  # noqa: B023
    timings["Stop pressed to run ended, in both tabs"] = time.perf_counter() - pressed
    other.shot("run-stopped-dark")
    done = visitor.stages("done")
    visitor.button("Resume").click()
    expect(visitor.chip).to_contain_text("Running")
    assert set(done) <= set(visitor.stages("done")), "finished steps stay finished"
    other.reload()
    expect(other.chip).to_contain_text("Running")
    _stop(visitor)


def test_a_killed_worker_is_told_on_the_page_that_watches_and_the_run_can_go_on(
    visit: Visit, dashboard: Dashboard, timings: dict[str, float]
) -> None:
    visitor = visit(f"/lab?{LONG}")
    visitor.button("Run attack and defense").click()
    visitor.page.wait_for_url("**/result?run=*")
    until(lambda: visitor.curve_points() > 2, "the run is on its way")
    done = visitor.stages("done")
    assert done, "the images are ready before anything is trained"
    killed = time.perf_counter()
    dashboard.kill_workers()
    expect(visitor.verdict).to_contain_text("The worker vanished")
    timings["kill -9 of worker and child to seen on the page"] = time.perf_counter() - killed
    expect(visitor.chip).to_contain_text("Worker vanished")
    until(lambda: visitor.curve_points() > 2, "what was drawn stays")
    visitor.shot("run-lost-light")
    visitor.button("Resume").click()
    expect(visitor.chip).to_contain_text("Running")
    until(lambda: visitor.curve_points() > 2, "the run goes on")
    assert set(done) <= set(visitor.stages("done")), "finished steps stay finished"
    _stop(visitor)


def _begin_by_keyboard(visitor: Visitor) -> None:
    """Tab leads to the big button within a few presses, and Enter presses it."""
    button = visitor.button("Poison a model now")
    for _ in range(25):
        visitor.page.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            break
    expect(button).to_be_focused()
    visitor.shot("start-button-focused-light")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**/result?run=*")
    expect(visitor.chip).to_be_visible()


def _stop(visitor: Visitor) -> None:
    visitor.page.locator("[class*='st-key-stop-live-']").get_by_role("button").click()
    expect(visitor.verdict).to_contain_text("Stopped before the end")
