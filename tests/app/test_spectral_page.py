"""The spectral page in every state of its run."""

from collections.abc import Callable

import pytest

from core.runs.store import Store
from tests.app.conftest import Open, text

MakeRun = Callable[..., str]
Ship = Callable[..., list[tuple[str, ...]]]


def test_a_finished_run_is_under_the_lens(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run("done"))
    assert not page.exception
    said = text(page)
    assert "Who stands apart in A &lt;i&gt;stamp&lt;/i&gt;?" in said and "Suspicion scores of this class" in said
    assert len(page.get("plotly_chart")) >= 2


@pytest.mark.parametrize("state", ["running", "failed", "lost", "cancelled", "queued"])
def test_before_there_are_images_it_says_so(app: Open, make_run: MakeRun, state: str) -> None:
    page = app("spectral", run=make_run(state, files=False))
    assert not page.exception
    live = state in ("running", "queued")
    assert ("has not come that far" if live else "not stored here") in text(page)


def test_a_shipped_run_waits_for_its_images(app: Open, store: Store, showcase: Ship) -> None:
    showcase(without=("data", "poison"))
    page = app("spectral", run="showcase-badnets")
    assert not page.exception and "being drawn" in text(page)


def test_a_run_without_projection_says_how_to_get_one(app: Open, store: Store, make_run: MakeRun) -> None:
    run_id = make_run("done")
    key = next(step["key"] for step in store.run(run_id).steps if step["kind"] == "spectral")
    store.artifacts.remove(key)
    page = app("spectral", run=run_id)
    assert not page.exception and "Switch on the spectral analysis" in text(page)


@pytest.mark.parametrize("run_id", ["r-nobody", "no run!"])
def test_a_wrong_link_offers_others(app: Open, make_run: MakeRun, run_id: str) -> None:
    make_run("done")
    page = app("spectral", run=run_id)
    assert not page.exception and "There is no such run" in text(page)


def test_with_the_truth_hidden_the_page_keeps_it(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run("done"), truth="false")
    said = text(page).lower()
    assert "poisons" not in said.split("</style>")[-1].split("every training image goes")[0]
