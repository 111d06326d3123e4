"""`python -m core bench pages`: what it says, prints and asks for; that it runs, a browser test proves."""

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.server import Server, ServerConnection, serve

import benchmarks
from app import routes
from benchmarks.measure import Measure
from benchmarks.pages import KINDS, measured
from benchmarks.pages.site import path_of
from benchmarks.pages.tab import Tab
from core import cli
from core.errors import PoisonscopeError, SpecError

# ---- what it says


def test_what_is_not_measured_is_named_with_what_is() -> None:
    with pytest.raises(SpecError, match=r"no 'speed'; legal are script, visible, cold, click, lasso, start, hosts"):
        next(measured("speed"))


def test_without_playwright_one_sentence_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "playwright" else found(name))
    with pytest.raises(PoisonscopeError, match="Playwright: `make tools` installs them"):
        next(measured("click"))


def test_without_chromium_one_sentence_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chromium.executable", lambda: None)
    with pytest.raises(PoisonscopeError, match="Chromium, .*: `make browser` installs it"):
        next(measured("click"))


def test_every_kind_is_a_function_of_its_file() -> None:
    for kind, file in KINDS.items():
        module = importlib.import_module(f"benchmarks.pages.{file}")
        assert getattr(module, kind).__doc__


# ---- what it prints


@pytest.mark.parametrize(("budget", "kept"), [(3.0, True), (2.9, False), (None, None)])
def test_median_and_spread_by_hand(budget: float | None, kept: bool | None) -> None:
    result = Measure("click", "seconds", [5.0, 1.0, 3.0, 2.0, 4.0], budget, {"points": 5.0}, "Said.").result()
    assert result["ours"] == {"median": 3.0, "low": pytest.approx(1.2), "high": pytest.approx(4.8)}
    assert (result["budget"], result["kept"], result["rounds"], result["note"]) == (budget, kept, 5, "Said.")
    assert result["facts"]["points"] == 5 and result["facts"]["load"] >= 0
    assert {"name", "ours", "reference", "ratio", "device", "agreement"} <= set(result)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command prints of three measures."""

    def call(*words: str) -> str:
        measures = [
            Measure("script of [lab]", "seconds", [0.1], 0.15),
            Measure("memory", "megabytes", [680.4], 300, note="Too much."),
            Measure("cold", "seconds", [4.0], None),
        ]
        asked: list[tuple[str, str, str | None]] = []

        def timed(name: str, device: str, only: str | None) -> Iterator[dict[str, Any]]:
            asked.append((name, device, only))
            yield from (measure.result() for measure in measures)

        monkeypatch.setattr(benchmarks, "timed", timed)
        monkeypatch.setattr(sys, "argv", ["python -m core", "bench", "pages", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code and asked == [("pages", "auto", words[1] if words else None)]
        return capsys.readouterr().out

    return call


def test_people_read_a_table_with_budgets(printed: Callable[..., str]) -> None:
    lines = [" ".join(line.split()) for line in printed().splitlines()]
    assert lines[0] == "script of [lab] 100 ms [100, 100] budget 150 kept"
    assert lines[2] == "memory 680 MB [680, 680] budget 300 MISSED" and lines[4] == "Too much."
    assert lines[5] == "cold 4000 ms [4000, 4000]"


def test_programs_read_an_object_a_measure(printed: Callable[..., str]) -> None:
    results = [json.loads(line) for line in printed("--only", "script", "--json").splitlines()]
    assert [result["kept"] for result in results] == [True, False, None]


# ---- what it asks for


def test_every_page_about_a_run_is_opened_with_one() -> None:
    paths = {page: path_of("" if page == "start" else page) for page in routes.PAGES}
    assert paths["start"] == "" and paths["result"] == "result?run=showcase-badnets"
    assert all("?" in path for page, path in paths.items() if page != "start")


@pytest.fixture
def streamlit() -> Iterator[tuple[str, list[BackMsg]]]:
    """A server that answers every request as Streamlit would a page that starts anew once; and what it was asked."""
    asked: list[BackMsg] = []

    def answers() -> list[ForwardMsg]:
        early, navigation, timer, done = ForwardMsg(), ForwardMsg(), ForwardMsg(), ForwardMsg()
        early.script_finished = ForwardMsg.FINISHED_EARLY_FOR_RERUN
        for path in ("", "lab"):
            navigation.navigation.app_pages.add(url_pathname=path)
        timer.auto_rerun.interval, timer.auto_rerun.fragment_id = 3.0, "f"
        done.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
        return [early, navigation, timer, done]

    def handle(socket: ServerConnection) -> None:
        for data in socket:
            assert isinstance(data, bytes)
            asked.append(BackMsg.FromString(data))
            for answer in answers():
                socket.send(answer.SerializeToString())

    server: Server = serve(handle, "127.0.0.1", 0, subprotocols=["streamlit"])  # type: ignore[list-item]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.socket.getsockname()[1]}", asked
    server.shutdown()
    thread.join()


def test_a_tab_asks_as_a_browser_does_and_waits_for_the_last_answer(streamlit: tuple[str, list[BackMsg]]) -> None:
    address, asked = streamlit
    with Tab(address) as tab:
        answer = tab.open("result?run=r-1")
        assert answer.messages == 4 and answer.bytes > 4 and answer.seconds > 0
        assert tab.pages == ["", "lab"] and tab.timers == {"f": 3.0}
        tab.look("f")
    first, second = (each.rerun_script for each in asked)
    assert (first.page_name, first.query_string, first.fragment_id) == ("result", "run=r-1", "")
    assert (second.page_name, second.fragment_id, second.is_auto_rerun) == ("result", "f", True)
