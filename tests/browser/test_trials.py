"""One chosen image under attack, trial by trial, and the images: clicks, keys and the link. The run is made up."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from core.runs.store import Store
from tests.app import targeted
from tests.app.conftest import Made, experiment, write_run
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until

MARK = """([gd, key, victim]) => { const box = gd.getBoundingClientRect(), {xaxis, yaxis} = gd._fullLayout;
  return {x: box.x + xaxis._offset + xaxis.l2p(key), y: box.y + yaxis._offset + yaxis.l2p(victim)}; }"""


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dashboard, str]]:
    """A dashboard of its own, because a worker would take the made-up run for work, and the run."""
    home = tmp_path_factory.mktemp("trials") / "home"
    home.mkdir()
    made = Made(targeted.steps(), targeted.content, targeted.points(), targeted.result())
    run = write_run(Store(home), experiment(name="One sign", **targeted.SETTINGS), made, "done", True, {})
    started = Dashboard(home)
    try:
        yield started.wait(), run
    finally:
        started.stop()


def test_a_clicked_trial_is_looked_at(visit: Visit, trials: tuple[Dashboard, str]) -> None:
    dashboard, run = trials
    visitor = visit(f"/result?run={run}", at=dashboard)
    grid = visitor.page.locator("[class*='st-key-outcomes-'] .js-plotly-plot").first
    grid.locator(".nsewdrag").first.wait_for()
    expect(visitor.page.get_by_text("Key 1: test image 3")).to_be_visible()
    visitor.show("Trial by trial")
    visitor.settled().shot("trials-light")
    place: Any = visitor.page.evaluate(MARK, [grid.element_handle(), 3, 2])
    visitor.page.mouse.move(place["x"] - 2, place["y"])
    visitor.page.mouse.click(place["x"], place["y"])
    expect(visitor.page.get_by_text("Key 3: test image 5")).to_be_visible()
    expect(visitor.page.get_by_text("so the trial does not count")).to_be_visible()
    until(lambda: (visitor.parameters.get("key"), visitor.parameters.get("victim")) == ("3", "2"), "the link follows")
    visitor.settled().check_layout()


def test_an_image_is_chosen_by_click_and_by_keyboard(visit: Visit, trials: tuple[Dashboard, str]) -> None:
    dashboard, run = trials
    visitor = visit(f"/images?run={run}&kind=Poisons", at=dashboard, scheme="dark")
    page, detail = visitor.page, visitor.page.locator(".st-key-row-detail")
    tiles = page.locator(".st-key-all-images figure")
    expect(tiles).to_have_count(targeted.POISONS)
    tiles.nth(1).click()
    expect(detail.get_by_text("row 4, ×8")).to_be_visible()
    expect(detail.get_by_text("target", exact=True)).to_be_visible()
    tiles.nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(detail.get_by_text("row 7, ×8")).to_be_visible()
    until(lambda: visitor.parameters.get("row") == "7", "the link has the row")
    visitor.settled().shot("images-dark")
    visitor.check_layout()
    visitor.switch("Reveal truth")
    expect(tiles).to_have_count(48)
    expect(page.locator("figure.poison")).to_have_count(0)
    expect(detail.get_by_text("Truth")).to_have_count(0)
