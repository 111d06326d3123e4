"""The run store: states, queue, points, files, and the database itself."""

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from core.errors import StoreError
from core.runs.artifacts import save
from core.runs.store import ID, Store

SPEC = {"name": "first", "seed": 0}


@pytest.fixture
def store(home: Path) -> Any:
    opened = Store()
    yield opened
    opened.close()


def queue(store: Store, name: str = "first", **more: Any) -> str:
    return store.queue(SPEC, spec_hash="abc", name=name, **more)


def change(store: Store, run_id: str, **columns: Any) -> None:
    """Set columns behind the store's back, as time or another version would."""
    engine = create_engine(f"sqlite:///{store.home / 'runs.db'}")
    with engine.begin() as connection:
        for column, value in columns.items():
            statement = text(f"UPDATE runs SET {column} = :value WHERE id = :id")
            connection.execute(statement, {"value": value, "id": run_id})
    engine.dispose()


def begun(store: Store, steps: list[dict[str, Any]] | None = None) -> str:
    """A run that this process works on."""
    run_id = queue(store)
    assert store.claim() == run_id
    store.begin(run_id, os.getpid(), "cpu", steps or [])
    return run_id


def dead_pid() -> int:
    """A process id that belonged to a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


# ---- the way of a run


def test_a_queued_run_is_what_was_asked_for(store: Store) -> None:
    before = time.time()
    run = store.run(queue(store, "  Tea  "))
    assert ID.fullmatch(run.id)
    assert (run.name, run.state, run.spec, run.spec_hash, run.position) == ("Tea", "queued", SPEC, "abc", 1)
    assert (run.progress, run.message, run.steps, run.result) == (0.0, "", [], None)
    assert (run.device, run.origin) == ("", "local")
    assert before <= run.created <= time.time() and run.started is run.ended is run.heartbeat is run.owner is None
    assert run.live and not run.finished and run.seconds == 0.0


def test_a_run_goes_from_queued_to_done(store: Store) -> None:
    run_id = queue(store)
    assert store.claim() == run_id and store.claim() is None
    starting = store.run(run_id)
    assert (starting.state, starting.phase, starting.position) == ("starting", "Loading PyTorch", None)
    steps = [{"key": "a" * 20, "kind": "data"}]
    store.begin(run_id, os.getpid(), "cpu", steps)
    store.progress(run_id, "Train undefended", 0.25, 12.5)
    running = store.run(run_id)
    assert (running.state, running.phase) == ("running", "Train undefended")
    assert (running.progress, running.eta_seconds) == (0.25, 12.5)
    assert (running.device, running.steps) == ("cpu", steps)
    assert store.finish(run_id, "done", result={"arms": {}})
    done = store.run(run_id)
    assert (done.state, done.phase, done.result) == ("done", "Finished", {"arms": {}})
    assert (done.progress, done.eta_seconds) == (1.0, None)
    assert done.finished and not done.live
    assert done.seconds == done.ended - done.started  # type: ignore[operator]


def test_the_first_end_stays(store: Store) -> None:
    run_id = begun(store)
    assert store.finish(run_id, "done", result={"x": 1})
    assert not store.finish(run_id, "failed", "too late")
    store.progress(run_id, "too late", 0.1, None)
    run = store.run(run_id)
    assert (run.state, run.message, run.phase, run.result) == ("done", "", "Finished", {"x": 1})
    with pytest.raises(ValueError, match="running"):
        store.finish(run_id, "running")


def test_runs_are_newest_first_and_the_queue_oldest_first(store: Store) -> None:
    first, second, third = (queue(store, name) for name in ("1", "2", "3"))
    assert [run.id for run in store.runs()] == [third, second, first]
    assert [run.position for run in store.runs()] == [3, 2, 1]
    assert store.claim() == first
    assert [run.position for run in store.runs()] == [2, 1, None]
    assert store.run(third).position == 2


def test_progress_stays_between_0_and_1(store: Store) -> None:
    run_id = begun(store)
    store.progress(run_id, "over", 1.5, None)
    assert store.run(run_id).progress == 1.0
    store.progress(run_id, "under", -0.5, None)
    assert store.run(run_id).progress == 0.0


def test_an_unknown_run_is_named(store: Store) -> None:
    for ask in (store.run, store.cancel, store.resume, store.delete):
        with pytest.raises(StoreError, match="'r-nobody'"):
            ask("r-nobody")
    with pytest.raises(StoreError, match="'r-nobody'"):
        store.rename("r-nobody", "name")
    for bad in ("../runs", "a/b", ""):
        with pytest.raises(StoreError):
            store.log_tail(bad)


def test_rename(store: Store) -> None:
    run_id = queue(store)
    store.rename(run_id, "second")
    assert store.run(run_id).name == "second"
    for name in ("", "   ", "x" * 81):
        with pytest.raises(StoreError, match="1 to 80"):
            store.rename(run_id, name)
    assert store.run(run_id).name == "second"


def test_the_same_experiment_is_found_only_when_done(store: Store) -> None:
    run_id = begun(store)
    assert store.finished_with("abc") is None
    store.finish(run_id, "done", result={})
    assert store.finished_with("abc").id == run_id  # type: ignore[union-attr]
    assert store.finished_with("abd") is None


# ---- several at once


def test_a_double_click_is_one_run(store: Store) -> None:
    assert queue(store, nonce="n1") == queue(store, nonce="n1")
    assert queue(store, nonce="n2") != queue(store, nonce="n1")
    assert queue(store) != queue(store)
    assert len(store.runs()) == 4


def test_a_nonce_wins_once_in_a_race(store: Store) -> None:
    stores = [Store() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda one: queue(one, nonce="same"), stores))
    for one in stores:
        one.close()
    assert len(set(ids)) == 1 and len(store.runs()) == 1


RACER = """
import sys
from pathlib import Path
from core.runs.store import Store

