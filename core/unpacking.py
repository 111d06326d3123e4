"""What is checked about a zip, and the JSON and arrays in it, before anything of them is believed."""

import json
import re
import stat
import zipfile
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from core.errors import StoreError

ENCRYPTED = 0x1
"""Bit of a member's flags, as the zip format numbers them."""

MOST_FILES = 20_000
LARGEST_JSON = 64 * 2**20
LARGEST_TOTAL = 16 * 2**30
SMALL = 256 * 2**20
MOST_RATIO = 100
"""Unpacked bytes per byte of the archive, above SMALL in total: images and weights stay below, a bomb does not."""

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<|][a-z]\d)', 'fortran_order': False, 'shape': \((\d{1,12}(?:, \d{1,12})*),?\), \} *\n"
)
"""What numpy writes above the numbers; only this spelling is read, and nothing in it is evaluated."""


def check_members(archive: zipfile.ZipFile, what: str, legal: re.Pattern[str], needed: str) -> None:
    """Refuse an archive for what its table of contents says, before anything is unpacked.

    Args:
        archive: the zip.
        what: what it ought to be, as in "the archive is no ...".
        legal: what every file's whole name has to match.
        needed: a file that has to be there.

    Raises:
        StoreError: one sentence that names the first thing that is wrong.
    """
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise StoreError(f"The archive has {len(members)} files; at most {MOST_FILES} are taken.")
    names = [member.filename for member in members]
    if needed not in names:
        raise StoreError(f"The archive has no {needed}, so it is not an {what}.")
    if len(set(names)) != len(names):
        raise StoreError("The archive names a file twice.")
    for member in members:
        if not legal.fullmatch(member.filename):
            raise StoreError(f"The archive has a file {member.filename!r:.80}, which no {what} has.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise StoreError(f"{member.filename} is a link; an {what} has none.")
        if member.flag_bits & ENCRYPTED or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise StoreError(f"{member.filename} is encrypted or packed in an unusual way.")
        if member.filename.endswith(".json") and member.file_size > LARGEST_JSON:
            raise StoreError(f"{member.filename} is larger than {LARGEST_JSON} bytes.")
    total, packed = sum(member.file_size for member in members), sum(member.compress_size for member in members)
    if total > LARGEST_TOTAL:
        raise StoreError(f"The archive unpacks to {total} bytes; at most {LARGEST_TOTAL} are taken.")
    if total > SMALL and total > MOST_RATIO * packed:
        times = total // max(packed, 1)
        raise StoreError(f"The archive unpacks to {times} times its size; at most {MOST_RATIO} times are taken.")


def json_object(text: bytes, where: str) -> dict[str, Any]:
    """An object from JSON.

    Raises:
        StoreError: it is none; `where` says what was read.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{where} is not JSON ({error}).") from None
    if not isinstance(content, dict):
        raise StoreError(f"{where} must hold an object, not a {type(content).__name__}.")
    return content


def plain_array(archive: zipfile.ZipFile, name: str, dtype: np.dtype | Sequence[np.dtype], where: str) -> np.ndarray:
    """An array from a .npy in a zip, whose type and size are looked at before its numbers are read.

    Args:
        archive: a zip whose members were checked.
        name: of the member.
        dtype: what the array has to be of, or several of which it has to be one.
        where: what the zip is called in an error.

    Raises:
        StoreError: it is not there, of another type, in another spelling than numpy's own, or not as long as it says.
    """
    if name not in archive.namelist():
        raise StoreError(f"{where} has no {name}.")
    with archive.open(name) as file:
        start = file.read(len(_MAGIC) + 2)
        length = int.from_bytes(start[len(_MAGIC) :], "little")
        header = _HEADER.fullmatch(file.read(length)) if start.startswith(_MAGIC) else None
        if header is None:
            raise StoreError(f"{name} in {where} is no plain array of numbers.")
        kind, shape = header[1].decode(), tuple(int(side) for side in header[2].split(b","))
        legal = [dtype] if isinstance(dtype, np.dtype) else dtype
        found = next((each for each in legal if each.str == kind), None)
        if found is None:
            raise StoreError(f"{name} in {where} must be {' or '.join(map(str, legal))}, not {kind!r}.")
        size = prod(shape) * found.itemsize
        numbers = file.read(size + 1) if size <= archive.getinfo(name).file_size else b""
    if len(numbers) != size:
        raise StoreError(f"{name} in {where} is shorter or longer than its shape {shape} says.")
    return np.frombuffer(numbers, found).reshape(shape)
