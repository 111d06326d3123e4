"""The class under the lens on a finished run: thumbnails, click, lasso, tools, and the truth hidden."""

import time

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import until
from tests.browser.visitor import LENS

PIXEL = """async ([tip, source]) => {
  const picture = new Image(); picture.src = source; await picture.decode();
  const seen = tip.querySelector('canvas').getContext('2d').getImageData(0, 0, 112, 112).data;
  const mine = new OffscreenCanvas(112, 112), brush = mine.getContext('2d');
  brush.imageSmoothingEnabled = false; brush.drawImage(picture, 0, 0, 112, 112);
  const wanted = brush.getImageData(0, 0, 112, 112).data;
  return seen.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]), 0) / seen.length; }"""
"""Mean difference, in levels, between a thumbnail and a picture beside the chart."""


def test_the_thumbnail_under_the_pointer_is_the_row_that_a_click_shows(visit: Visit, finished: str) -> None:
    visitor = visit(finished).finished()
    visitor.show(LENS)
    for name in ("Poisons", "Clean rows"):
        point = visitor.point(name)
        picture = visitor.pick(point).locator("img").get_attribute("src")
        until(lambda: visitor.hovered(point) == point["row"], "the thumbnail after a rerun")  # noqa: B023
        tip = visitor.page.locator(".ps-tip:visible").element_handle()
        assert visitor.page.evaluate(PIXEL, [tip, picture]) < 12, "the thumbnail is the picture, but for JPEG's losses"
    visitor.shot("run-thumbnail-light")
    visitor.page.mouse.move(5, 500)
    expect(visitor.page.locator(".ps-tip:visible")).to_have_count(0)


def test_a_selection_outlives_a_moved_cut(visit: Visit, finished: str) -> None:
    visitor = visit(finished).finished()
    visitor.show(LENS)
    chosen = visitor.pick(visitor.point("Poisons"))
    before = visitor.removes()
    visitor.cut.press("Shift+ArrowRight")
    until(lambda: visitor.traces().get("Removed") == visitor.removes() != before, "the rings follow the cut")
    visitor.settled()
    expect(chosen).to_have_count(1)
    expect(visitor.page.get_by_text("Selection: 1 of")).to_be_visible()


def test_a_lasso_shows_what_lies_inside_and_clear_forgets_it(visit: Visit, finished: str) -> None:
    visitor = visit(finished).finished()
    page = visitor.page
    page.get_by_role("radio", name="Lasso").check(force=True)
    until(lambda: visitor.parameters.get("tool") == "Lasso", "the tool stands in the address")
    until(lambda: visitor.lens.evaluate("gd => gd._fullLayout?.dragmode") == "lasso", "the chart has the lasso")
    visitor.show(LENS)
    box = visitor.lens.locator(".nsewdrag").bounding_box()
    assert box
    left, right = visitor.point("Poisons")["x"] - 25, box["x"] + box["width"] - 2
    top, bottom = box["y"] + 2, box["y"] + box["height"] - 2
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    selection = page.locator(".st-key-chosen p").first
    expect(selection).to_contain_text("poison")
    count = int(selection.inner_text().split()[1])
    assert count > 4
    expect(page.locator(".st-key-chosen .ps-wall figure")).to_have_count(4)
    expect(page.locator(".st-key-wall .ps-wall figure")).to_have_count(min(count - 4, 48))
    visitor.shot("run-lasso-light")
    visitor.button("Clear").click()
    expect(page.get_by_text("nothing selected")).to_be_visible()
    expect(page.locator(".st-key-chosen .ps-wall figure")).to_have_count(0)
    expect(page.get_by_text("Most suspicious rows")).to_be_visible()


def test_with_the_truth_hidden_nothing_on_the_page_marks_a_poison(
    visit: Visit, finished: str, timings: dict[str, float]
) -> None:
    visitor = visit(finished).finished()
    expect(visitor.page.locator(".ps-wall figure.poison").first).to_be_visible()
    switched = time.perf_counter()
    visitor.switch("Reveal truth")
    until(lambda: visitor.traces() and "Poisons" not in visitor.traces(), "the chart hides the poisons")
    timings["Reveal switch"] = time.perf_counter() - switched
    expect(visitor.cut_words).to_contain_text("hidden")
    expect(visitor.page.locator(".ps-wall figure.poison")).to_have_count(0)
    expect(visitor.page.get_by_text("to see the poisons beside their originals")).to_be_visible()
    assert set(until(visitor.traces, "the projection")) == {"Removed", "Rows"}
    assert "poison, was" not in visitor.page.locator('[data-testid="stMain"]').inner_text()
    until(lambda: visitor.parameters.get("truth") == "false", "the link hides the truth, too")
    visitor.show(LENS)
    visitor.shot("run-truth-hidden-light")
    visitor.switch("Reveal truth")
    until(lambda: visitor.traces().get("Poisons") == 60, "the poisons are marked again")
