"""Play with a shipped run: the trigger dragged and moved by keys, drawn by hand, and sent to the Lab."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.visitor import Visitor


def ground(visitor: Visitor) -> Locator:
    return visitor.page.locator(".ground")


def told(visitor: Visitor) -> Locator:
    return visitor.page.locator(".ps-play-said")


def pixel(visitor: Visitor, row: float, column: float) -> tuple[float, float]:
    """Where a pixel of the picture, of 32 x 32, is on the screen."""
    box = ground(visitor).locator("canvas").bounding_box()
    assert box is not None
    return box["x"] + (column + 0.5) * box["width"] / 32, box["y"] + (row + 0.5) * box["height"] / 32


def opened(visit: Visit, shown: Dashboard) -> Visitor:
    visitor = visit("/play?run=showcase-badnets", at=shown)
    expect(told(visitor)).to_contain_text("as the attacker wants: No defense")
    return visitor.settled()


def test_the_trigger_is_dragged_and_moved_by_keys(visit: Visit, shown: Dashboard) -> None:
    visitor = opened(visit, shown)
    page = visitor.page
    expect(page.get_by_text("Row 26, column 26.")).to_be_visible()
    visitor.shot("play-trigger-light")
    page.mouse.move(*pixel(visitor, 27, 27))
    page.mouse.down()
    for step in range(1, 26):
        page.mouse.move(*pixel(visitor, 27 - step, 27 - step))
    page.mouse.up()
    expect(page.get_by_text("Row 1, column 1.")).to_be_visible()
    until(lambda: visitor.parameters.get("at") == "0-0", "the link holds where the trigger was left")
    ground(visitor).press("ArrowDown")
    ground(visitor).press("Shift+ArrowRight")
    expect(page.get_by_text("Row 2, column 5.")).to_be_visible()
    until(lambda: visitor.parameters.get("at") == "1-4", "the link follows the keys")
    page.get_by_text("Trigger on the picture").click()
    expect(told(visitor)).to_have_text("Without a trigger all models read it rightly.")
    page.get_by_text("Trigger on the picture").click()
    expect(told(visitor)).to_have_text("The trigger fools none of these models.")
    visitor.settled()
    page.mouse.move(*pixel(visitor, 3, 6))
    page.mouse.down()
    page.mouse.move(*pixel(visitor, 15, 15))
    page.mouse.move(*pixel(visitor, 27, 27))
    page.mouse.up()
    expect(page.get_by_text("Row 26, column 26.")).to_be_visible()
    expect(told(visitor)).to_contain_text("as the attacker wants: No defense")


def test_a_trigger_is_drawn_by_hand_and_goes_to_the_lab(visit: Visit, shown: Dashboard) -> None:
    visitor = opened(visit, shown)
    page = visitor.page
    page.get_by_role("radio", name="My drawing").or_(page.get_by_role("button", name="My drawing")).first.click()
    cells = page.locator(".cells")
    expect(cells.locator("i")).to_have_count(16)
    until(lambda: visitor.parameters.get("pattern", "").startswith("drawn:ffd400"), "the drawing stands in the link")
    visitor.button("Clear").click()
    expect(page.get_by_text("An empty drawing is no trigger")).to_be_visible()
    cells.focus()
    cells.press("2")  # the white pen
    cells.press("Space")
    cells.press("ArrowRight")
    cells.press("Enter")
    row = "ffffffffffff" + "-" * 12
    until(lambda: visitor.parameters.get("pattern") == f"drawn:{row}" + f".{'-' * 24}" * 3, "two white cells")
    visitor.button("Undo").click()
    row = "ffffff" + "-" * 18
    until(lambda: visitor.parameters.get("pattern") == f"drawn:{row}" + f".{'-' * 24}" * 3, "one white cell")
    visitor.settled().shot("play-drawing-light")
    visitor.button("Send to the Lab").click()
    page.wait_for_url("**/lab?*")
    until(lambda: visitor.parameters.get("attack.pattern", "").startswith(f"drawn:{row}"), "the Lab has the drawing")
