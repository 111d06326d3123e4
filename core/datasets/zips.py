"""Unpacking a zip that a stranger sent: whole or not at all, and never outside its folder."""

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath

from PIL import Image

from core.datasets.image_files import EXTENSIONS, FORMATS, MOST_PIXELS, hidden, printable
from core.errors import DataError

COMPONENT = False

MOST_FILES = 200_000
MOST_BYTES = 2 * 2**30
MOST_RATIO = 200
"""Unpacked over packed bytes. Images hardly shrink, so far less is honest; small archives are let off."""
SMALL = 16 * 2**20
_CHUNK = 2**20


def unpack(data: bytes | Path, into: Path) -> Path:
    """Extract the images of a zip into a new folder.

    Args:
        data: the archive, or where it lies.
        into: the folder to make. If it is there already, from an earlier call with the same archive, it is kept.

    Returns:
        The data set in it: `into`, or the innermost of the single folders that everything was packed in.

    Raises:
        DataError: says why the archive was refused; nothing is left behind then.
    """
    if into.exists():
        return dataset_root(into)
    into.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=into.parent))
    try:
        with zipfile.ZipFile(BytesIO(data) if isinstance(data, bytes) else data) as archive:
            for entry, path in images(archive):
                _extract(archive, entry, beside / path)
        try:
            beside.rename(into)
        except OSError:
            if not into.exists():  # else somebody was faster with the same archive
                raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise DataError(f"The file is no zip that can be read ({error}); pack the folder again.") from None
    except OSError as error:
        raise DataError(f"The zip cannot be unpacked: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return dataset_root(into)


def images(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Check every entry of an archive, and list those that are images with the relative paths that they will have.

    Raises:
        DataError: names the first entry that is not allowed, or the limit that is passed.
    """
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise DataError(f"The zip holds {len(entries):,} files; at most {MOST_FILES:,} are allowed.")
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise DataError(
            f"The zip unpacks to {total / 2**30:.1f} GiB; at most {MOST_BYTES / 2**30:.0f} GiB are allowed."
        )
    packed = sum(entry.compress_size for entry in entries)
    if total > max(SMALL, MOST_RATIO * packed):
        raise DataError(
            f"The zip unpacks to {total // max(packed, 1):,} times its size; at most {MOST_RATIO} is allowed."
        )
    found: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for entry in entries:
        path = _safe(entry)
        if entry.is_dir() or any(map(hidden, path.parts)) or path.suffix.lower() not in EXTENSIONS:
            continue
        if path in found:
            raise DataError(f"The zip holds {printable(str(path))!r} twice; pack the folder again.")
        found[path] = entry
    if not found:
        raise DataError(f"The zip holds no images; legal are files ending in {', '.join(sorted(EXTENSIONS))}.")
    return [(entry, path) for path, entry in found.items()]


def check_header(path: Path, name: str) -> None:
    """Refuse a file that says of itself that it is no image, or one of too many pixels; it is not decoded.

    Raises:
        DataError: one sentence with the file's name.
    """
    shown = f"{printable(name)!r:.200}"
    try:
        with Image.open(path, formats=FORMATS) as image:
            large = image.width * image.height > MOST_PIXELS
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        large = True
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise DataError(f"{shown} is no image that can be read ({type(error).__name__}).") from None
    if large:
        raise DataError(f"{shown} has too many pixels; at most {MOST_PIXELS:,} are taken.")


def _safe(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's path if it stays inside the folder that it is unpacked to."""
    name = entry.filename.replace("\\", "/")  # as some Windows programs write it
    path = PurePosixPath(name)
    shown = repr(printable(entry.filename)[:200])
    if path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0]:
        raise DataError(f"The zip holds {shown}, which leads outside of its folder; only relative paths are allowed.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(f"The zip holds {shown}, which is a link or a device; only files and folders are allowed.")
    if entry.flag_bits & 0x1:
        raise DataError(f"The zip holds {shown}, which is encrypted; pack it without a password.")
    return path


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one file; reading stops at the size that the entry declares, and a wrong checksum raises BadZipFile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, open(target, "xb") as copy:
        shutil.copyfileobj(source, copy, _CHUNK)


def dataset_root(folder: Path) -> Path:
    """Descend while there is one folder and nothing beside it, and folders in that one."""
    with os.scandir(folder) as found:
        inside = list(found)
    if len(inside) == 1 and inside[0].is_dir(follow_symlinks=False):
        with os.scandir(inside[0].path) as deeper:
            if any(entry.is_dir(follow_symlinks=False) for entry in deeper):
                return dataset_root(Path(inside[0].path))
    return folder
