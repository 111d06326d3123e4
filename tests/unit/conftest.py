"""A store of its own for a test, and what fills it with finished runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runs.store import Store
from tests.comparing import Add, adder


@pytest.fixture
def run_store(home: Path) -> Iterator[Store]:
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def add_run(run_store: Store) -> Add:
    """Adds a run with a made-up result, see `tests.comparing.adder`."""
    return adder(run_store)
