"""Pages of shipped runs in the seconds after the first start, in which their training images are still being drawn."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from app import routes
from core.runs.store import Store
from core.runs.tables import runs
from tests.app import gradients, inside, targeted
from tests.app.conftest import Made, Open, experiment, write_run
from tests.app.sent import sent
from tests.app.test_states import OF_NO_RUN

RUNS: dict[str, tuple[dict[str, Any], Callable[[], Made]]] = {
    "targeted": (
        targeted.SETTINGS,
        lambda: Made(targeted.steps(), targeted.content, targeted.points(), targeted.result()),
    ),
    "epic": (
        gradients.SETTINGS,
        lambda: Made(gradients.steps(), partial(gradients.content, rows=90), gradients.points(), gradients.result()),
    ),
    "inside": (
        inside.settings(),
        lambda: Made(inside.steps(), lambda step: inside.content(step, "gradient_matching", True), [], inside.result()),
    ),
}


SEEN = [
    *((page, "targeted") for page in routes.PAGES if page not in OF_NO_RUN),
    ("gradients", "epic"),
    ("inside", "inside"),
]


@pytest.mark.parametrize(("page", "kind"), SEEN)
def test_a_page_waits_for_the_images(
    app: Open, store: Store, monkeypatch: pytest.MonkeyPatch, page: str, kind: str
) -> None:
    monkeypatch.setattr("core.runs.worker.beside", lambda store, words, name: None)  # nobody draws them
    settings, make = RUNS[kind]
    made = make()
    drawn = {step["kind"] for step in made.steps} - {"data"}
    run_id = write_run(store, experiment(**settings), made, "done", drawn, {})
    with store._engine.begin() as connection:
        connection.execute(update(runs).where(runs.c.id == run_id).values(origin="showcase"))
    opened = app(page, run=run_id, base=run_id)
    assert not opened.exception, [error.value for error in opened.exception]
    if page in ("result", "spectral"):
        assert "The pictures are being drawn" in "\n".join(sent(opened))
