"""The real dashboard as a process on a free port, with a home folder of its own, and the end of all that it starts."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 120.0
"""Seconds that anything may take to appear where the machine is busy; it only ends a test that has failed."""


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait for something to hold; the limit only ends a test that has failed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} seconds in vain: {what}")


class Dashboard:
    """`streamlit run app/main.py` over a home folder. What it starts is known by that folder in its environment."""

    def __init__(self, home: Path, *, showcase: bool = False) -> None:
        """Start it; `showcase`: whether it brings the runs that are shipped, which an empty store does without."""
        environment = {**os.environ, "POISONSCOPE_HOME": str(home.resolve())}
        if showcase:
            environment.pop("POISONSCOPE_SHOWCASE", None)
        self.home = home.resolve()
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "dashboard.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app/main.py"]
                + ["--server.port", str(self.port), "--server.address", "127.0.0.1"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> "Dashboard":
        """Until it answers."""
        until(self._healthy, "the dashboard answers")
        return self

    def _healthy(self) -> bool:
        assert self.process.poll() is None, (self.home / "dashboard.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def workers(self) -> list[psutil.Process]:
        """The worker of this home and its children, whoever their parent is now."""
        return [process for process in self._mine() if "core" in " ".join(_command(process)[1:3])]

    def kill_workers(self) -> None:
        """SIGKILL for the worker and its children, the worker first, so that it cannot write down how they ended."""
        killed = sorted(self.workers(), key=lambda process: "core.runs.child" in _command(process))
        assert len(killed) >= 2, f"there is no worker with a child: {killed}"
        for process in killed:
            process.send_signal(signal.SIGKILL)
        until(lambda: not self.workers(), "the killed processes are gone")

    def stop(self, *, everything: bool = True) -> None:
        """End the server and, unless other servers use the same home, the worker and its children."""
        self.process.kill()
        self.process.wait()
        while everything and (left := self._mine()):
            for process in left:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
            psutil.wait_procs(left, timeout=5)

    def _mine(self) -> list[psutil.Process]:
        """Living processes that were started with this home folder."""
        found = []
        for process in psutil.process_iter(["environ", "status"]):
            home = (process.info["environ"] or {}).get("POISONSCOPE_HOME")
            if home == str(self.home) and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
