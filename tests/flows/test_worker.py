"""The worker and its children as real processes, killed in every way: the store tells the truth, and work goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.errors import StoreError
from core.runs import child, recorder, worker
from core.runs.recorder import Recorder, perform, sentence
from core.runs.store import Store
from core.runs.worker import ensure_worker, serve

SERVE = """
import sys
from core.runs.store import Store
from core.runs.worker import serve

serve(Store(), command=[sys.executable, *sys.argv[2:]], patience=float(sys.argv[1]))
"""
CHILD = str(Path(__file__).with_name("slow_child.py"))


def until(true: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Wait for something to hold; the limit only ends a test that has failed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"waited {seconds:.0f} seconds in vain: {what}")


class Workers:
    """Starts workers for one store, and ends everything that they started."""

    def __init__(self, store: Store, root: Path) -> None:
        self.store = store
        self.root = root
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *child_arguments: str, patience: float = 30.0) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SERVE, str(patience), CHILD, *child_arguments]
        environment = {**self.store.environment(), "PYTHONPATH": str(self.root)}
        started = subprocess.Popen(command, cwd=self.root, env=environment, stderr=subprocess.PIPE)
        self.processes.append(started)
        return started

    def children(self) -> list[psutil.Process]:
        """All live children that work for this store, whoever their parent is now."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ", "status"]):
            mine = (process.info["environ"] or {}).get("POISONSCOPE_HOME") == str(self.store.home)
            if mine and process.info["cmdline"][1:2] == [CHILD] and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def end(self) -> None:
        detached = worker._started.pop(self.store.home, None)
        for started in (*self.processes, *([detached] if detached else [])):
            started.kill()
            started.communicate()
        for left in self.children():
            left.kill()


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def workers(store: Store, root: Path) -> Iterator[Workers]:
    started = Workers(store, root)
    yield started
    started.end()


def queue(store: Store, do: str = "work", gate: Path | None = None) -> str:
    """Queue a run of five steps that stops before the third one until there is a file at `gate`."""
    return store.queue({"do": do, "gate": gate and str(gate)}, spec_hash="abc", name=do)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


def in_state(store: Store, run_id: str, *states: str) -> Any:
    return until(lambda: store.run(run_id).state in states, f"{run_id} to be {states}") and store.run(run_id)


def halfway(store: Store, run_id: str) -> Any:
    """Wait until the run has finished two steps, and stands before its gate; returns it."""
    until(lambda: len(store.points(run_id)) >= 2, "two finished steps")
    return store.run(run_id)


# ---- all goes well


def test_runs_are_done_in_turn_by_children_that_wait_ready(store: Store, workers: Workers) -> None:
    one, two = queue(store), queue(store)
    first = workers.start()
    done = [in_state(store, run_id, "done") for run_id in (one, two)]
    assert store.worker_alive()
    assert [len(run.result["computed"]) for run in done] == [5, 5]
    assert done[0].result == done[1].result, "the second run found the steps of the first"
    assert done[0].owner.pid != done[1].owner.pid != first.pid
    assert done[0].ended <= done[1].started and done[0].device == "cpu" and len(done[0].steps) == 5
    assert [point["epoch"] for point in store.points(one)] == [1, 2, 3, 4, 5] and store.points(two) == []
    assert "the engine says hello" in store.log_tail(one)
    ready = until(lambda: [idle for idle in workers.children() if idle.pid != done[1].owner.pid], "the next child")
    if hasattr(os, "nice"):
        until(lambda: ready[0].nice() == os.nice(0) + child.NICE, "a nice child")
    first.terminate()
    assert first.wait(10) == 0
    until(lambda: not workers.children(), "the idle child to end with its worker")
    assert not store.worker_alive()


def test_a_run_whose_child_still_loads_is_no_silent_one(store: Store, workers: Workers, gate: Path) -> None:
    run_id = queue(store)
    workers.start(str(gate))
    claimed = in_state(store, run_id, "starting")
    assert claimed.phase == "Loading PyTorch"
    until(lambda: store.run(run_id).heartbeat > claimed.heartbeat + 1, "the worker to vouch for its child")
    assert store.run(run_id).state == "starting"
    gate.touch()
    in_state(store, run_id, "done")


