"""A run as one zip: run.json (what was asked, what came out, the curves) and the files of its steps.

An archive comes from anywhere, so nothing in it is believed: names have to fit a pattern, sizes a limit, arrays their
headers, and nothing is ever unpickled. Everything is unpacked beside the steps and checked there; only then it is
renamed into place, so that a bad archive leaves nothing behind.

What cannot be checked is whether a step holds what its key promises: that would mean computing it. Import what you
trust.
"""

import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.lib.format import read_magic
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open

from core import __version__
from core.errors import StoreError, explain
from core.runs.artifacts import Artifacts
from core.runs.record import ENDED, Origin
from core.runs.store import Store
from core.spec import FORMAT, digest
from core.unpacking import MOST_FILES, check_members, json_object

ARCHIVE = 1
"""Version of run.json and of the archive's layout."""

MEMBER = re.compile(r"run\.json|steps/[0-9a-f]{20}/(meta\.json|[a-z][a-z0-9_]{0,63}\.(npy|safetensors))")

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,80}$")]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Seconds = Annotated[float, Field(ge=0, le=1e11)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Step(_Part):
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{20}$")]
    kind: Name
    label: Annotated[str, Field(max_length=200)]
    arm: Name | None
    poison_key: Count | None
    victim: Count | None
    defense: Name | None


class _Point(_Part):
    arm: Name
    poison_key: Count | None
    victim: Count | None
    epoch: Count
    loss: float | None
    clean_accuracy: float | None
    asr: float | None
    seconds: float | None


class _Record(_Part):
    """run.json after its versions were found to be ours."""

    archive: int
    format: int
    made_by: str
    name: Annotated[str, Field(min_length=1, max_length=80)]
    state: Literal["cancelled", "done", "failed", "lost"]
    phase: Annotated[str, Field(max_length=500)]
    progress: Annotated[float, Field(ge=0, le=1)]
    message: Annotated[str, Field(max_length=2000)]
    created: Seconds
    started: Seconds | None
    ended: Seconds | None
    device: Annotated[str, Field(max_length=200)]
    spec: dict[str, Any]
    spec_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
    result: dict[str, Any] | None
    steps: Annotated[list[_Step], Field(max_length=MOST_FILES)]
    points: Annotated[list[_Point], Field(max_length=1_000_000)]

    @model_validator(mode="after")
    def _done_has_result(self) -> "_Record":
        if self.state == "done" and self.result is None:
            raise ValueError("a run that is done has a result")
        return self


_FROM_RUN = (
    "name", "state", "phase", "progress", "message", "created", "started", "ended", "device", "spec", "spec_hash",
    "result",
)  # fmt: skip


@dataclass(frozen=True)
class Light:
    """How an archive is made smaller than its run.

    Attributes:
        keep: which files go into it, asked with a StepRef and a file's name. A step without its meta.json is left out.
        note: one sentence that stands as the run's message.
        more: StepRefs that the archive's run has beside the run's own.
    """

    keep: Callable[[dict[str, Any], str], bool]
    note: str = ""
    more: tuple[dict[str, Any], ...] = ()


def export_run(store: Store, run_id: str, target: Path | BytesIO, light: Light | None = None) -> None:
    """Write a run that has ended, with the files of its finished steps, to one zip.

    A step of which only a part goes into the archive gets a key of its own: whoever computes the same experiment must
    not find the part and take it for the whole.

    Args:
        store: where it is.
        run_id: the run.
        target: a path, or bytes in memory.
        light: what to leave out; nothing if not given.

    Raises:
        StoreError: there is no such run, or it has not ended.
    """
    run = store.run(run_id)
    if run.state not in ENDED:
        raise StoreError(f"The run {run_id!r} is {run.state}; only a run that has ended can be exported.")
    series = [{name: value for name, value in point.items() if name != "id"} for point in store.points(run_id)]
    light = light or Light(lambda _step, _file: True, run.message)
    packed = [_packed(store.artifacts, step, light) for step in (*run.steps, *light.more)]
    facts = {name: getattr(run, name) for name in _FROM_RUN} | {"message": light.note}
    versions = {"archive": ARCHIVE, "format": FORMAT, "made_by": __version__}
    record = {**versions, **facts, "steps": [step for step, _ in packed], "points": series}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.json", json.dumps(record))
        for key, files in {step["key"]: files for step, files in packed}.items():
            for path in files:
                archive.write(path, f"steps/{key}/{path.name}")


def _packed(artifacts: Artifacts, step: dict[str, Any], light: Light) -> tuple[dict[str, Any], list[Path]]:
    """A StepRef as it stands in an archive, and its files that go with it."""
    present = sorted(artifacts.folder(step["key"]).iterdir()) if artifacts.has(step["key"]) else []
    kept = [path for path in present if light.keep(step, path.name)]
    if "meta.json" not in [path.name for path in kept]:
        return step, []
    return (step if kept == present else {**step, "key": digest(["part of", step["key"]])}), kept


