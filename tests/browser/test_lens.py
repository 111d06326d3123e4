"""The spectral page of a finished run: thumbnails, click, lasso, tools, the truth hidden, rows removed by hand."""

import time

import pytest
from playwright.sync_api import expect

from core.runs.store import Store
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until

PIXEL = """async ([tip, source]) => {
  const picture = new Image(); picture.src = source; await picture.decode();
  const seen = tip.querySelector('canvas').getContext('2d').getImageData(0, 0, 112, 112).data;
  const mine = new OffscreenCanvas(112, 112), brush = mine.getContext('2d');
  brush.imageSmoothingEnabled = false; brush.drawImage(picture, 0, 0, 112, 112);
  const wanted = brush.getImageData(0, 0, 112, 112).data;
  return seen.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]), 0) / seen.length; }"""
"""Mean difference, in levels, between a thumbnail and a picture beside the chart."""


@pytest.fixture
def spectral(finished: str) -> str:
    """Address of the spectral page of a finished run."""
    return finished.replace("/result", "/spectral")


def test_the_thumbnail_under_the_pointer_is_the_row_that_a_click_shows(visit: Visit, spectral: str) -> None:
    visitor = visit(spectral).under_the_lens()
    for name in ("Poisons", "Clean rows"):
        point = visitor.point(name)
        picture = visitor.pick(point).locator("img").get_attribute("src")
        until(lambda: visitor.hovered(point) == point["row"], "the thumbnail after a rerun")  # noqa: B023
        tip = visitor.page.locator(".ps-tip:visible").element_handle()
        assert visitor.page.evaluate(PIXEL, [tip, picture]) < 12, "the thumbnail is the picture, but for JPEG's losses"
    visitor.shot("spectral-thumbnail-light")
    visitor.page.mouse.move(5, 500)
    expect(visitor.page.locator(".ps-tip:visible")).to_have_count(0)


def test_a_selection_outlives_a_moved_cut_and_other_colours(visit: Visit, spectral: str) -> None:
    visitor = visit(spectral).under_the_lens()
    point = visitor.point("Poisons")
    chosen = visitor.pick(point)
    before = visitor.removes()
    visitor.cut.press("Shift+ArrowRight")
    until(lambda: visitor.traces().get("Removed") == visitor.removes() != before, "the rings follow the cut")
    visitor.settled()
    expect(chosen).to_have_count(1)
    visitor.choose("Colour by", "Score")
    until(lambda: any(name.startswith("The other") for name in visitor.traces()), "groups of scores")
    expect(visitor.selected).to_contain_text("1 of")
    marked = "gd => gd._fullData.flatMap(t => Array.from(t.selectedpoints ?? [], i => t.customdata[i]))"
    until(lambda: visitor.lens.evaluate(marked) == [point["row"]], "the new figure shows what was chosen before")
    assert visitor.parameters["sel"] == str(point["row"])


def test_a_lasso_shows_what_lies_inside_and_undo_and_clear_change_it(
    visit: Visit, spectral: str, timings: dict[str, float]
) -> None:
    visitor = visit(spectral).under_the_lens()
    page = visitor.page
    count = visitor.lasso_poisons()
    assert count > 4
    expect(page.locator(".st-key-chosen .ps-wall figure")).to_have_count(4)
    expect(page.locator(".st-key-chosen-rows .ps-wall figure")).to_have_count(min(count, 48))
    visitor.shot("spectral-lasso-light")
    visitor.button("Clear").click()
    expect(page.get_by_text("Nothing selected")).to_be_visible()
    expect(page.locator(".st-key-chosen .ps-wall figure")).to_have_count(0)
    visitor.button("Undo").click()
    expect(visitor.selected).to_contain_text(f"{count} of")
    expect(page.get_by_role("heading", name="Ranked suspects")).to_be_visible()
    expect(page.locator(".st-key-suspects figure")).to_have_count(24)


def test_rows_that_a_person_drew_around_are_removed_by_a_run(visit: Visit, spectral: str, dashboard: Dashboard) -> None:
    visitor = visit(spectral).under_the_lens()
    count = visitor.lasso_poisons()
    expect(visitor.page.locator(".st-key-defend")).to_contain_text(f"{count} of 6,000 rows would go")
    expect(visitor.page.locator(".st-key-defend")).to_contain_text("poisons caught")
    visitor.shot("spectral-defender-light")
    before = visitor.run_id
    visitor.button("Remove and retrain").click()
    visitor.page.wait_for_url("**/result?run=*")
    until(lambda: visitor.run_id != before, "the page of the new run")
    expect(visitor.chip).to_be_visible()
    with_store = Store(dashboard.home)
    try:
        run = with_store.run(visitor.run_id)
        assert run.name.endswith(f"{count} rows by hand")
        assert [defense["name"] for defense in run.spec["defenses"]] == ["spectral_signatures", "hand_picked"]
        planned = until(lambda: with_store.run(run.id).steps, "its steps are planned")
        missing = [step for step in planned if not with_store.artifacts.has(step["key"])]
        assert {step["arm"] for step in missing if step["kind"] == "train"} <= {"hand_picked", "hand_picked_random"}
        if with_store.run(run.id).live:
            with_store.cancel(run.id)
        until(lambda: with_store.run(run.id).finished, "it has ended")
    finally:
        with_store.close()


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
    expect(visitor.page.get_by_text("The poisons beside their originals are part of the truth.")).to_be_visible()
    assert set(until(visitor.traces, "the projection")) == {"Removed", "Rows"}
    assert "poison, was" not in visitor.page.locator('[data-testid="stMain"]').inner_text()
    until(lambda: visitor.parameters.get("truth") == "false", "the link hides the truth, too")
    visitor.switch("Reveal truth")
    until(lambda: visitor.traces().get("Poisons") == 60, "the poisons are marked again")
