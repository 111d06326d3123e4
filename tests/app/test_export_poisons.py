"""The button that hands out a run's poisons."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.components import actions
from core import exchange
from core.runs.store import Store
from tests.app.conftest import POISONS, Open

MakeRun = Callable[..., str]


def offered(page: Any) -> list[str]:
    assert not page.exception
    return [button.proto.label for button in page.get("download_button")]


def test_a_finished_run_hands_out_its_poisons(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run("done"))
    assert offered(page).count("Export zip") == offered(page).count("Export poisons") == 2  # in the menu, and below


@pytest.mark.parametrize(
    ("state", "more"), [("done", {"files": False}), ("done", {"changes": {"attack": None}}), ("running", {})]
)
def test_where_there_are_none_there_is_no_button(
    app: Open, make_run: MakeRun, state: str, more: dict[str, Any]
) -> None:
    assert "Export poisons" not in offered(app("result", run=make_run(state, **more)))


def test_the_archive_holds_what_the_victim_saw(make_run: MakeRun, store: Store) -> None:
    run_id = make_run("done")
    archive = io.BytesIO(actions.poisons_of(run_id))
    assert exchange.verify(archive).keys[0].poisons == POISONS
    step = next(step for step in store.run(run_id).steps if step["kind"] == "poison")
    assert np.array_equal(exchange.read(archive, 0).poisoned, store.artifacts.array(step["key"], "images"))
