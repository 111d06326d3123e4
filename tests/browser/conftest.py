"""The dashboard as a process, a real Chromium, and one finished run that all tests of finished runs share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.dashboard import PATIENCE, Dashboard
from tests.browser.tabs import Tab, Tabs
from tests.browser.visitor import ARTIFACTS, SMALL, Visitor
from tests.chromium import ARGUMENTS

FAILED = pytest.StashKey[bool]()

Visit = Callable[..., Visitor]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The story first: it wants an empty store, and what it trained is what the others look at."""
    items.sort(key=lambda item: item.path.parent == Path(__file__).parent and item.path.name != "test_story.py")
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in ours:
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.timeout(8 * PATIENCE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a failure, so that `visit` can keep a picture of it."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


# Package scope and not session: Playwright's loop must not run on below the tests of other folders.


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium without a profile."""
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="package")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard over a home folder that was empty when it started."""
    started = Dashboard(tmp_path_factory.mktemp("browser") / "home")
    try:
        yield started.wait()
    finally:
        started.stop()


@pytest.fixture(scope="package")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard as everybody gets it: a new home folder, and the runs that are shipped."""
    started = Dashboard(tmp_path_factory.mktemp("shown") / "home", showcase=True)
    try:
        yield started.wait()
    finally:
        started.stop()


@pytest.fixture(scope="package")
def tabs(browser: Browser) -> Iterator[Tabs]:
    """The tabs that all tests take in turn."""
    opened = Tabs(browser)
    yield opened
    opened.close()


@pytest.fixture
def visit(tabs: Tabs, dashboard: Dashboard, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens a page in a tab of its own; at the end no console may hold an error, and no other host was asked."""
    taken: list[tuple[Visitor, Tab]] = []

    def open_page(
        path: str = "/", *, size: tuple[int, int] = SMALL, scheme: Any = "light", at: Dashboard = dashboard
    ) -> Visitor:
        tab = tabs.take(size, scheme)
        taken.append((Visitor(tab.page, at.address), tab))
        return taken[-1][0].open(path)

    yield open_page
    failed = request.node.stash.get(FAILED, False)
    for number, (visitor, tab) in enumerate(taken):
        if failed:
            visitor.shot(f"failed-{request.node.name}-{number}")
        tabs.give_back(tab, tidy=not failed)
    for _, tab in taken:
        tab.watch.check()


@pytest.fixture(scope="package")
def story() -> dict[str, str]:
    """Where the story left its finished run."""
    return {}


@pytest.fixture
def finished(story: dict[str, str], visit: Visit) -> str:
    """Address of a finished run of the default preset: the story's, or one of our own where that was left out."""
    if "run" not in story:
        visitor = visit()
        visitor.button("Poison a model now").click()
        story["run"] = visitor.finished().run_id
    return f"/result?run={story['run']}"


@pytest.fixture(scope="package")
def timings() -> Iterator[dict[str, float]]:
    """Seconds that the tests measured; written down to be read, never judged."""
    measured: dict[str, float] = {}
    yield measured
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "timings.json").write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured, indent=2))
