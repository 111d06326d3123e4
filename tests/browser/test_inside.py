"""The view inside the step in a real browser: whole in both themes, and a click takes a poison."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from core.runs.store import Store
from tests.app import inside
from tests.app.conftest import Made, experiment, write_run
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.visitor import SCHEMES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dashboard, str]]:
    """A dashboard of its own, and the address of a run with a record."""
    home = tmp_path_factory.mktemp("inside") / "home"
    home.mkdir()
    made = Made(inside.steps(), lambda step: inside.content(step, "gradient_matching", True), [], inside.result())
    found = write_run(Store(home), experiment(name="A step", **inside.settings()), made, "done", True, {})
    started = Dashboard(home)
    try:
        yield started.wait(), f"/inside?run={found}"
    finally:
        started.stop()


def test_the_page_is_whole_in_both_themes(visit: Visit, run: tuple[Dashboard, str]) -> None:
    visitor = visit(run[1], at=run[0])
    expect(visitor.page.locator(".katex").first).to_be_visible()
    expect(visitor.page.locator(".js-plotly-plot .bartext").first).to_be_attached()
    for scheme in SCHEMES:
        visitor.lit(scheme).check_layout()
        visitor.shot(f"inside-{scheme}")


def test_a_click_or_enter_shows_a_poison_large_and_stands_in_the_link(visit: Visit, run: tuple[Dashboard, str]) -> None:
    visitor = visit(run[1], at=run[0])
    detail = visitor.page.locator(".st-key-row-detail")
    expect(detail).to_contain_text("Row 4:")
    visitor.page.locator('.st-key-inside-poisons figure[data-row="33"]').click()
    expect(detail).to_contain_text("Row 33:")
    until(lambda: visitor.parameters.get("row") == "33", "the row stands in the link")
    visitor.page.locator('.st-key-inside-poisons figure[data-row="20"]').press("Enter")
    expect(detail).to_contain_text("Row 20:")