store = Store(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
while (run := store.claim()) is not None:
    print(run, flush=True)
"""


def test_eight_processes_open_a_fresh_home_and_each_run_is_claimed_by_one_of_them(tmp_path: Path, root: Path) -> None:
    command, pipe = [sys.executable, "-c", RACER, str(tmp_path / "fresh")], subprocess.PIPE
    racers = [subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True) for _ in range(8)]
    assert [racer.stdout.readline() for racer in racers] == ["open\n"] * 8  # type: ignore[union-attr]
    store = Store(tmp_path / "fresh")
    ids = [queue(store) for _ in range(24)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    claimed = [racer.communicate()[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 8
    assert sorted(run for part in claimed for run in part) == sorted(ids)
    assert {run.state for run in store.runs()} == {"lost"}, "their owners have ended"
    store.close()


# ---- stopping and resuming


def test_cancel_at_once_while_waiting(store: Store) -> None:
    run_id = queue(store)
    store.cancel(run_id)
    run = store.run(run_id)
    assert (run.state, run.position) == ("cancelled", None) and run.ended is not None
    assert store.claim() is None


def test_cancel_asks_a_running_run(store: Store) -> None:
    run_id = begun(store)
    assert not store.cancel_asked(run_id)
    store.cancel(run_id)
    assert store.run(run_id).state == "stopping" and store.cancel_asked(run_id)
    store.begin(run_id, os.getpid(), "cpu", [])  # planned a moment later: must not unask
    assert store.cancel_asked(run_id)
    store.finish(run_id, "cancelled")
    store.cancel(run_id)
    assert store.run(run_id).state == "cancelled"


def test_resume_waits_at_the_end_of_the_queue(store: Store) -> None:
    run_id = begun(store, [{"key": "a" * 20, "kind": "data"}])
    waiting = queue(store)
    store.progress(run_id, "Train", 0.5, 3.0)
    store.finish(run_id, "failed", "Out of memory.")
    store.resume(run_id)
    run = store.run(run_id)
    assert (run.state, run.position, run.progress, run.message, run.phase) == ("queued", 2, 0.0, "", "")
    assert run.started is run.ended is run.owner is run.heartbeat is None
    assert [store.claim(), store.claim()] == [waiting, run_id]
    store.resume(run_id)  # a second press of the button
    assert store.run(run_id).state == "starting"


def test_a_done_run_is_not_resumed(store: Store) -> None:
    run_id = begun(store)
    store.finish(run_id, "done", result={})
    with pytest.raises(StoreError, match="is done"):
        store.resume(run_id)


def test_a_run_past_the_queue_belongs_to_its_process(store: Store) -> None:
    run_id = store.start(SPEC, spec_hash="abc", name="by hand")
    run = store.run(run_id)
    assert (run.state, run.queued) == ("starting", None) and run.owner is not None and run.owner.pid == os.getpid()
    assert store.claim() is None and store.heartbeat(run_id)


# ---- curves


def test_points_come_in_order_and_after_the_last_one_seen(store: Store) -> None:
    run_id, other = begun(store), queue(store)
    for epoch in (1, 2, 3):
        store.add_point(run_id, arm="undefended", poison_key=0, victim=0, epoch=epoch, loss=1 / epoch, asr=epoch / 4)
    store.add_point(other, arm="undefended", poison_key=0, victim=0, epoch=1)
    seen = store.points(run_id)
    assert [(point["epoch"], point["asr"]) for point in seen] == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert set(seen[0]) == {"id", "arm", "poison_key", "victim", "epoch", "loss", "clean_accuracy", "asr", "seconds"}
    assert [point["epoch"] for point in store.points(run_id, after=seen[1]["id"])] == [3]
    assert store.points(run_id, after=seen[2]["id"]) == []


@pytest.mark.parametrize("place", [{"poison_key": 0, "victim": 1}, {"poison_key": None, "victim": 0}, {}])
def test_the_same_epoch_again_replaces_the_first(store: Store, place: dict[str, Any]) -> None:
    run_id = begun(store)
    store.add_point(run_id, arm="control", epoch=1, loss=2.0, **place)
    first = store.points(run_id)
    store.add_point(run_id, arm="control", epoch=1, loss=1.5, seconds=0.25, **place)
    assert store.points(run_id) == [{**first[0], "loss": 1.5, "seconds": 0.25}]


# ---- deleting


def test_delete_takes_what_no_other_run_needs(store: Store) -> None:
    shared, own = "a" * 20, "b" * 20
    for key in (shared, own):
        with store.artifacts.write(key) as folder:
            save(folder, {})
    run_id = begun(store, [{"key": key, "kind": "data"} for key in (shared, own, "c" * 20)])
    store.add_point(run_id, arm="undefended", epoch=1)
    other = store.start(SPEC, spec_hash="abd", name="other")
    store.begin(other, os.getpid(), "cpu", [{"key": shared, "kind": "data"}])
    store.log_path(run_id).parent.mkdir(exist_ok=True)
    store.log_path(run_id).write_text("hello\n")
    with pytest.raises(StoreError, match="stop it before"):
        store.delete(run_id)
    assert store.artifacts.has(own)
    store.finish(run_id, "done", result={})
    store.delete(run_id)
    assert store.artifacts.has(shared) and not store.artifacts.has(own)
    assert [run.id for run in store.runs()] == [other]
    assert store.points(run_id) == [] and not store.log_path(run_id).exists()


def test_clear_leaves_live_runs(store: Store) -> None:
    cancelled = queue(store)
    store.cancel(cancelled)
    waiting, running = queue(store), store.start(SPEC, spec_hash="abc", name="live")
    assert store.clear() == 1
    assert {run.id for run in store.runs()} == {waiting, running}


# ---- the log, the worker, the database


def test_log_tail_shows_the_last_lines(store: Store) -> None:
    run_id = queue(store)
    assert store.log_tail(run_id) == ""
    store.log_path(run_id).parent.mkdir()
    store.log_path(run_id).write_bytes(b"x" * 100_000 + b"\n" + b"".join(b"line %d\n" % n for n in range(50)) + b"\xff")
    assert store.log_tail(run_id, lines=3) == "line 48\nline 49\n\ufffd"
    assert len(store.log_tail(run_id).splitlines()) == 30


def test_a_worker_is_alive_as_long_as_its_process(store: Store) -> None:
    assert not store.worker_alive()
    store.note_worker()
    assert store.worker_alive()
    engine = create_engine(f"sqlite:///{store.home / 'runs.db'}")
    with engine.begin() as connection:
        record = f'{{"pid": {dead_pid()}, "born": 1.0, "host": "{socket.gethostname()}", "heartbeat": {time.time()}}}'
        connection.execute(text("UPDATE meta SET value = :record WHERE key = 'worker'"), {"record": record})
    engine.dispose()
    assert not store.worker_alive()


def test_runs_survive_reopening(store: Store) -> None:
    run_id = begun(store)
    store.finish(run_id, "done", result={"arms": {"undefended": {"asr": None}}})
    again = Store()
    assert asdict(again.run(run_id)) == asdict(store.run(run_id))
    again.close()


def test_sqlite_lets_readers_and_writers_work_at_once(store: Store) -> None:
    with store._engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA busy_timeout")) == 15_000
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    engine = create_engine(f"sqlite:///{store.home / 'runs.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE meta SET value = '2' WHERE key = 'schema'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer Poisonscope"):
        Store()


def test_what_is_no_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_text("This is a letter to my aunt, not a database. " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="Cannot open the run store"):
        Store(tmp_path, url="nonsense")


def test_another_database_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("POISONSCOPE_DATABASE", url)
    named = Store(tmp_path / "home")
    run_id = queue(named)
    assert named.environment()["POISONSCOPE_DATABASE"] == url
    assert named.environment()["POISONSCOPE_HOME"] == str(tmp_path / "home")
    named.close()
    monkeypatch.delenv("POISONSCOPE_DATABASE")
    assert not (tmp_path / "home" / "runs.db").exists()
    given = Store(tmp_path / "home", url=url)
    assert given.run(run_id).state == "queued"
    given.close()
