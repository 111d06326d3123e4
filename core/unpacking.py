"""What is checked about a zip and the JSON in it before anything of them is believed."""

import json
import re
import stat
import zipfile
from typing import Any

from core.errors import StoreError

ENCRYPTED = 0x1
"""Bit of a member's flags, as the zip format numbers them."""

MOST_FILES = 20_000
LARGEST_JSON = 64 * 2**20
LARGEST_TOTAL = 16 * 2**30
SMALL = 256 * 2**20
MOST_RATIO = 100
"""Unpacked bytes per byte of the archive, above SMALL in total: images and weights stay below, a bomb does not."""


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
