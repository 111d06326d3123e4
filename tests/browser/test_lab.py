"""The Lab: its address holds the whole form, what is wrong in an address is dropped and said, the preview follows."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import until
from tests.browser.visitor import Visitor


def test_a_copied_address_opens_the_same_form_in_another_browser(visit: Visit) -> None:
    visitor = visit("/lab")
    visitor.choose("Start from", "A stamp on scanned digits")
    until(lambda: visitor.parameters.get("preset") == "badnets-digits", "the preset stands in the address")
    visitor.settled()
    # A quick hand overtakes the page, and nothing that it set may be lost.
    rate, size = _value(visitor, "Poison rate (%)"), int(_value(visitor, "Size (pixels)"))
    for _ in range(3):
        _slide(visitor, "Poison rate (%)", "ArrowRight", 2)
        until(lambda: "attack.poison_fraction" in visitor.parameters, "the slider stands in the address")
        _slide(visitor, "Size (pixels)", "ArrowLeft", 1)
    until(lambda: visitor.parameters.get("attack.size") == str(size - 3), "the size stands in the address")
    assert _value(visitor, "Size (pixels)") == str(size - 3) and _value(visitor, "Poison rate (%)") != rate
    visitor.choose("Place", "top left")
    until(lambda: visitor.parameters.get("attack.place") == "top_left", "the place stands in the address")
    visitor.choose("Network", "Linear")
    until(lambda: visitor.parameters.get("model") == "linear", "the network stands in the address")
    visitor.settled()
    copied = visitor.page.url.removeprefix(visitor.address)
    other = visit(copied)
    assert _form(other) == _form(visitor)
    assert other.parameters == visitor.parameters
    assert other.page.get_by_text("was left out").count() == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("attack.size=999", "attack.size=999 is not a legal setting here and was left out."),
        ("model=brain", "There is no 'brain' among the models; the preset's was kept."),
        ("preset=nothing", "There is no preset 'nothing'; the default one was taken."),
    ],
    ids=["setting", "component", "preset"],
)
def test_a_wrong_value_in_the_address_is_dropped_and_said(visit: Visit, wrong: str, said: str) -> None:
    visitor = visit(f"/lab?attack.opacity=0.5&{wrong}")
    expect(visitor.page.get_by_text(said)).to_be_visible()
    name, _, value = wrong.partition("=")
    until(lambda: visitor.parameters.get(name) != value, "the wrong value is gone from the address")
    assert visitor.parameters["attack.opacity"] == "0.5", "what was right is kept"
    assert _form(visitor)["Start from"] == "A sticker on traffic signs"


def test_the_preview_follows_the_sliders(visit: Visit) -> None:
    visitor = visit("/lab")
    images = visitor.page.locator(".st-key-lab-side .ps-pairs img")
    clean, stamped = images.nth(0), images.nth(1)
    before = (clean.get_attribute("src"), stamped.get_attribute("src"))
    _slide(visitor, "Size (pixels)", "ArrowRight", 4)
    until(lambda: stamped.get_attribute("src") != before[1], "the stamp grows")
    assert clean.get_attribute("src") == before[0], "the clean image stays"
    visitor.settled()
    larger = stamped.get_attribute("src")
    visitor.choose("Place", "top left")
    until(lambda: stamped.get_attribute("src") != larger, "the stamp moves")
    visitor.settled().shot("lab-large-stamp-light")


def _slider(visitor: Visitor, label: str) -> Locator:
    return visitor.page.get_by_test_id("stSlider").filter(has_text=label).locator("input")


def _value(visitor: Visitor, label: str) -> str:
    return _slider(visitor, label).get_attribute("aria-valuetext") or ""


def _slide(visitor: Visitor, label: str, key: str, times: int) -> None:
    slider = _slider(visitor, label)
    slider.focus()
    for _ in range(times):
        slider.press(key)


def _form(visitor: Visitor) -> dict[str, Any]:
    """What every widget of the form holds, by its label."""
    main = visitor.page.locator('[data-testid="stMain"]')
    held: dict[str, Any] = {}
    for role in ("combobox", "textbox", "slider", "spinbutton"):
        for widget in main.get_by_role(role).all():
            label = widget.get_attribute("aria-label") or ""
            held[label] = widget.get_attribute("aria-valuetext") or widget.input_value()
    assert len(held) > 8 and "Start from" in held, f"the form was not found: {held}"
    return {label: re.sub(r"\s+", " ", str(value)) for label, value in held.items()}