def recorded(source: Path) -> dict[str, Any]:
    """What a zip's run.json says, without unpacking anything else.

    Raises:
        StoreError: as for `import_run`.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            check_members(archive, "exported run", MEMBER, "run.json")
            return _read_record(archive).model_dump()
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise StoreError(f"This is not a readable zip archive ({error}).") from None
    except FileNotFoundError:
        raise StoreError(f"There is no file {str(source)!r}.") from None


def import_run(store: Store, source: Path | BytesIO, origin: Origin = "imported", *, run_id: str | None = None) -> str:
    """Add the run in a zip to the store; steps that are there already are kept.

    Args:
        store: where it goes.
        source: a path, or bytes in memory, such as an upload.
        origin: what the store says about where it comes from.
        run_id: the id that it is to have; a new one if not given.

    Returns:
        The new run's id.

    Raises:
        StoreError: the archive is damaged, hostile or of another version, or the id is taken. The store is then as it
            was.
    """
    try:
        with zipfile.ZipFile(source) as archive, store.artifacts.scratch() as scratch:
            check_members(archive, "exported run", MEMBER, "run.json")
            record = _read_record(archive)
            _unpack(archive, scratch)
            known = {step.key for step in record.steps}
            folders = sorted((scratch / "steps").glob("*"))
            for folder in folders:
                _check_step(folder, known)
            return _take_in(store, record, folders, origin, run_id)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise StoreError(f"This is not a readable zip archive ({error}).") from None
    except FileNotFoundError:
        raise StoreError(f"There is no file {str(source)!r}.") from None


def _read_record(archive: zipfile.ZipFile) -> _Record:
    content = json_object(archive.read("run.json"), "run.json")
    layout, steps = content.get("archive"), content.get("format")
    if (layout, steps) != (ARCHIVE, FORMAT):
        raise StoreError(
            f"The archive was made by version {content.get('made_by')!s:.40} (format {layout!s:.9}.{steps!s:.9}); "
            f"this is version {__version__}, which reads format {ARCHIVE}.{FORMAT}."
        )
    try:
        return _Record.model_validate(content)
    except ValidationError as error:
        raise StoreError(f"The archive's run.json is damaged: {explain(error):.500}") from None


def _unpack(archive: zipfile.ZipFile, scratch: Path) -> None:
    """Write the steps' files below `scratch`; the zip reader itself stops at the size that was checked."""
    for member in archive.infolist():
        if member.filename == "run.json":
            continue
        path = scratch / member.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file, 2**20)


def _check_step(folder: Path, known: set[str]) -> None:
    """Refuse a step that its run does not name, or with a file that is not what its name says."""
    if folder.name not in known:
        raise StoreError(f"The archive has files of step {folder.name}, which its run does not name.")
    if not (folder / "meta.json").is_file():
        raise StoreError(f"Step {folder.name} has no meta.json.")
    json_object((folder / "meta.json").read_bytes(), f"steps/{folder.name}/meta.json")
    for path in folder.glob("*.npy"):
        _check_array(path)
    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy"):
                pass  # opening reads and checks the header
        except SafetensorError as error:
            raise StoreError(f"{path.name} of step {folder.name} is no file of weights ({error}).") from None


def _check_array(path: Path) -> None:
    """Refuse a file that is not exactly one plain array of numbers or booleans."""
    where = f"{path.name} of step {path.parent.name}"
    try:
        with path.open("rb") as file:  # numpy's own reader would take a zip for an array as well
            read_magic(file)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError, TypeError, OverflowError) as error:
        raise StoreError(f"{where} is no array of numbers ({error!s:.200}).") from None
    if array.dtype.kind not in "biuf":
        raise StoreError(f"{where} is no array of numbers but of {array.dtype}.")
    if array.offset + array.nbytes != path.stat().st_size:
        raise StoreError(f"{where} is longer than its array.")


def _take_in(store: Store, record: _Record, folders: list[Path], origin: Origin, run_id: str | None) -> str:
    """Rename the steps into place and record the run; undone if anything fails on the way."""
    placed: list[str] = []
    artifacts: Artifacts = store.artifacts
    try:
        for folder in folders:
            if artifacts.place(folder, folder.name):
                placed.append(folder.name)
        content = record.model_dump(include=set(_FROM_RUN) | {"steps", "points"})
        series = content.pop("points")
        return store.insert_ended(content, series, origin, run_id)
    except BaseException:
        for key in placed:
            artifacts.remove(key)
        raise
