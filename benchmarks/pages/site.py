"""The app as it is measured: a home folder with finished runs, a server, a browser."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.pages.tab import Tab
from core import showcase
from core.runs.store import Store
from tests.app.conftest import Made, arrays, experiment, result, steps, write_run
from tests.browser.dashboard import Dashboard, until

ROWS, OTHERS, SIZE = 10_000, 60, 32
"""Rows of the large class, of each of the two others, and pixels of an image: as many and as large as CIFAR-10 has."""
DRAWING = 120.0
"""Seconds that the images of shipped runs may take to be drawn, once, before anything is measured."""
RUN = "showcase-badnets"
RUNS = {"gradients": "showcase-clean-label", "inside": "showcase-robust"}
"""The finished run that a page is about; these two show what other attacks and defenses leave behind."""
UNLIKE = {"compare": "compare?base=showcase-badnets", "learn": "learn?lesson=3"}
"""Pages that are not about one run."""


@dataclass
class Site:
    """A dashboard with runs, and what it is looked at with.

    Attributes:
        dashboard: the server's process.
        store: its store.
        large: id of the run with a class of 10,000 rows.
        chromium: path of the browser.
    """

    dashboard: Dashboard
    store: Store
    large: str
    chromium: str

    def address(self, path: str) -> str:
        """Of a page, from its path."""
        return f"{self.dashboard.address}/{path.removeprefix('/')}"

    @property
    def paths(self) -> dict[str, str]:
        """Address of every page about a finished run, by the page's name; the app itself says which there are."""
        with Tab(self.dashboard.address) as tab:
            tab.open("")
            return {page or "start": path_of(page) for page in tab.pages}


def path_of(page: str) -> str:
    """What to open for a page: the page about a finished run that has something to show there."""
    return UNLIKE.get(page, f"{page}?run={RUNS.get(page, RUN)}") if page else ""


@contextmanager
def site(chromium: str) -> Iterator[Site]:
    """A dashboard over a new home folder, ready to be measured; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="poisonscope-bench-") as folder:
        store = Store(Path(folder))
        large = _large(store)
        dashboard = Dashboard(Path(folder), showcase=True)
        try:
            dashboard.wait()
            with Tab(dashboard.address) as tab:
                tab.open("")
            until(lambda: store.runs() and not showcase.undrawn(store), "shipped runs have their images", DRAWING)
            yield Site(dashboard, store, large, chromium)
        finally:
            dashboard.stop()
            store.close()


def _large(store: Store) -> str:
    """A made-up finished run whose class 1 has 10,000 rows, poisons among them."""
    labels = np.repeat([0, 1, 2], [OTHERS, ROWS - 6, OTHERS])
    content = arrays(labels, SIZE)
    made = Made(steps(), lambda step: content[step["kind"]], [], result())
    return write_run(store, experiment(name="Ten thousand rows"), made, "done", True, {})


def end(site: Site, run: str) -> None:
    """Stop a run and wait until it has ended."""
    if site.store.run(run).live:
        site.store.cancel(run)
    until(lambda: site.store.run(run).finished, "the run has ended", 60)
