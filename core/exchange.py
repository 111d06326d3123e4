"""Crafted poisons as one zip: poisons.json says what they are, and poisons-<number>.npz holds those of one key.

It is how poisons travel: from a run into another one, or to somebody who crafts or defends with other tools. Images are
uint8, as the victim sees them, so what arrives is what left; `write` reads everything back before it is done. There is
no pickle in it, and none is ever read.

A file comes from anywhere, so nothing in it is believed: names have to fit a pattern, sizes a limit, every array its
type and shape, and what the archive says about the poisons (epsilon, labels) has to be true of them.
"""

import hashlib
import json
import os
import re
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.lib.format import write_array
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import __version__
from core.crafted import AXES, Facts, Poisons, check, dtype, largest_change
from core.errors import StoreError, explain
from core.unpacking import check_members, json_object, plain_array

FORMAT = 1
"""Version of poisons.json and of the arrays."""

WHAT = "archive of poisons"
RECORD = "poisons.json"
MEMBER = re.compile(r"poisons\.json|poisons-(0|[1-9]\d{0,3})\.npz")
LARGEST_KEY = 4 * 2**30
"""Bytes of one key's arrays."""
MOST_KEYS = 1000

_PARTS = re.compile("|".join(f"{name}\\.npy" for name in AXES))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Entry(_Part):
    """What poisons.json says about one key."""

    key: Annotated[int, Field(ge=0, le=2**31 - 1)]
    n: Annotated[int, Field(ge=1, le=2**40)]
    poisons: Annotated[int, Field(ge=1, le=2**31 - 1)]
    targets: Annotated[int, Field(ge=1, le=2**31 - 1)]
    largest_change: Annotated[int, Field(ge=0, le=255)]


class _Record(_Part):
    """poisons.json after its version was found to be ours."""

    format: int
    made_by: Annotated[str, Field(max_length=40)]
    attack: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,80}$")]
    class_names: Annotated[list[Annotated[str, Field(max_length=300)]], Field(min_length=2, max_length=30_000)]
    data: dict[str, Any]
    epsilon: Annotated[int, Field(ge=0, le=255)] | None
    changes_labels: bool
    keys: Annotated[list[Entry], Field(min_length=1, max_length=MOST_KEYS)]


@dataclass(frozen=True)
class Contents:
    """What an archive holds: the facts, an entry a key, and the version of Poisonscope that wrote it."""

    facts: Facts
    keys: tuple[Entry, ...]
    made_by: str


def write(target: Path | BytesIO, facts: Facts, sets: Iterable[Poisons]) -> Contents:
    """Write an archive, and read it back to the last bit before it gets its name.

    Args:
        target: a path, where a file that is there already is replaced, or bytes in memory.
        facts: what holds for all keys.
        sets: the keys, in the order in which an importing run will take them; at least one.

    Raises:
        StoreError: the poisons are not what the facts say.
        OSError: the file cannot be written.
    """
    if isinstance(target, BytesIO):
        return _write(target, facts, sets)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        found = _write(beside, facts, sets)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return found


def _write(target: Path | BytesIO, facts: Facts, sets: Iterable[Poisons]) -> Contents:
    entries, digests = [], []
    with zipfile.ZipFile(target, "w") as archive:
        for number, poisons in enumerate(sets):
            check(poisons, facts)
            _put(archive, f"poisons-{number}.npz", _npz(poisons))
            entries.append(_entry(poisons))
            digests.append(_digest(poisons))
        if not entries:
            raise StoreError("There are no poisons to write.")
        told = {field.name: getattr(facts, field.name) for field in fields(facts)}
        keys = [entry.model_dump() for entry in entries]
        record = {"format": FORMAT, "made_by": __version__, **told, "keys": keys}
        _put(archive, RECORD, json.dumps(record, indent=1).encode())
    for number, digest in enumerate(digests):
        if _digest(read(target, number)) != digest:
            raise StoreError(f"The poisons of key {entries[number].key} were not written as they are; try again.")
    return contents(target)


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name)  # without the time: the same poisons make the same file
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(info, content)


