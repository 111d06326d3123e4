"""The whole story in a real browser, from an empty store: press the button, watch, look closer, come back."""

import time

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import until
from tests.browser.visitor import LENS, Visitor

INSIDE = """gd => { const {xaxis, yaxis} = gd._fullLayout, within = (v, range) => v >= range[0] && v <= range[1];
  return gd.calcdata.every(t => t.every(p => within(p.x, xaxis.range) && within(p.y, yaxis.range))); }"""


def test_a_stranger_sees_an_attack_work_and_die(visit: Visit, story: dict[str, str], timings: dict[str, float]) -> None:
    visitor = visit()
    _press(visitor, timings)
    _watch(visitor, timings)
    visitor.finished()
    story["run"] = visitor.run_id
    _numbers(visitor)
    _drag(visitor, timings)
    _arrows(visitor)
    _find_again(visitor)
    _look_closer(visitor)
    _click_a_poison(visitor)
    _change_class(visitor, timings)
    _find_class_again(visitor)


def _press(visitor: Visitor, timings: dict[str, float]) -> None:
    page = visitor.page
    expect(page.get_by_text("No runs yet")).to_be_visible()
    visitor.shot("start-empty-light")
    pressed = time.perf_counter()
    visitor.button("Poison a model now").click()
    page.wait_for_url("**/result?run=*")
    expect(visitor.chip).to_be_visible()
    timings["click to Run page"] = time.perf_counter() - pressed
    until(lambda: visitor.curve_points() > 0, "the first curve")
    timings["click to first curve"] = time.perf_counter() - pressed


def _watch(visitor: Visitor, timings: dict[str, float]) -> None:
    """Stages go by, the curves grow, and the page says how far it is."""
    assert visitor.stages("now") and visitor.stages("wait"), "live stages"
    first = visitor.curve_points()
    done = len(visitor.stages("done"))
    until(lambda: visitor.curve_points() > first + 3, "the curves grow")
    visitor.shot("run-live-light")
    assert visitor.page.locator(".js-plotly-plot").first.evaluate(INSIDE), "every point lies within the axes"
    assert visitor.page.get_by_role("progressbar").get_attribute("aria-valuenow") not in (None, "0", "100")
    expect(visitor.chip).to_contain_text("Running")
    expect(visitor.button("Stop")).to_be_enabled()
    until(lambda: len(visitor.stages("done")) > done or visitor.verdict.count(), "a stage is done")


def _numbers(visitor: Visitor) -> None:
    expect(visitor.verdict).to_contain_text("Spectral signatures caught")
    cards = visitor.page.locator(".ps-card")
    expect(cards.filter(has_text="Attack success").first).to_contain_text("n = 1,800")
    expect(cards.filter(has_text="Clean accuracy").first).to_contain_text("n = 2,000")
    expect(cards.filter(has_text="Rows removed")).to_contain_text("of 60")
    drawn = until(visitor.traces, "the projection")
    assert set(drawn) == {"Removed", "Clean rows", "Poisons"} and drawn["Poisons"] == 60


def _drag(visitor: Visitor, timings: dict[str, float]) -> None:
    """The words follow the pointer at once; the rings follow when it lets go."""
    visitor.show(LENS)
    before, words = visitor.removes(), visitor.cut_words.inner_text()
    box, mouse = visitor.cut.bounding_box(), visitor.page.mouse
    assert box
    y = box["y"] + box["height"] / 2
    mouse.move(box["x"] + 0.2 * box["width"], y)
    mouse.down()
    mouse.move(box["x"] + 0.75 * box["width"], y, steps=8)
    held = visitor.removes()
    assert 0 < held < before, f"dragging to the right removes fewer than {before} rows: {held}"
    assert until(visitor.traces, "the projection")["Removed"] == before, "rings wait for the pointer to let go"
    released = time.perf_counter()
    mouse.up()
    until(lambda: visitor.traces().get("Removed") == held, f"{held} rings")
    timings["cut release to rings"] = time.perf_counter() - released
    assert visitor.cut_words.inner_text() != words
    assert visitor.removes() == held, "the line stays where it was let go"
    poison = visitor.point("Poisons")
    until(lambda: visitor.hovered(poison) == poison["row"], "the thumbnail of the poison under the pointer")
    visitor.shot("run-cut-dragged-light")


def _arrows(visitor: Visitor) -> None:
    before = visitor.removes()
    visitor.cut.focus()
    for _ in range(4):
        visitor.page.keyboard.press("Shift+ArrowLeft")
    after = visitor.removes()
    assert after > before, "an arrow to the left removes more rows"
    until(lambda: visitor.traces().get("Removed") == after, f"{after} rings")


def _look_closer(visitor: Visitor) -> None:
    visitor.page.get_by_role("link", name="Choose rows, see other classes, be the defender").click()
    visitor.page.wait_for_url("**/spectral?*")
    visitor.under_the_lens()
    assert not visitor.scrolled(), "the page begins at its top, in a browser that has not been there before"
    expect(visitor.page.get_by_role("combobox", name="Class", exact=True)).to_have_value("3: speed 30")


def _click_a_poison(visitor: Visitor) -> None:
    """A click on a point shows its image beside the map."""
    page = visitor.page
    poison = visitor.point("Poisons")
    chosen = visitor.pick(poison)
    expect(visitor.selected).to_contain_text("1 of")
    expect(visitor.selected).to_contain_text("1 poison")
    expect(chosen).to_contain_text(f"row {poison['row']} · poison, was")
    expect(chosen).to_be_in_viewport()
    assert chosen.locator("img").evaluate("picture => picture.naturalWidth") == 32
    page.mouse.move(5, 500)
    visitor.shot("spectral-poison-clicked-light")


def _change_class(visitor: Visitor, timings: dict[str, float]) -> None:
    """Another class has other rows and no poison; the address bar says which one it is."""
    page = visitor.page
    page.get_by_role("combobox", name="Class", exact=True).click()
    option = page.get_by_role("option", name="0: stop", exact=True)
    option.wait_for()
    chosen = time.perf_counter()
    option.click()
    until(lambda: visitor.traces().get("Poisons") == 0, "a class without poisons")
    timings["class change"] = time.perf_counter() - chosen
    until(lambda: visitor.parameters.get("cls") == "0: stop", "the class stands in the address")
    expect(visitor.cut_words).to_contain_text("no poison is among them")
    expect(page.locator(".box .out")).to_have_count(1)


def _find_again(visitor: Visitor) -> None:
    """A reload and a second tab show the same run."""
    said = visitor.verdict.inner_text()
    for found in (visitor.reload(), visitor.tab()):
        found.finished()
        assert found.verdict.inner_text() == said


def _find_class_again(visitor: Visitor) -> None:
    """A reload and a second tab show the same class."""
    for found in (visitor.reload(), visitor.tab()):
        found.under_the_lens()
        expect(found.page.get_by_role("combobox", name="Class", exact=True)).to_have_value("0: stop")
        assert until(found.traces, "the projection")["Poisons"] == 0  # noqa: B023
    found.choose("Class", "3: speed 30")
    until(lambda: found.traces().get("Poisons") == 60, "the class of the poisons")
    expect(found.page.locator(".ps-wall figure").first).to_contain_text("poison, was")
