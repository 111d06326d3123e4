"""The dashboard as a process, a real Chromium, and one finished run that all tests of finished runs share."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.dashboard import Dashboard
from tests.browser.visitor import ARTIFACTS, SMALL, Visitor, Watch
from tests.chromium import ARGUMENTS

PATIENCE = 30_000
"""Milliseconds that anything may take to appear; it only ends a test that has failed."""
FAILED = pytest.StashKey[bool]()

Visit = Callable[..., Visitor]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The story first: it wants an empty store, and what it trained is what the others look at."""
    items.sort(key=lambda item: item.path.parent == Path(__file__).parent and item.path.name != "test_story.py")
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in ours:
        item.add_marker(pytest.mark.browser)


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
    expect.set_options(timeout=PATIENCE)
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


@pytest.fixture
def visit(browser: Browser, dashboard: Dashboard, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens a page in a fresh browser context; at the end no console may hold an error, and no other host was asked."""
    visitors: list[Visitor] = []
    watched: list[Watch] = []

    def open_page(
        path: str = "/", *, size: tuple[int, int] = SMALL, scheme: Any = "light", at: Dashboard = dashboard
    ) -> Visitor:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        watched.append(Watch(context))
        visitors.append(Visitor(context.new_page(), at.address))
        return visitors[-1].open(path)

    yield open_page
    if request.node.stash.get(FAILED, False):
        for number, visitor in enumerate(visitors):
            visitor.shot(f"failed-{request.node.name}-{number}")
    for visitor in visitors:
        visitor.page.context.close()
    for watch in watched:
        watch.check()


@pytest.fixture(scope="module")
def tabs(browser: Browser, shown: Dashboard) -> Iterator[dict[str, tuple[Visitor, Watch]]]:
    """A tab for each theme that a module's tests read page after page in, as people do."""
    opened: dict[str, tuple[Visitor, Watch]] = {}
    yield opened
    for visitor, _ in opened.values():
        visitor.page.context.close()


@pytest.fixture
def turn_to(
    browser: Browser, shown: Dashboard, tabs: dict[str, tuple[Visitor, Watch]], request: pytest.FixtureRequest
) -> Iterator[Visit]:
    """Goes to a page of the shipped runs in a tab that was at others before, and has compiled the code of charts.

    Nothing but the code is left of those: a page begins anew, at the usual size. At the end the same holds as after
    `visit`.
    """
    seen: dict[str, tuple[Visitor, Watch]] = {}

    def go(path: str, *, scheme: Any = "light") -> Visitor:
        if scheme not in tabs:
            context = browser.new_context(color_scheme=scheme)
            context.set_default_timeout(PATIENCE)
            watch = Watch(context)
            tabs[scheme] = (Visitor(context.new_page(), shown.address), watch)
        seen[scheme] = tabs[scheme]
        visitor = tabs[scheme][0]
        visitor.page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
        return visitor.open(path)

    yield go
    for scheme, (visitor, watch) in seen.items():
        if request.node.stash.get(FAILED, False):
            visitor.shot(f"failed-{request.node.name}-{scheme}")
        watch.check()
        watch.forget()


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
