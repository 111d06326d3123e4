"""Tabs of the browser that tests take in turn, each watched: what its pages asked for, and what they complained about.

A new tab compiles the code of Streamlit and Plotly, which takes longer than most tests; one that has been elsewhere has
it. Nothing else is left in it.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebSocket

from tests.browser.dashboard import PATIENCE
from tests.browser.visitor import SMALL

KNOWN = re.compile(r"/_stcore/(health|host-config)$")
"""Streamlit looks for itself below the page's own address first, gets two 404s, and goes on with the right one."""
NOWHERE = "about:blank"


class Watch:
    """Everything that the pages of one browser context asked for and complained about."""

    def __init__(self, context: BrowserContext) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.requests = 0
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("page", lambda page: page.on("websocket", self._socket))

    def _request(self, request: Request) -> None:
        self._asked(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._asked(socket.url)

    def _asked(self, url: str) -> None:
        self.requests += 1
        address = urlsplit(url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self.foreign.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not KNOWN.search(message.location.get("url", "")):
            self.errors.append(f"{message.text} {message.location}")

    def check(self) -> None:
        """No complaint, and nobody else asked."""
        assert self.requests, "no request was seen, so nothing was watched"
        assert not self.foreign, f"the page asked other machines: {self.foreign}"
        assert not self.errors, f"the browser's console has errors: {self.errors}"

    def forget(self) -> None:
        """Begin anew, for another test."""
        self.errors, self.foreign, self.requests = [], [], 0


@dataclass(frozen=True)
class Tab:
    """A page in a browser context of its own: no other tab has its cookies or its storage."""

    page: Page
    watch: Watch


class Tabs:
    """As many tabs as one test has open at a time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[Tab] = []

    def take(self, size: tuple[int, int], scheme: Any) -> Tab:
        """A tab that is nowhere, of this size, in a system that is light or dark."""
        tab = self._free.pop() if self._free else self._opened()
        tab.watch.forget()
        tab.page.set_viewport_size({"width": size[0], "height": size[1]})
        tab.page.emulate_media(color_scheme=scheme)
        return tab

    def give_back(self, tab: Tab, *, tidy: bool) -> None:
        """For the next test; `tidy`: whether the last one left the tab as it should, else it is closed."""
        if not tidy:
            tab.page.context.close()
            return
        for other in tab.page.context.pages:
            if other is not tab.page:
                other.close()
        tab.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        tab.page.context.clear_cookies()
        tab.page.mouse.move(0, 0)
        tab.page.goto(NOWHERE)
        self._free.append(tab)

    def close(self) -> None:
        """All of them."""
        for tab in self._free:
            tab.page.context.close()

    def _opened(self) -> Tab:
        context = self._browser.new_context(viewport={"width": SMALL[0], "height": SMALL[1]})
        context.set_default_timeout(1000 * PATIENCE)
        watch = Watch(context)
        return Tab(context.new_page(), watch)