def _npz(poisons: Poisons) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as inner:
        for name in AXES:
            with inner.open(f"{name}.npy", "w", force_zip64=True) as file:
                write_array(file, getattr(poisons, name), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _entry(poisons: Poisons) -> Entry:
    counts = {"poisons": len(poisons.rows), "targets": len(poisons.targets)}
    return Entry(key=poisons.key, n=poisons.n, largest_change=largest_change(poisons), **counts)


def _digest(poisons: Poisons) -> str:
    content = hashlib.sha256()
    for name in AXES:
        content.update(np.ascontiguousarray(getattr(poisons, name)).data)
    return content.hexdigest()


def contents(source: Path | BytesIO) -> Contents:
    """What an archive says about itself.

    Raises:
        StoreError: it is no archive of poisons, damaged, hostile, or of another version.
    """
    with _opened(source) as archive:
        return _contents(archive)


def read(source: Path | BytesIO, number: int) -> Poisons:
    """The poisons at one place in an archive, counted from 0, verified.

    Raises:
        StoreError: as for `contents`, or the archive has fewer keys, or what it says about them is not true.
    """
    with _opened(source) as archive:
        return _read(archive, _contents(archive), number)


def verify(source: Path | BytesIO) -> Contents:
    """Read all of an archive, as one does with a stranger's.

    Raises:
        StoreError: as for `read`.
    """
    with _opened(source) as archive:
        found = _contents(archive)
        for number in range(len(found.keys)):
            _read(archive, found, number)
        return found


@contextmanager
def _opened(source: Path | BytesIO) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(source) as archive:
            check_members(archive, WHAT, MEMBER, RECORD)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise StoreError(f"This is not a readable zip archive ({error}).") from None
    except OSError as error:
        raise StoreError(f"{str(source)!r} cannot be read: {error.strerror or error}.") from None


def _contents(archive: zipfile.ZipFile) -> Contents:
    content = json_object(archive.read(RECORD), RECORD)
    if content.get("format") != FORMAT:
        raise StoreError(
            f"The archive of poisons was made by version {content.get('made_by')!s:.40} in format "
            f"{content.get('format')!s:.9}; this is version {__version__}, which reads format {FORMAT}."
        )
    try:
        record = _Record.model_validate(content)
    except ValidationError as error:
        raise StoreError(f"{RECORD} is damaged: {explain(error):.500}") from None
    wanted = {RECORD, *(f"poisons-{number}.npz" for number in range(len(record.keys)))}
    if wanted != set(archive.namelist()):
        odd = min(wanted ^ set(archive.namelist()))
        raise StoreError(f"{RECORD} lists {len(record.keys)} keys, and {odd} does not fit that.")
    names = tuple(record.class_names)
    facts = Facts(record.attack, names, record.data, record.epsilon, record.changes_labels)
    return Contents(facts, tuple(record.keys), record.made_by)


def _read(archive: zipfile.ZipFile, found: Contents, number: int) -> Poisons:
    if not 0 <= number < len(found.keys):
        raise StoreError(f"The archive holds {len(found.keys)} keys, counted from 0; there is no key {number} in it.")
    name, entry = f"poisons-{number}.npz", found.keys[number]
    if archive.getinfo(name).file_size > LARGEST_KEY:
        raise StoreError(f"{name} has {archive.getinfo(name).file_size} bytes; at most {LARGEST_KEY} are taken.")
    with zipfile.ZipFile(BytesIO(archive.read(name))) as inner:
        check_members(inner, WHAT, _PARTS, "rows.npy")
        if sum(member.file_size for member in inner.infolist()) > LARGEST_KEY:
            raise StoreError(f"{name} unpacks to more than {LARGEST_KEY} bytes.")
        arrays = {part: plain_array(inner, f"{part}.npy", dtype(part), name) for part in AXES}
    poisons = Poisons(entry.key, entry.n, **arrays)
    check(poisons, found.facts)
    for (fact, true), (_, told) in zip(_entry(poisons), entry, strict=True):
        if told != true:
            raise StoreError(f"{RECORD} says {fact} is {told} in {name}, where it is {true}.")
    return poisons
