"""The run store: what was asked for, what became of it, and its curves. Small facts only; arrays are `Artifacts`.

Any number of processes use one store at once. Every change is one short transaction whose WHERE says which state it
expects, so that of two that want the same thing one wins and the other one notices.
"""

import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from core import home as homes
from core.errors import StoreError
from core.runs import record
from core.runs.artifacts import Artifacts
from core.runs.processes import Process, me
from core.runs.record import ACTIVE, ENDED, Origin, Run
from core.runs.tables import meta, open_database, points, runs
from core.spec import FORMAT

ID = re.compile(r"[a-z0-9-]{1,64}")
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is mistaken for another one when read aloud
_WORKER = "worker"
_IN_LINE = (runs.c.state == "queued") & (runs.c.format == FORMAT)
_WAITING = select(runs.c.id).where(_IN_LINE).order_by(runs.c.queued, runs.c.number)


class Store:
    """All runs of one home folder."""

    def __init__(self, home: Path | None = None, url: str | None = None) -> None:
        """Open the store, making it where there is none.

        Args:
            home: the folder; `core.home.home()` if not given.
            url: a database for SQLAlchemy; if not given what POISONSCOPE_DATABASE names, else home/runs.db.

        Raises:
            StoreError: the database cannot be opened or is of a newer version.
        """
        self.home = homes.home() if home is None else home.resolve()
        self.home.mkdir(parents=True, exist_ok=True)
        self.artifacts = Artifacts(self.home / "steps")
        self.url = url or os.environ.get("POISONSCOPE_DATABASE")
        self._engine = open_database(self.url or f"sqlite:///{self.home / 'runs.db'}", self.home)

    def close(self) -> None:
        """Let go of the database's connections; the next question opens new ones."""
        self._engine.dispose()

    def environment(self) -> dict[str, str]:
        """The environment in which another process of this project finds this very store."""
        place = {"POISONSCOPE_HOME": str(self.home)}
        return {**os.environ, **place, **({"POISONSCOPE_DATABASE": self.url} if self.url else {})}

    # ---- what people ask for

    def queue(self, spec: dict[str, Any], *, spec_hash: str, name: str, nonce: str | None = None) -> str:
        """Put an experiment in the queue.

        Args:
            spec: the experiment as JSON.
            spec_hash: `Experiment.hash()`.
            name: what people call it, 1 to 80 characters.
            nonce: the same one twice is the same wish, such as a double click, and gives the same run.

        Returns:
            The run's id.
        """
        facts = {"spec": spec, "spec_hash": spec_hash, "name": _name(name)}
        return self._insert({**facts, "nonce": nonce, "queued": time.time()})

    def start(self, spec: dict[str, Any], *, spec_hash: str, name: str) -> str:
        """Record a run that this very process is about to execute, past the queue and its worker; returns its id."""
        owned = {"state": "starting", "heartbeat": time.time(), "started": time.time(), **_owned_by(me())}
        return self._insert({"spec": spec, "spec_hash": spec_hash, "name": _name(name), **owned})

    def run(self, run_id: str) -> Run:
        """One run, with its true state.

        Raises:
            StoreError: there is no such run.
        """
        with self._engine.connect() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().one_or_none()
            if row is None:
                raise StoreError(f"There is no run {run_id!r:.70}.")
            place = _places(connection).get(run_id) if row["state"] == "queued" else None
        return record.read(dict(row), time.time(), place)

    def runs(self) -> list[Run]:
        """All runs, newest first, with their true states."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.number.desc())).mappings().all()
            places = _places(connection)
        now = time.time()
        return [record.read(dict(row), now, places.get(row["id"])) for row in rows]

    def finished_with(self, spec_hash: str) -> Run | None:
        """The newest run that computed this experiment to its end, if there is one."""
        wanted = (runs.c.spec_hash == spec_hash, runs.c.state == "done", runs.c.format == FORMAT)
        with self._engine.connect() as connection:
            query = select(runs).where(*wanted).order_by(runs.c.number.desc()).limit(1)
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else record.read(dict(row), time.time())

    def points(self, run_id: str, after: int = 0) -> list[dict[str, Any]]:
        """The points of a run's curves with an id above `after`, in the order in which they were measured."""
        shown = [column for column in points.c if column.name != "run"]
        query = select(*shown).where(points.c.run == run_id, points.c.id > after).order_by(points.c.id)
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def cancel(self, run_id: str) -> None:
        """Stop a run: at once while it waits, else at its next opportunity. One that has ended stays as it is."""
        now = time.time()
        waiting = self._change(run_id, runs.c.state == "queued", state="cancelled", phase="Stopped", ended=now)
        if not waiting and not self._change(run_id, runs.c.state.in_(("starting", "running")), state="stopping"):
            self.run(run_id)  # says so if there is no such run

    def resume(self, run_id: str) -> None:
        """Put a cancelled, failed or lost run back in the queue; its finished steps are found again. A live one stays.

        Raises:
            StoreError: it is done, or made by another version.
        """
        run = self.run(run_id)
        if run.live:
            return
        if run.state not in ("cancelled", "failed", "lost"):
            raise StoreError(f"The run {run_id!r} is {run.state}; only a cancelled, failed or lost run can be resumed.")
        _put_down(run)
        emptied = ("eta_seconds", "started", "ended", "heartbeat", "pid", "born", "host", "result")
        fresh = {"state": "queued", "phase": "", "progress": 0.0, "message": "", "queued": time.time()}
        # The start time tells this attempt from the next one, which a second press of the button must not stop.
        same = runs.c.state.not_in(("queued", "done")) & runs.c.started.is_not_distinct_from(run.started)
        self._change(run_id, same, format=FORMAT, **dict.fromkeys(emptied), **fresh)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name of 1 to 80 characters."""
        if not self._change(run_id, name=_name(name)):
            self.run(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run, its curves, its log, and the files of those steps that no other run names.

        Raises:
            StoreError: there is no such run, or it is live.
        """
        run = self.run(run_id)
        if run.live:
            raise StoreError(f"The run {run_id!r} is {run.state}; stop it before deleting it.")
        _put_down(run)
        with self._engine.begin() as connection:
            connection.execute(delete(points).where(points.c.run == run_id))
            connection.execute(delete(runs).where(runs.c.id == run_id))
            others = connection.scalars(select(runs.c.steps)).all()
        kept = {step["key"] for steps in others for step in steps}
        for key in {step["key"] for step in run.steps} - kept:
            self.artifacts.remove(key)
        self.log_path(run_id).unlink(missing_ok=True)

    def clear(self) -> int:
        """Delete every run that is not live; returns how many."""
        ended = [run.id for run in self.runs() if run.finished]
        for run_id in ended:
            self.delete(run_id)
        return len(ended)

    def log_path(self, run_id: str) -> Path:
        """Where the output of a run's process goes.

        Raises:
            StoreError: that is no run's id.
        """
        if not ID.fullmatch(run_id):
            raise StoreError(f"There is no run {run_id!r:.70}.")
        return self.home / "logs" / f"{run_id}.log"

    def log_tail(self, run_id: str, lines: int = 30) -> str:
        """The last lines of a run's log; empty where it has none."""
        try:
            with self.log_path(run_id).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 65_536))
                text = log.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    # ---- what the processes that do the work write

    def claim(self) -> str | None:
        """Take the run that has waited longest, for this process; of several who ask at once each gets another one."""
        while True:
            with self._engine.connect() as connection:
                run_id: str | None = connection.scalar(_WAITING.limit(1))
            if run_id is None:
                return None
            now = time.time()
            taken = {"state": "starting", "phase": "Loading PyTorch", "started": now, "heartbeat": now}
            taken |= _owned_by(me())
            if self._change(run_id, runs.c.state == "queued", **taken):
                return run_id

    def assign(self, run_id: str, pid: int) -> bool:
        """Make a process of this machine the owner of a claimed run; whether it still was to be had."""
        return self._change(run_id, runs.c.state.in_(ACTIVE), heartbeat=time.time(), **_owned_by(Process.of(pid)))

    def begin(self, run_id: str, pid: int, device: str, steps: list[dict[str, Any]]) -> None:
        """Record that a process works on the run, where, and which steps it will take."""
        facts = {"device": device, "steps": steps, "heartbeat": time.time(), **_owned_by(Process.of(pid))}
        self._change(run_id, runs.c.state.in_(ACTIVE), **facts)
        self._change(run_id, runs.c.state == "starting", state="running")

    def progress(self, run_id: str, phase: str, fraction: float, eta_seconds: float | None) -> None:
        """Record what is being done (for people), the share that is done (0 to 1) and the seconds left."""
        done = min(1.0, max(0.0, fraction))
        self._change(run_id, runs.c.state.in_(ACTIVE), phase=phase, progress=done, eta_seconds=eta_seconds)

    def heartbeat(self, run_id: str, pid: int | None = None) -> bool:
        """Record that the run's owner (this process, or the one named) lives; False where it owns the run no more."""
        owner = me() if pid is None else Process.of(pid)
        mine = (runs.c.pid == owner.pid) & (runs.c.host == owner.host)
        return self._change(run_id, runs.c.state.in_(ACTIVE) & mine, heartbeat=time.time())

    def add_point(
        self,
        run_id: str,
        *,
        arm: str,
        epoch: int,
        poison_key: int | None = None,
        victim: int | None = None,
        loss: float | None = None,
        clean_accuracy: float | None = None,
        asr: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """Record one epoch of one model; the same epoch again, as after a resume, replaces what was measured."""
        place = {"run": run_id, "arm": arm, "poison_key": poison_key, "victim": victim, "epoch": epoch}
        measured = {"loss": loss, "clean_accuracy": clean_accuracy, "asr": asr, "seconds": seconds}
        same = [points.c[column].is_not_distinct_from(value) for column, value in place.items()]
        with self._engine.begin() as connection:
            if connection.execute(update(points).where(*same).values(**measured)).rowcount == 0:
                connection.execute(insert(points).values(**place, **measured))

    def cancel_asked(self, run_id: str) -> bool:
        """Whether somebody wants the run to stop."""
        with self._engine.connect() as connection:
            state = connection.scalar(select(runs.c.state).where(runs.c.id == run_id))
        return state == "stopping"

    def conclude(self, run_id: str, result: dict[str, Any]) -> None:
        """Record the result of a run that goes on to draw its maps."""
        self._change(run_id, runs.c.state.in_(ACTIVE), result=result)

    def finish(self, run_id: str, state: str, message: str = "", result: dict[str, Any] | None = None) -> bool:
        """Record how a run ended; whether that was still open.

        Args:
            run_id: the run.
            state: cancelled, done, failed or lost.
            message: one sentence.
            result: the result's JSON; None leaves what was recorded before.
        """
        if state not in ENDED:
            raise ValueError(f"a run ends as one of {ENDED}, not as {state!r}")
        facts: dict[str, Any] = {"state": state, "message": message, "ended": time.time(), "eta_seconds": None}
        if result is not None:
            facts["result"] = result
        whole = {"phase": "Finished", "progress": 1.0} if state == "done" else {}
        return self._change(run_id, runs.c.state.in_(ACTIVE), **facts, **whole)

    def insert_ended(
        self, facts: dict[str, Any], series: Iterable[dict[str, Any]], origin: Origin, run_id: str | None = None
    ) -> str:
        """Add a run that ended elsewhere, with its points, all or nothing; returns its id.

        Args:
            facts: columns of the table of runs, `state` among ENDED.
            series: its points without their ids.
            origin: where it comes from.
            run_id: the id that it is to have; a new one if not given.

        Raises:
            StoreError: that is no run's id, or there is a run of that id.
        """
        if run_id is not None and not ID.fullmatch(run_id):
            raise StoreError(f"{run_id!r:.70} is no run's id: small letters, digits and dashes, 64 at most.")
        return self._insert({**facts, "origin": origin}, list(series), run_id)

    # ---- the worker

    def note_worker(self) -> None:
        """Record that this process is the worker, and that it lives. It must hold the worker's lock."""
        value = {**_owned_by(me()), "heartbeat": time.time()}
        with self._engine.begin() as connection:
            if connection.execute(update(meta).where(meta.c.key == _WORKER).values(value=value)).rowcount == 0:
                connection.execute(insert(meta).values(key=_WORKER, value=value))

    def worker_alive(self) -> bool:
        """Whether a worker takes runs from the queue.

        Looks for the recorded process and leaves the lock alone: trying it would stand in a starting worker's way.
        """
        with self._engine.connect() as connection:
            value = connection.scalar(select(meta.c.value).where(meta.c.key == _WORKER))
        if value is None:
            return False
        owner = Process(value["pid"], value["born"], value["host"])
        return owner.alive() if owner.here else time.time() - value["heartbeat"] < record.STALLED

    # ---- helpers

    def _change(self, run_id: str, *conditions: ColumnElement[bool], **values: Any) -> bool:
        """Change a run if the conditions hold; whether they did."""
        change = update(runs).where(runs.c.id == run_id, *conditions).values(**values)
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1

    def _insert(self, facts: dict[str, Any], series: Iterable[dict[str, Any]] = (), wanted: str | None = None) -> str:
        """Insert a run under the id wanted, or a new one; where its nonce is known, the id of the run with it."""
        values = {"format": FORMAT, "state": "queued", "created": time.time(), **facts}
        while True:
            run_id = wanted or "r-" + "".join(secrets.choice(_LETTERS) for _ in range(6))
            try:
                with self._engine.begin() as connection:
                    connection.execute(insert(runs).values(**values, id=run_id))
                    rows = [{**point, "run": run_id} for point in series]
                    if rows:
                        connection.execute(insert(points), rows)
                return run_id
            except IntegrityError:
                # In SQL no NULL equals another one, so a run without a nonce finds none here and takes another id.
                with self._engine.connect() as connection:
                    nonce = literal(values.get("nonce"), String)
                    known: str | None = connection.scalar(select(runs.c.id).where(runs.c.nonce == nonce))
                    id_taken = connection.scalar(select(runs.c.id).where(runs.c.id == run_id)) is not None
                if known is not None:
                    return known
                if wanted is not None and id_taken:
                    raise StoreError(f"There is a run {wanted!r} already.") from None
                if not id_taken:
                    raise


def _places(connection: Connection) -> dict[str, int]:
    """Every waiting run's place in the queue, 1 = next."""
    return {run_id: place for place, run_id in enumerate(connection.scalars(_WAITING), start=1)}


def _put_down(run: Run) -> None:
    """A process that was silent until it counted as lost must not wake up and write into its successor's curves."""
    if run.state == "lost" and run.owner is not None and run.owner.here:
        run.owner.kill()


def _owned_by(process: Process) -> dict[str, Any]:
    return {"pid": process.pid, "born": process.born, "host": process.host}


def _name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 80:
        raise StoreError(f"A run's name has 1 to 80 characters, not {len(name.strip())}.")
    return name.strip()
