"""The dashboard's budget, measured: seconds until a page is there, an answer is on screen, a class can watch.

The app runs as everybody gets it, in a process of its own over an empty home folder: with the runs that are shipped,
and one made-up run whose class has 10,000 rows. What the server takes is timed at a plain websocket client, which draws
nothing; what a visitor waits for is timed in headless Chromium, by the page's own clock.
"""

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks import memory
from core.errors import PoisonscopeError, SpecError

KINDS = {
    "script": "server_side",
    "visible": "browser_side",
    "cold": "browser_side",
    "click": "browser_side",
    "lasso": "browser_side",
    "start": "browser_side",
    "hosts": "browser_side",
    "tabs": "server_side",
    "memory": "server_side",
}
"""What is measured, and in which file; a function there has the same name."""
TOOLS = ("playwright", "pytest")


def measured(only: str | None) -> Iterator[dict[str, Any]]:
    """Start the app and measure it.

    Args:
        only: one of `KINDS`; None for all of them.

    Yields:
        One result per measure, like those of `harness.timed`, with its "budget", whether it is "kept", and the most
        memory that the server's process had until then.

    Raises:
        SpecError: there is nothing of that name.
        PoisonscopeError: Playwright or Chromium is not in this machine.
    """
    if only is not None and only not in KINDS:
        raise SpecError(f"Of pages there is no {only!r}; legal are {', '.join(KINDS)}.")
    chosen = [kind for kind in KINDS if only in (None, kind)]
    browser = chromium() if any(KINDS[kind] == "browser_side" for kind in chosen) else ""
    from benchmarks.pages.site import site

    with site(browser) as found:
        for kind in chosen:
            for each in getattr(importlib.import_module(f"{__name__}.{KINDS[kind]}"), kind)(found):
                yield replace(each, peak=memory.resident(found.dashboard.process.pid)).result()


def chromium() -> str:
    """Path of the browser that is driven.

    Raises:
        PoisonscopeError: it, or what drives it, is not in this machine.
    """
    if not all(importlib.util.find_spec(name) for name in TOOLS):
        raise PoisonscopeError(
            "Pages are measured with the tests' tools, such as Playwright: `make tools` installs them."
        )
    from tests.chromium import executable

    found = executable()
    if found is None:
        raise PoisonscopeError(
            "Pages are measured in Chromium, which is not in this machine: `make browser` installs it."
        )
    return found
