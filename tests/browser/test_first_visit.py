"""The very first request to a fresh server is a deep link, as after a restart with a page still open somewhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until


@pytest.fixture
def restarted(dashboard: Dashboard) -> Iterator[Dashboard]:
    """Another server over the same home folder, which nobody has visited yet."""
    started = Dashboard(dashboard.home)
    try:
        yield started.wait()
    finally:
        started.stop(everything=False)


def test_the_first_visitor_of_a_fresh_server_comes_by_a_deep_link(
    restarted: Dashboard, visit: Visit, finished: str
) -> None:
    spectral = finished.replace("/result", "/spectral")
    visitor = visit(f"{spectral}&cls=0: stop&truth=false", at=restarted).under_the_lens()
    page = visitor.page
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link")).to_contain_text(["Start", "Lab", "Run"])
    expect(page.get_by_role("switch", name="Reveal truth")).not_to_be_checked()
    expect(page.get_by_role("combobox", name="Class", exact=True)).to_have_value("0: stop")
    assert set(until(visitor.traces, "the projection")) == {"Removed", "Rows"}
    width = page.locator(".stMainBlockContainer").bounding_box()
    assert width and width["width"] > 900, "the wide layout"
