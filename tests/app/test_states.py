"""Every page in every state that a run can be in: nothing breaks, and a page about a run says its state."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from app import routes
from core.runs.record import STALLED
from core.runs.store import Store
from core.runs.tables import runs
from core.spec import FORMAT
from tests.app.conftest import Open
from tests.app.sent import sent

MakeRun = Callable[..., str]

SAID = {
    "no run": "",
    "none chosen": "No run chosen",
    "unknown": "There is no such run",
    "not an id": "There is no such run",
    "queued": "Waiting (1st)",
    "starting": "Loading PyTorch",
    "running": "Running",
    "stalled": "No sign for",
    "stopping": "Stopping",
    "cancelled": "Stopped",
    "done": "Finished",
    "failed": "Failed",
    "lost": "Worker vanished",
    "incompatible": "Made by another version",
    "foreign": "Finished",
    "missing files": "Finished",
}
"""By state, what a page about a run says of it."""
OF_NO_RUN = ("learn", "story", "lab", "bring", "attacker")
"""Pages that are about no run."""
OF_MANY = ("start", "runs", "compare")
"""Pages about all runs: nobody has to choose one first."""
UNCHOSEN = ("no run", "none chosen", "unknown", "not an id")
UNCOMPARED = "incompatible"
"""The state of runs that cannot be compared."""


def expected(page: str, state: str) -> str:
    """What the page has to say; empty where its being drawn is all that is asked."""
    if page in OF_NO_RUN or (page in OF_MANY and state in UNCHOSEN):
        return ""
    if page == "play" and state == "none chosen":  # it takes the run that can be played with
        return ""
    return "" if page == "compare" and state == UNCOMPARED else SAID[state]


@pytest.fixture
def come_to(make_run: MakeRun, store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """Brings about a state; what the link holds then."""

    def changed(run_id: str, **values: Any) -> dict[str, str]:
        with store._engine.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
        return link(run_id)

    def link(run_id: str) -> dict[str, str]:
        return {"run": run_id, "base": run_id}

    def bring_about(state: str) -> dict[str, str]:
        if state == "no run":
            return {}
        if state in UNCHOSEN:
            make_run()
            return {"unknown": link("r-nothere"), "not an id": link("../../etc")}.get(state, {})
        if state == "stalled":
            now, found = time.time(), link(make_run("running"))
            monkeypatch.setattr("core.runs.store.time.time", lambda: now + STALLED + 15)
            return found
        if state == "missing files":
            return link(make_run(files=False))
        if state == "incompatible":
            return changed(make_run("queued"), format=FORMAT - 1)
        if state == "foreign":  # nothing that it holds is known here
            unknown = {"attack": {"name": "tomorrow", "strength": [1]}, "defenses": [{"name": "never"}], "more": 2}
            return changed(make_run(), format=FORMAT + 1, spec=unknown, steps=[], result={"arms": {}})
        return link(make_run(state))

    return bring_about


@pytest.mark.parametrize("state", SAID)
@pytest.mark.parametrize("page", routes.PAGES)
def test_a_page_in_a_state(app: Open, come_to: Callable[[str], dict[str, str]], page: str, state: str) -> None:
    opened = app(page, **come_to(state))
    assert not opened.exception, [error.value for error in opened.exception]
    said = "\n".join(sent(opened))
    assert expected(page, state) in said
    assert "<i>stamp</i>" not in "\n".join(element.proto.body for element in opened.get("html"))  # names are escaped


def test_the_table_knows_every_page() -> None:
    assert {*OF_NO_RUN, *OF_MANY} < set(routes.PAGES)
