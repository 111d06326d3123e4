"""Which process owns a run, and whether it is still there."""

import os
import platform
from dataclasses import dataclass
from functools import cache

import psutil

SAME_START = 2.0
"""Seconds by which two readings of one process's start time may differ: the clock that they hang on gets corrected."""


@dataclass(frozen=True)
class Process:
    """A process that no other process can be mistaken for: a number alone is soon used again.

    Attributes:
        pid: process id on its host.
        born: when it started, Unix seconds.
        host: the name of its machine.
    """

    pid: int
    born: float
    host: str

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The process with this id on this machine; one that is gone counts as born at 0, which no living one is."""
        try:
            born = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            born = 0.0
        return cls(pid, born, host())

    @property
    def here(self) -> bool:
        """Whether it belongs to this machine, and can therefore be looked at."""
        return self.host == host()

    def alive(self) -> bool:
        """Whether it runs. Only to be asked where it is `here`. A zombie, which waits for its parent, is dead."""
        return self._find() is not None

    def kill(self) -> None:
        """End it at once, if it is there."""
        found = self._find()
        if found is not None:
            found.kill()

    def _find(self) -> psutil.Process | None:
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.born) < SAME_START
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@cache
def host() -> str:
    """This machine's name."""
    return platform.node()


@cache
def _me(pid: int) -> Process:
    return Process.of(pid)


def me() -> Process:
    """This process."""
    return _me(os.getpid())
