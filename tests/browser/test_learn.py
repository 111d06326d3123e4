"""Lessons in a browser: keys, links, the guess before the reveal, and how a step of each lesson looks."""

import re

from playwright.sync_api import expect

from core import lessons
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.visitor import SCHEMES, Visitor

EVERY = lessons.load_all()
LOOKED_AT = ((1, 3), (2, 2), (3, 1), (4, 2), (5, 4), (6, 2), (7, 2), (8, 5))
"""A step of each lesson."""


def title(visitor: Visitor) -> str:
    return visitor.page.locator("[data-testid=stMain] h2").first.inner_text()


def guess(visitor: Visitor) -> None:
    """As a student would: take the first choice, or move the slider by one."""
    choices = visitor.page.locator(".st-key-lesson-words [data-testid=stRadio] label:has(input)")
    if choices.count():
        choices.nth(0).click()
    else:
        visitor.page.locator(".st-key-lesson-words input[type=range]").first.press("ArrowRight")
    expect(visitor.button("Reveal")).to_be_enabled()


def test_keys_walk_through_a_lesson_and_leave_sliders_alone(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/learn?lesson=2", at=shown)
    keyboard = visitor.page.keyboard
    visitor.page.locator("body[data-arrows=heard]").wait_for(state="attached")  # a key before that goes nowhere
    for key, step, heading in (
        ("ArrowRight", "2", "Where it tips"),
        ("End", "6", "How often is it met?"),
        ("Home", None, "Counting squares"),
    ):
        keyboard.press(key)
        until(lambda: title(visitor) == heading, f"{key} leads to {heading}")  # noqa: B023
        until(lambda: visitor.parameters.get("step") == step, "the step stands in the link")  # noqa: B023
    guess(visitor)
    visitor.page.keyboard.press("ArrowRight")  # on the slider of the guess
    visitor.settled()
    assert title(visitor) == "Counting squares"


def test_a_guess_then_the_truth(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/learn?lesson=3&step=1", at=shown)
    chart = visitor.page.locator(".st-key-lesson-picture .js-plotly-plot")
    chart.locator(".nsewdrag").wait_for()
    names = "gd => gd.data.map(trace => trace.name)"
    assert [name.split(" (")[0] for name in chart.evaluate(names)] == ["Rows"]
    expect(visitor.button("Reveal")).to_be_disabled()
    guess(visitor)
    visitor.button("Reveal").click()
    expect(visitor.page.locator(".ps-verdict")).to_contain_text("The answer: Two.")
    visitor.settled()
    until(lambda: "Poisons (60)" in chart.evaluate(names), "the poisons are drawn")
    visitor.button("Next").click()
    until(lambda: title(visitor) == "Two means", "the next step")
    assert title(visitor.tab()) == "Two means", "the link leads to the same step"


def test_every_step_and_every_page_begins_at_its_top(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/learn?lesson=1&step=3", at=shown, size=(1280, 500))
    visitor.scrolled_down()
    visitor.button("Next").click()
    until(lambda: visitor.parameters.get("step") == "4" and not visitor.scrolled(), "the top of the next step")
    visitor.scrolled_down()
    visitor.page.get_by_text(re.compile("The run behind it")).click()
    visitor.page.wait_for_url("**/result*")
    until(lambda: not visitor.scrolled(), "the top of the next page")
    visitor.settled().scrolled_down()
    visitor.switch("Presentation size")
    visitor.settled()
    assert visitor.scrolled(), "the same page stays where it is"


def test_a_class_link_keeps_its_promise_on_other_pages(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/learn?lesson=3&step=1&hide=nav,truth,teacher", at=shown)
    page = visitor.page
    expect(page.get_by_text("Presentation size")).to_be_visible()
    for words in ("Reveal truth", "Teacher’s panel"):
        expect(page.get_by_text(words)).to_have_count(0)
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    page.get_by_text(re.compile("The run behind it")).click()
    page.wait_for_url("**/result*")
    visitor.settled()
    expect(page.get_by_text("This class link keeps it hidden.").first).to_be_visible()
    expect(page.get_by_text("Reveal truth")).to_have_count(0)
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)


def check(visitor: Visitor, name: str) -> None:
    """It fits, in light and in dark."""
    for scheme in SCHEMES:
        visitor.lit(scheme).check_layout()
        visitor.shot(f"{name}-{scheme}")


def test_a_step_of_each_lesson_fits(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/learn", at=shown)
    check(visitor, "learn")
    for lesson, step in LOOKED_AT:
        visitor.open(f"/learn?lesson={lesson}&step={step}")
        expect(visitor.page.get_by_text("Nothing to show here yet")).to_have_count(0)
        guess(visitor)
        visitor.button("Reveal").click()
        expect(visitor.page.locator(".ps-verdict").first).to_be_visible()
        check(visitor.settled(), f"learn-{lesson}-{step}")