def test_a_second_worker_is_refused_in_a_sentence(store: Store, workers: Workers) -> None:
    workers.start()
    until(store.worker_alive, "the worker")
    with pytest.raises(StoreError, match="Another worker"):
        serve(store)
    second = workers.start()
    assert second.wait(10) != 0
    assert store.worker_alive()


# ---- somebody stops it


def test_a_running_run_stops_when_asked(store: Store, workers: Workers, gate: Path) -> None:
    run_id = queue(store, gate=gate)
    workers.start()
    halfway(store, run_id)
    store.cancel(run_id)
    run = in_state(store, run_id, "cancelled")
    assert run.message == "" and 0 < run.progress < 1 and len(store.points(run_id)) == 2


def test_a_run_that_will_not_stop_is_killed(store: Store, workers: Workers, gate: Path) -> None:
    run_id = queue(store, "ignore", gate)
    workers.start(patience=0.0)
    owner = in_state(store, run_id, "running").owner
    store.cancel(run_id)
    run = in_state(store, run_id, "cancelled")
    assert "did not stop within 0 seconds" in run.message
    until(lambda: not owner.alive(), "the end of the process")


# ---- it goes wrong by itself


FAILURES = {
    "raise": "There are no images.",
    "hog": "Out of memory. Try a smaller batch or network.",
    "exit": f"The process ended with exit code 3 and without a result; its log may say why. {worker.GO_ON}",
}


def test_failures_are_told_and_the_next_run_is_taken(store: Store, workers: Workers) -> None:
    failing, next_one = {do: queue(store, do) for do in FAILURES}, queue(store)
    workers.start()
    in_state(store, next_one, "done")
    runs = {do: store.run(run_id) for do, run_id in failing.items()}
    assert {do: run.message for do, run in runs.items()} == FAILURES
    assert {run.state for run in runs.values()} == {"failed"}
    assert "DataError: There are no images." in store.log_tail(failing["raise"])


def test_an_engine_that_cannot_be_imported_fails_the_run(store: Store, workers: Workers) -> None:
    run_id = queue(store)
    workers.start("broken")
    run = in_state(store, run_id, "failed")
    assert run.message == "ImportError: operator torchvision::nms does not exist"
    assert "torchvision::nms" in store.log_tail(run_id)


# ---- somebody kills it


def test_kill_9_of_a_running_child(store: Store, workers: Workers, gate: Path) -> None:
    run_id = queue(store, gate=gate)
    workers.start()
    os.kill(halfway(store, run_id).owner.pid, signal.SIGKILL)
    run = in_state(store, run_id, "failed")
    assert run.message.startswith("The process was killed (signal 9), perhaps for lack of memory. Resume")
    kept = {key: store.artifacts.meta(key)["by"] for key in store_keys(store)}
    assert len(kept) == 2
    gate.touch()
    store.resume(run_id)
    done = in_state(store, run_id, "done")
    assert done.result["computed"][:2] == list(kept.values()), "finished steps are not computed again"
    assert done.result["computed"][2:] == [done.owner.pid] * 3
    assert [point["epoch"] for point in store.points(run_id)] == [1, 2, 3, 4, 5]


def store_keys(store: Store) -> list[str]:
    return sorted(path.name for path in store.artifacts.root.iterdir() if not path.name.startswith("."))


def test_kill_9_of_the_worker_leaves_the_child_at_work(store: Store, workers: Workers, gate: Path) -> None:
    run_id, waiting = queue(store, gate=gate), queue(store)
    first = workers.start()
    owner = halfway(store, run_id).owner
    first.kill()
    first.wait()
    assert not store.worker_alive() and store.run(run_id).state == "running"
    workers.start()
    until(store.worker_alive, "the second worker")
    time.sleep(1)  # long enough to take the next run, if it did
    assert store.run(waiting).state == "queued", "it waits for the child of the first worker"
    gate.touch()
    done = in_state(store, run_id, "done")
    assert set(done.result["computed"]) == {owner.pid}
    in_state(store, waiting, "done")


def test_kill_9_of_both_is_a_lost_run_that_goes_on(store: Store, workers: Workers, gate: Path) -> None:
    run_id = queue(store, gate=gate)
    first = workers.start()
    owner = halfway(store, run_id).owner
    first.kill()
    first.wait()
    os.kill(owner.pid, signal.SIGKILL)
    run = in_state(store, run_id, "lost")
    assert "vanished" in run.message and not store.worker_alive()
    again = Store()
    assert again.run(run_id).state == "lost", "whoever opens the store sees the same"
    again.close()
    workers.start()
    until(store.worker_alive, "the second worker")
    gate.touch()
    store.resume(run_id)
    done = in_state(store, run_id, "done")
    assert done.result["computed"] == [owner.pid] * 2 + [done.owner.pid] * 3


