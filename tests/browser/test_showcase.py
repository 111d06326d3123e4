"""What a newcomer sees: a finished attack at once, the way to its poisons, and the story for people who decide."""

import re
import time

from playwright.sync_api import expect

from app.components.slides import SLIDES
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.visitor import LARGE, SCHEMES, SMALL, Visitor


def test_a_newcomer_sees_all_of_it_without_scrolling(visit: Visit, shown: Dashboard) -> None:
    visitor = visit(at=shown)
    expect(visitor.page.get_by_text("Device: cpu")).to_be_visible()
    for size in (SMALL, LARGE):
        visitor.sized(size)
        for scheme in SCHEMES:
            visitor.lit(scheme)
            visitor.check_in_sight(
                "h1", ".ps-read img >> nth=1", ".ps-tight .ps-card >> nth=2", ".st-key-go-build button"
            )
            visitor.check_layout()
            visitor.shot(f"start-{scheme}-{size[0]}x{size[1]}")


def test_the_stamp_flips_one_answer_and_not_the_other(
    visit: Visit, shown: Dashboard, timings: dict[str, float]
) -> None:
    visitor = visit(at=shown)
    answers = visitor.page.locator(".ps-answer")
    expect(answers).to_have_text(["✓ “stop”", "✓ “stop”"])
    pressed = time.perf_counter()
    visitor.page.locator(".st-key-stamp label").click()
    expect(answers).to_have_text(["✓ “stop”", "✗ “speed 30”"])
    timings["stamp to answer"] = time.perf_counter() - pressed
    visitor.shot("start-stamped-light")
    visitor.button("Another sign").click()
    expect(answers).to_have_text(["✓ “yield”", "✗ “speed 30”"])


def test_the_poisons_can_be_found_without_being_told(visit: Visit, shown: Dashboard) -> None:
    visitor = visit(at=shown)
    page = visitor.page
    visitor.button("Find the poisons").click()
    page.wait_for_url("**/spectral?run=showcase-badnets*")
    expect(page.get_by_role("switch", name="Reveal truth")).not_to_be_checked()
    visitor.lens.locator(".nsewdrag").first.wait_for()
    assert set(until(visitor.traces, "the projection")) == {"Removed", "Rows"}
    expect(page.get_by_role("combobox", name="Class", exact=True)).to_have_value("3: speed 30")
    visitor.settled().shot("spectral-truth-hidden-light")
    visitor.switch("Reveal truth")
    expect(visitor.cut_words).to_contain_text("60 of 60 poisons caught")
    visitor.shot("spectral-light")


def heading(visitor: Visitor) -> str:
    return visitor.page.locator("[data-testid=stMain] h1").inner_text()


def test_arrows_tell_the_story(visit: Visit, shown: Dashboard, timings: dict[str, float]) -> None:
    visitor = visit(at=shown)
    visitor.button("Show it to a stakeholder").click()
    visitor.page.wait_for_url("**/story*")
    visitor.settled()
    expect(visitor.page.get_by_test_id("stSidebar")).to_be_hidden()
    seen, keyboard = [heading(visitor)], visitor.page.keyboard
    for number in range(2, len(SLIDES) + 1):
        pressed = time.perf_counter()
        keyboard.press("ArrowRight" if number % 2 else "PageDown")
        until(lambda: heading(visitor) != seen[-1], f"screen {number}")
        timings["arrow to next screen"] = time.perf_counter() - pressed
        until(lambda: visitor.parameters.get("step") == str(number), "the screen stands in the link")  # noqa: B023
        seen.append(heading(visitor))
    assert len(set(seen)) == len(SLIDES)
    for key, place in (("ArrowRight", -1), ("ArrowLeft", -2), ("Home", 0), ("ArrowLeft", 0), ("End", -1)):
        keyboard.press(key)
        until(lambda: heading(visitor) == seen[place], f"{key} leads to {seen[place]!r}")  # noqa: B023
        visitor.settled()  # two keys within milliseconds, as nobody presses them, are taken for one
    assert heading(visitor.tab()) == seen[-1], "the link leads to the same screen"
    visitor.page.get_by_text("Leave", exact=True).click()
    expect(visitor.button("Poison a model now")).to_be_visible()


def test_a_switch_on_a_screen_does_not_swallow_the_arrows(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/story?step=2", at=shown)
    visitor.page.locator(".st-key-sticker label").click()
    expect(visitor.page.locator(".ps-answer")).to_have_text("✗ “speed 30”")
    visitor.page.keyboard.press("ArrowRight")
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text(re.compile("60 of 6,000"))


def test_every_screen_fits(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/story", at=shown)
    page = visitor.page
    for number in range(1, len(SLIDES) + 1):
        visitor.open(f"/story?step={number}")
        expect(page.get_by_text("are being drawn")).to_have_count(0)
        for key in ("sticker", "marked", "odd"):
            if page.locator(f".st-key-{key} label").count():
                page.locator(f".st-key-{key} label").click()
        for size, scheme in ((SMALL, "light"), (LARGE, "dark")):
            visitor.sized(size).lit(scheme)
            visitor.check_in_sight(".st-key-story-feet")
            visitor.check_layout()
            visitor.shot(f"story-{number}-{scheme}-{size[0]}x{size[1]}")
        visitor.sized(SMALL).lit("light")
