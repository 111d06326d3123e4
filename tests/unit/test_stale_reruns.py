"""A rerun of a page that is no longer shown is left out, everything else is served."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from app import stale_reruns


@pytest.mark.parametrize(
    ("fragments", "asked", "shown", "served"),
    [
        (["look"], "start", "result", False),
        (["look"], "result", "result", True),
        ([], "start", "result", True),
        (["look"], "start", None, True),
    ],
    ids=["page that was left", "page that is shown", "whole page", "first page"],
)
def test_only_parts_of_a_page_that_was_left_are_not_drawn(
    monkeypatch: pytest.MonkeyPatch, fragments: list[str], asked: str, shown: str | None, served: bool
) -> None:
    monkeypatch.setattr(ScriptRunner, "_run_script", ScriptRunner._run_script)  # comes back as it was
    runs: list[Any] = []
    monkeypatch.setattr(stale_reruns, "_serve", lambda runner, data: runs.append(data))
    stale_reruns.install()
    request = RerunData(page_script_hash=asked, fragment_id_queue=fragments)
    runner: Any = SimpleNamespace(_session_state={} if shown is None else {stale_reruns.SHOWN: shown})
    ScriptRunner._run_script(runner, request)
    assert runs == [request] * served
