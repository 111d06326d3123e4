"""The finished runs that come with Poisonscope: which they are, and how they get into a store.

assets/showcase/showcase.toml lists them; beside it lies one zip each, written by `make showcase`. A zip leaves out what
a seed draws again in seconds (see `core.showcase.draw`).
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import presets, spec
from core.errors import PoisonscopeError, StoreError, explain
from core.runs.archive import import_run, recorded
from core.runs.record import Origin, Run
from core.runs.store import Store

LIST = "showcase.toml"
ORIGIN: Origin = "showcase"
DRAWN = ("data", "poison")
"""Kinds of steps that may be left out of a zip, because their images are drawn again from a seed."""


class Entry(BaseModel):
    """One finished run.

    Attributes:
        id: of the run in every store, and stem of its zip.
        title: what the run is called.
        preset: what it was made from.
        set: assignments on top of that, as on the command line.
        weights: arms whose trained network is part of the zip, first key and first victim.
        pictures: whether it brings test images with what every arm makes of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    title: Annotated[str, Field(min_length=1, max_length=80)]
    preset: str
    set: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    pictures: bool = False

    @property
    def path(self) -> Path:
        """Where its zip lies."""
        return folder() / f"{self.id}.zip"

    @property
    def command(self) -> str:
        """The command line that computes the same."""
        return " ".join(["python -m core run", self.preset, *(f"--set {each}" for each in self.set)])

    def content(self) -> dict[str, Any]:
        """The experiment's mapping, unchecked."""
        return {**spec.changed(presets.load(self.preset).content, self.set), "name": self.title}


def folder() -> Path:
    """Where list and zips lie; POISONSCOPE_SHOWCASE names another place."""
    named = os.environ.get("POISONSCOPE_SHOWCASE")
    return Path(named) if named else Path(__file__).resolve().parent.parent.parent / "assets" / "showcase"


def entries() -> list[Entry]:
    """All runs of the list, in its order; none where there is no list.

    Raises:
        StoreError: the list is damaged.
    """
    path = folder() / LIST
    if not path.is_file():
        return []
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8")).get("runs", [])
        found = [Entry.model_validate(each) for each in listed]
    except tomllib.TOMLDecodeError as error:
        raise StoreError(f"{LIST} is damaged: {error}.") from None
    except ValidationError as error:
        raise StoreError(f"{LIST} is damaged: {explain(error):.500}") from None
    return found


def load(store: Store) -> list[str]:
    """Put every shipped run into a store that does not have it yet, or has an older one.

    A run that did not come this way is never touched. Any number of processes may do this at once.

    Returns:
        One sentence for every run that could not be had.
    """
    problems = []
    with FileLock(store.home / "showcase.lock", timeout=60):
        for entry in entries():
            try:
                _load(store, entry)
            except PoisonscopeError as error:
                problems.append(f"{entry.id}: {error}")
    return problems


def _load(store: Store, entry: Entry) -> None:
    made = recorded(entry.path)["created"]
    present = find(store, entry.id)
    if present is not None:
        if present.origin != ORIGIN:
            raise StoreError(f"There is a run {entry.id!r} already, which is not ours to replace.")
        if present.created == made:
            return
        store.delete(entry.id)
    import_run(store, entry.path, ORIGIN, run_id=entry.id)


def find(store: Store, run_id: str) -> Run | None:
    """A run by its id; None where there is none."""
    try:
        return store.run(run_id)
    except StoreError:
        return None


def undrawn(store: Store) -> list[Run]:
    """The shipped runs whose images still have to be drawn, in the order in which they came into the store."""
    return [
        run
        for run in reversed(store.runs())
        if run.origin == ORIGIN
        and any(step["kind"] in DRAWN and not store.artifacts.has(step["key"]) for step in run.steps)
    ]
