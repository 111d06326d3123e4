"""The worker: one process a home folder that takes runs from the queue, each into a child process of its own.

A crash, an out-of-memory kill or a cancel hurts one run only. A running child needs no worker to finish: whatever kills
the worker, the child goes on, and the next worker waits for it before it takes another run.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from filelock import FileLock, Timeout

import core
from core.errors import StoreError
from core.runs import record
from core.runs.processes import Process
from core.runs.store import Store

CHILD = (sys.executable, "-m", "core.runs.child")
WORKER = (sys.executable, "-m", "core", "worker")
GO_ON = "Resume to go on where it stopped."

_started: dict[Path, subprocess.Popen[bytes]] = {}
"""Workers that this process started, by home folder: whoever starts a process has to ask how it ended."""


def serve(store: Store, command: Sequence[str] = CHILD, patience: float = 30.0) -> None:
    """Be the worker of this store until SIGTERM or SIGINT; a running child goes on after that.

    Args:
        store: the store.
        command: what starts a child.
        patience: seconds that a child has from the wish to stop until it is killed.

    Raises:
        StoreError: another worker serves this store.
    """
    lock = FileLock(store.home / "worker.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(f"Another worker serves {store.home} already.") from None
    with lock:
        worker = _Worker(store, command, patience)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        worker.work()


def ensure_worker(store: Store, command: Sequence[str] = WORKER) -> bool:
    """Start a worker where none is alive; whether it did. Several may do it at once: the lock lets one through.

    Args:
        store: the store that needs a worker.
        command: what starts one.
    """
    mine = _started.get(store.home)
    if (mine is not None and mine.poll() is None) or store.worker_alive():
        return False
    with _log(store, "worker") as log:
        _started[store.home] = _start(store, command, subprocess.DEVNULL, log)
    return True


def beside(store: Store, arguments: Sequence[str], name: str) -> subprocess.Popen[bytes]:
    """Start the command line with some arguments in a process that outlives this one; what it says goes to a log.

    Args:
        store: whose home folder it is to work in.
        arguments: after `python -m core`.
        name: of the log.
    """
    with _log(store, name) as log:
        return _start(store, (sys.executable, "-m", "core", *arguments), subprocess.DEVNULL, log)


class _Worker:
    """The loop of `serve`, apart from the lock and the signals."""

    def __init__(self, store: Store, command: Sequence[str], patience: float) -> None:
        self.store = store
        self.command = command
        self.patience = patience
        self.stopping = False
        self._noted = 0.0

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Stop at the next opportunity. A plain flag, because a signal may find an Event's own lock taken."""
        self.stopping = True

    def work(self) -> None:
        """Take runs until `stopping` is set."""
        self._note()
        self.store.artifacts.sweep()
        self._settle()
        child: subprocess.Popen[bytes] | None = None
        while not self.stopping:
            self._note()
            if child is None:
                child = self._warm_child()
            run_id = self.store.claim()
            if run_id is None:
                time.sleep(0.05)
                continue
            if child.poll() is not None:  # killed while it waited
                child = self._warm_child()
            self._run(run_id, child)
            child = None
        if child is not None:
            self._stdin(child).close()
            child.wait()

    def _note(self) -> None:
        if time.monotonic() - self._noted > record.STALLED / 4:
            self.store.note_worker()
            self._noted = time.monotonic()

    def _settle(self) -> None:
        """Write down which runs a dead worker left behind, and wait for those that still go on."""
        for run in self.store.runs():
            if run.state == "lost":
                self.store.finish(run.id, "lost", run.message)
                continue
            from_queue = run.live and run.queued is not None
            if from_queue and run.owner is not None and run.owner.here and self._watch(run.id, run.owner):
                self.store.finish(run.id, "lost", record.VANISHED)

    def _warm_child(self) -> subprocess.Popen[bytes]:
        with _log(self.store, "child") as log:
            return _start(self.store, self.command, subprocess.PIPE, log)

    def _run(self, run_id: str, child: subprocess.Popen[bytes]) -> None:
        """Give a claimed run to a child and see it through."""
        self.store.assign(run_id, child.pid)
        try:
            with self._stdin(child) as stdin:
                stdin.write(f"{run_id}\n".encode())
        except BrokenPipeError:
            pass  # it died just now, which is noticed below
        if self._watch(run_id, Process.of(child.pid)):
            code = child.wait()
            if self.store.cancel_asked(run_id):
                self.store.finish(run_id, "cancelled")
            else:
                self.store.finish(run_id, "failed", _death(code))

    def _watch(self, run_id: str, process: Process) -> bool:
        """Wait until a run's process has ended; False if the worker is to stop before that."""
        looked, asked_at = 0.0, None
        while process.alive():
            if self.stopping:
                return False
            time.sleep(0.05)
            now = time.monotonic()
            if now - looked < 1.0:
                continue
            looked = now
            self._note()
            state = self.store.run(run_id).state
            if state == "starting":
                self.store.heartbeat(run_id, process.pid)  # it still loads the engine, and cannot do it itself
            if state == "stopping":
                asked_at = now if asked_at is None else asked_at
                if now - asked_at > self.patience:
                    process.kill()
                    why = f"It did not stop within {self.patience:.0f} seconds, so its process was killed. {GO_ON}"
                    self.store.finish(run_id, "cancelled", why)
        return True

    @staticmethod
    def _stdin(child: subprocess.Popen[bytes]) -> IO[bytes]:
        assert child.stdin is not None
        return child.stdin


def _start(store: Store, command: Sequence[str], stdin: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own: what ends this one, or its terminal, does not end that one."""
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=log,
        stderr=log,
        cwd=Path(core.__file__).parent.parent,
        env=store.environment(),
        start_new_session=True,
    )


def _log(store: Store, name: str) -> IO[bytes]:
    path = store.home / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def _death(code: int) -> str:
    """Say how a process ended that wrote no end of its run.

    Args:
        code: its exit code, negative for a signal.
    """
    if code == -9:  # SIGKILL, by number because Windows does not know it
        return f"The process was killed (signal 9), perhaps for lack of memory. {GO_ON}"
    if code < 0:
        return f"The process was killed (signal {-code}). {GO_ON}"
    return f"The process ended with exit code {code} and without a result; its log may say why. {GO_ON}"