def test_kill_9_of_the_worker_ends_its_idle_child(store: Store, workers: Workers) -> None:
    first = workers.start()
    until(workers.children, "a child that waits")
    first.kill()
    until(lambda: not workers.children(), "the end of the child that nobody can reach any more")


def test_kill_9_of_the_worker_right_after_a_claim(store: Store, root: Path) -> None:
    code = "import os; from core.runs.store import Store; Store().claim(); os.kill(os.getpid(), 9)"
    run_id = queue(store)
    subprocess.run([sys.executable, "-c", code], cwd=root, env=store.environment(), check=False)
    assert store.run(run_id).state == "lost"
    store.resume(run_id)
    assert store.claim() == run_id


def test_kill_9_of_an_idle_child_costs_no_run(store: Store, workers: Workers) -> None:
    workers.start()
    os.kill(until(workers.children, "a child that waits")[0].pid, signal.SIGKILL)
    until(lambda: not workers.children(), "its end")
    in_state(store, queue(store), "done")


def test_a_worker_that_stops_leaves_its_run_at_work(store: Store, workers: Workers, gate: Path) -> None:
    run_id = queue(store, gate=gate)
    first = workers.start()
    halfway(store, run_id)
    first.send_signal(signal.SIGINT)
    assert first.wait(10) == 0
    gate.touch()
    assert in_state(store, run_id, "done").progress == 1.0


# ---- starting a worker


def test_ensure_worker_starts_one_however_often_it_is_asked(
    store: Store, workers: Workers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))  # the child of this test is a script, and would not find core
    command = [sys.executable, "-c", SERVE, "30", CHILD]
    assert ensure_worker(store, command)
    assert not ensure_worker(store, command)
    until(store.worker_alive, "the worker")
    assert not ensure_worker(store, command)
    in_state(store, queue(store), "done")
    process = worker._started[store.home]
    assert os.getsid(process.pid) == process.pid != os.getsid(0), "it outlives the terminal"
    process.terminate()
    assert process.wait(10) == 0


# ---- a run in this very process, as on the command line


def test_progress_is_written_twice_a_second_at_most(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = store.start({}, spec_hash="abc", name="here")
    clock, written = [100.0], []
    monkeypatch.setattr(recorder.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(store, "progress", lambda *facts: written.append(facts[2]))
    events = Recorder(store, run_id)
    for tick in range(9):
        clock[0] = 100.0 + tick / 4
        events.phase("Train", tick / 10, None)
    assert written == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_the_last_progress_is_written_by_the_next_beat(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "BEAT", 0.05)
    run_id = store.start({}, spec_hash="abc", name="here")
    with Recorder(store, run_id) as events:
        events.phase("First", 0.1, 9.0)
        events.phase("Second", 0.2, 8.0)
        until(lambda: store.run(run_id).phase == "Second", "the phase")


def test_a_run_that_was_taken_away_stops_and_says_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "BEAT", 0.05)
    run_id = store.start({}, spec_hash="abc", name="here")

    def execute(_spec: Any, _artifacts: Any, events: Recorder) -> dict[str, Any]:
        store.assign(run_id, 1)
        until(events.cancelled, "the wish to stop")
        return {}

    perform(Recorder(store, run_id), execute)
    assert store.run(run_id).state == "starting" and store.run(run_id).ended is None


def test_an_interrupt_at_the_keyboard_is_a_cancelled_run(store: Store) -> None:
    run_id = store.start({}, spec_hash="abc", name="here")

    def execute(_spec: Any, _artifacts: Any, _events: Recorder) -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(Recorder(store, run_id), execute)
    assert store.run(run_id).state == "cancelled"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "Out of memory. Try a smaller batch or network."),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "Out of memory. Try a smaller batch or network."),
        (StoreError("One sentence."), "One sentence."),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (KeyError(), "KeyError."),
        (OSError(28, "No space left on device"), "The disk is full. Make room, then resume."),
    ],
)
def test_errors_in_a_sentence(error: Exception, told: str) -> None:
    assert sentence(error) == told
