"""Without a mouse: from Start through one whole lesson, and from the Lab through a run to rows chosen on its map."""

from playwright.sync_api import Locator, expect

from core import lessons
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.test_learn import title
from tests.browser.visitor import FINISH, Visitor

FAR = 120
"""Presses of Tab that anything on a page may be away from where one is."""
QUICK = "preset=badnets-digits&training.epochs=2"
LOOKS = """async on => { const near = [on, ...on.parentElement.querySelectorAll('*')];
  for (let e = on.parentElement, i = 0; e && i < 6; e = e.parentElement, i++) near.push(e);
  const settled = () => new Promise(done => setTimeout(done, 300));
  const look = () => near.map(e => { const s = getComputedStyle(e);
    return [s.outline, s.boxShadow, s.borderColor, s.backgroundColor].join(); }).join('|');
  await settled(); const focused = look();
  on.blur(); await settled(); const without = look();
  on.focus(); return focused !== without; }"""
WHERE = """() => { const on = document.activeElement, r = on.getBoundingClientRect();
  window.places ??= new WeakMap(); window.count ??= 0; if (!places.has(on)) places.set(on, ++count);
  return [places.get(on), on === document.body, on.outerHTML.slice(0, 120), r.bottom >= 0 && r.top <= innerHeight]; }"""


def tab_to(visitor: Visitor, wanted: Locator) -> None:
    """Press Tab until something has the focus; nothing on the way may hold it, and what has it is to be seen."""
    keyboard, before = visitor.page.keyboard, None
    for _ in range(FAR):
        keyboard.press("Tab")
        place, nowhere, what, in_sight = visitor.page.evaluate(WHERE)
        assert nowhere or place != before, f"Tab does not leave {what}"
        assert nowhere or in_sight, f"the focus is out of sight on {what}"
        before = place
        if wanted.count() and wanted.first.evaluate("e => e === document.activeElement"):
            until(lambda: wanted.first.evaluate(LOOKS), f"the focus is to be seen on {what}", 30)
            return
    raise AssertionError(f"{FAR} presses of Tab do not lead to {wanted}")


def press(visitor: Visitor, wanted: Locator, key: str = "Enter") -> None:
    """Go there, and press a key."""
    tab_to(visitor, wanted)
    visitor.page.keyboard.press(key)


def test_from_start_through_a_whole_lesson(visit: Visit, shown: Dashboard) -> None:
    visitor = visit(at=shown)
    page, lesson = visitor.page, lessons.load_all()[0]
    press(visitor, page.locator(".st-key-learn button"))
    page.wait_for_url("**/learn*")
    press(visitor.settled(), page.locator(f".st-key-open-{lesson.name} button"))
    for number, step in enumerate(lesson.steps, start=1):
        until(lambda: title(visitor) == step.title, f"step {number}: {step.title}")  # noqa: B023
        expect(page.get_by_text("Nothing to show here yet")).to_have_count(0)
        guess = "[data-testid=stRadio] input" if step.guess.choices else "input[type=range]"
        press(
            visitor.settled(),
            page.locator(f".st-key-lesson-words {guess}"),
            "Space" if step.guess.choices else "ArrowRight",
        )
        expect(visitor.button("Reveal")).to_be_enabled()
        press(visitor.settled(), page.locator(".st-key-reveal button"))
        expect(page.locator(".ps-verdict").first).to_contain_text("answer")
        visitor.settled().shot(f"keyboard-lesson-{number}")
        press(visitor, page.locator(".st-key-next button"))
    until(lambda: visitor.parameters.get("lesson") == "2", "the next lesson")


def test_a_run_from_the_lab_to_chosen_rows(visit: Visit) -> None:
    visitor = visit(f"/lab?{QUICK}")
    page = visitor.page
    press(visitor, visitor.button("Run attack and defense"))
    page.wait_for_url("**/result?run=*")
    expect(visitor.chip).to_contain_text("Finished", timeout=FINISH)
    visitor.settled().lens.locator(".nsewdrag").first.wait_for()
    visitor.shot("keyboard-run")
    press(visitor, page.get_by_role("link", name="Choose rows, see other classes"))
    page.wait_for_url("**/spectral?*")
    visitor.under_the_lens()

    before = visitor.parameters["cls"]
    box = page.get_by_role("combobox", name="Class", exact=True)
    press(visitor, box, "ArrowDown")
    until(lambda: page.get_by_role("option").count(), "the list of classes opens")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until(lambda: visitor.parameters["cls"] != before, "another class")
    visitor.under_the_lens()

    button = page.locator(".st-key-select-removed button")
    until(button.is_enabled, "the cut removes some rows")
    press(visitor, button)
    expect(visitor.selected).to_contain_text("selected; ")
    assert int(visitor.selected.inner_text().split()[0]) > 0
    visitor.settled().shot("keyboard-rows")
    press(visitor, page.locator(".st-key-undo-selection button"))
    expect(visitor.selected).to_contain_text("Nothing selected")
