"""Bring your own: a zip is chosen, the page says what is in it or why it is refused, and a press leads to its run."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from core.datasets.base import ImageSet
from tests.brought import zipped
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard
from tests.browser.visitor import Visitor

Draw = Callable[..., ImageSet]


def test_a_zip_is_counted_and_a_press_leads_to_its_run(
    visit: Visit, dashboard: Dashboard, make_images: Draw, tmp_path: Path
) -> None:
    before = set(_kept(dashboard))
    visitor = visit("/bring")
    expect(_found(visitor)).to_contain_text("Nothing brought yet")
    expect(visitor.button("Look for poison")).to_have_count(0)
    _choose(visitor, _written(tmp_path, zipped(make_images(per_class=100), [2, 7, 9], top="mine/")))
    expect(_found(visitor)).to_contain_text("360 pictures in 4 classes to look at")
    expect(_found(visitor).get_by_role("row")).to_have_text([f"class {label}90" for label in range(4)])
    expect(_found(visitor)).to_contain_text("3 of all rows are listed as poisons.")
    expect(_found(visitor)).to_contain_text("networks are trained and compared.")
    expect(_found(visitor)).not_to_contain_text("Nothing brought yet")
    assert len(set(_kept(dashboard)) - before) == 1
    visitor.settled().shot("bring-found-light")
    visitor.page.get_by_role("textbox", name="Run name").fill("From a stranger")
    visitor.button("Look for poison").click()
    visitor.page.wait_for_url("**/check?run=*")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Is From a stranger poisoned?")
    expect(visitor.chip).to_be_visible()
    visitor.button("Stop").click()
    expect(visitor.page.get_by_text("No answer yet")).to_be_visible()
    expect(visitor.chip).to_contain_text("Stopped")
    expect(visitor.button("Resume")).to_be_enabled()


PICTURE = "![x](https://example.com/pixel.png)"
"""Markdown that makes a browser ask another machine, where a message takes it for Markdown."""
SHOWN = PICTURE.replace("://", ":\u2060//")
"""With a sign of no width, so that no link is made of it."""


def _leading_outside(good: bytes, called: str = "outside/0.png") -> bytes:
    """The zip with one more picture, which lies two folders above it."""
    buffer = io.BytesIO(good)
    with zipfile.ZipFile(buffer, "a") as archive, archive.open("class 0/0.png") as picture:
        archive.writestr(f"../../{called}", picture.read())
    return buffer.getvalue()


NO_ZIP = "The file is no zip that can be read (File is not a zip file); pack the folder again."


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda good: b"no zip", NO_ZIP),
        (lambda good: good[: len(good) // 2], NO_ZIP),
        (
            _leading_outside,
            "The zip holds '../../outside/0.png', which leads outside of its folder; only relative paths are allowed.",
        ),
        (
            lambda good: _leading_outside(good, PICTURE),
            f"The zip holds '../../{SHOWN}', which leads outside of its folder; only relative paths are allowed.",
        ),
    ],
    ids=["text", "half", "outside", "markdown"],
)
def test_what_is_refused_says_why_in_one_sentence_and_nothing_is_kept(
    visit: Visit,
    dashboard: Dashboard,
    make_images: Draw,
    tmp_path: Path,
    spoilt: Callable[[bytes], bytes],
    said: str,
) -> None:
    good = zipped(make_images(per_class=10))
    before = _kept(dashboard)
    visitor = visit("/bring")
    _choose(visitor, _written(tmp_path, spoilt(good), "broken.zip"))
    alert = visitor.page.get_by_role("alert")
    expect(alert).to_have_count(1)
    expect(alert.locator("p")).to_have_text([said])
    visitor.settled()
    expect(_found(visitor)).to_contain_text("Nothing brought yet")
    expect(visitor.button("Look for poison")).to_have_count(0)
    assert _kept(dashboard) == before
    assert not list(dashboard.home.parent.rglob("outside")), "nothing is written outside either"
    _choose(visitor, _written(tmp_path, good))
    expect(_found(visitor)).to_contain_text("36 pictures in 4 classes to look at")
    expect(alert).to_have_count(0)


def test_a_class_named_like_markup_is_only_text(visit: Visit, make_images: Draw, tmp_path: Path) -> None:
    named = "<img src=missing.png onerror=throw(1)>"
    drawn = make_images(classes=2, per_class=10)
    visitor = visit("/bring")
    _choose(visitor, _written(tmp_path, zipped(replace(drawn, class_names=(named, "plain")))))
    expect(_found(visitor).get_by_role("row")).to_have_text([f"{named}9", "plain9"])
    expect(visitor.settled().page.locator("img[src*=missing]")).to_have_count(0)


def _written(folder: Path, content: bytes, called: str = "mine.zip") -> Path:
    path = folder / called
    path.write_bytes(content)
    return path


def _choose(visitor: Visitor, path: Path) -> None:
    """As the dialog of the button does: the page is told which file was chosen, and sends it."""
    visitor.page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(path)


def _found(visitor: Visitor) -> Locator:
    """What the page says of what was brought."""
    return visitor.page.locator(".st-key-brought")


def _kept(dashboard: Dashboard) -> list[str]:
    """What lies in the folder of what was brought, with what is only there while it is checked."""
    folder = dashboard.home / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
