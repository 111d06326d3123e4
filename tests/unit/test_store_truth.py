"""What the run store says of a run when its process is gone or silent, or when another version made it."""

import os
import subprocess
import sys
import time

import pytest

from core.errors import StoreError
from core.runs.store import Store
from tests.unit.test_store import SPEC, begun, change, dead_pid, queue, store

__all__ = ["store"]  # a fixture is found by its name


def test_a_dead_process_is_a_lost_run(store: Store) -> None:
    for state in ("starting", "running", "stopping"):
        run_id = begun(store)
        change(store, run_id, state=state, pid=dead_pid())
        run = store.run(run_id)
        assert run.state == "lost" and "vanished" in run.message and run.finished
        assert [other.state for other in store.runs() if other.id == run_id] == ["lost"]


def test_another_process_with_the_same_number_is_not_it(store: Store) -> None:
    run_id = begun(store)
    change(store, run_id, born=store.run(run_id).owner.born - 60)  # type: ignore[union-attr]
    assert store.run(run_id).state == "lost"


def test_a_zombie_is_dead(store: Store) -> None:
    run_id = begun(store)
    zombie = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    store.begin(run_id, zombie.pid, "cpu", [])
    assert store.run(run_id).state == "running"
    zombie.kill()
    deadline = time.monotonic() + 10
    while store.run(run_id).state == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(zombie.pid, 0)  # its number is still taken, because nobody has waited for it
    assert store.run(run_id).state == "lost"
    zombie.communicate()


@pytest.mark.parametrize(
    ("silent", "state", "seen"),
    [
        (5, "running", "running"),
        (15, "running", "stalled"),
        (15, "starting", "stalled"),
        (15, "stopping", "stopping"),
        (65, "running", "lost"),
        (65, "stopping", "lost"),
        (65, "done", "done"),
    ],
)
def test_silence_of_a_living_process(store: Store, silent: float, state: str, seen: str) -> None:
    run_id = begun(store)
    change(store, run_id, heartbeat=time.time() - silent, state=state)
    run = store.run(run_id)
    assert (run.state, run.live) == (seen, seen in ("running", "stalled", "stopping"))


def test_a_run_elsewhere_is_judged_by_its_heart_alone(store: Store) -> None:
    run_id = begun(store)
    change(store, run_id, host="elsewhere", pid=dead_pid())
    assert store.run(run_id).state == "running"
    change(store, run_id, heartbeat=time.time() - 65)
    assert store.run(run_id).state == "lost"


def test_only_the_owner_keeps_a_run_alive(store: Store) -> None:
    run_id = begun(store)
    assert store.heartbeat(run_id)
    change(store, run_id, pid=dead_pid())
    assert not store.heartbeat(run_id)
    change(store, run_id, pid=os.getpid(), state="queued")
    assert not store.heartbeat(run_id)


def test_a_silent_process_is_ended_before_its_run_goes_on(store: Store) -> None:
    run_id = begun(store)
    silent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    store.begin(run_id, silent.pid, "cpu", [])
    change(store, run_id, heartbeat=time.time() - 65)
    store.resume(run_id)
    assert silent.wait(10) == -9 and silent.stdin is not None
    silent.stdin.close()
    assert store.run(run_id).state == "queued"


def test_runs_of_another_format_are_shown_but_not_taken(store: Store) -> None:
    waiting, done = queue(store), begun_after_waiting(store)
    for run_id in (waiting, done):
        change(store, run_id, format=0)
    assert store.run(done).state == "done" and store.finished_with("abc") is None
    run = store.run(waiting)
    assert (run.state, run.live, run.position) == ("incompatible", False, None) and "format 0" in run.message
    assert store.claim() is None
    with pytest.raises(StoreError, match="incompatible"):
        store.resume(waiting)
    store.delete(waiting)


def begun_after_waiting(store: Store) -> str:
    """A run that is done while another one waits."""
    run_id = store.start(SPEC, spec_hash="abc", name="done")
    store.finish(run_id, "done", result={})
    return run_id
