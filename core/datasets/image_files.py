"""Finding image files in class folders, and decoding whatever a person may have put there."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from core.datasets.base import Report
from core.errors import DataError

COMPONENT = False

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
MOST_PIXELS = 64_000_000
"""A file that claims more is refused before it is decoded; a few kilobytes can unpack to gigabytes."""
BLOCK = 128

_Pixels = UInt8[np.ndarray, "3 size size"]


@dataclass(frozen=True)
class ImageFile:
    """A file as its folder lists it; `name` is relative to the data set, parts joined by a slash."""

    name: str
    bytes: int
    changed_ns: int

    @property
    def stem(self) -> str:
        return self.name.rsplit("/", 1)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True)
class Listing:
    """What one folder holds: image files by class, and sentences about what was passed over."""

    classes: dict[str, list[ImageFile]]
    notes: tuple[str, ...]


def hidden(name: str) -> bool:
    """Files that systems leave behind and nobody means."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def printable(name: str) -> str:
    """A file name as it may be shown and stored; names on disk can be bytes that are no text."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def entries(root: Path, folder: Path, refused: list[str]) -> Iterator[os.DirEntry[str]]:
    """What is in `folder` and not hidden, sorted by name; links that lead out of `root` go to `refused` instead."""
    try:
        with os.scandir(folder) as found:
            listed = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"The folder {str(folder)!r} cannot be read: {error.strerror}.") from None
    for entry in listed:
        if hidden(entry.name):
            continue
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
            refused.append(os.path.relpath(entry.path, root))
        else:
            yield entry


def listing(root: Path, folder: Path) -> Listing:
    """List `folder`/<class>/<image>.

    Args:
        root: the data set, resolved; links may lead anywhere inside it and nowhere else.
        folder: `root` itself, or its train or test folder.
    """
    if not folder.resolve().is_relative_to(root):
        raise DataError(
            f"{folder.name!r} is a link that leads outside of {str(root)!r}; put the images themselves there."
        )
    links: list[str] = []
    others: list[str] = []
    classes: dict[str, list[ImageFile]] = {}
    for group in entries(root, folder, links):
        if not group.is_dir():
            others.append(group.name)
            continue
        files = []
        for entry in entries(root, Path(group.path), links):
            name = os.path.relpath(entry.path, root).replace(os.sep, "/")
            if not entry.is_file() or os.path.splitext(entry.name)[1].lower() not in EXTENSIONS:
                others.append(name)
                continue
            status = entry.stat()
            files.append(ImageFile(name, status.st_size, status.st_mtime_ns))
        classes[printable(group.name)] = files
    notes = (
        told("{} is no image file and was passed over", "{} are no image files and were passed over", others),
        told(
            "{} is a link that leads outside and was refused", "{} are links that lead outside and were refused", links
        ),
    )
    return Listing(classes, tuple(note for note in notes if note))


def told(one: str, many: str, names: list[str], shown: int = 5) -> str:
    """A sentence about some names, the first few of them spelled out; empty where there are none."""
    if not names:
        return ""
    text = ", ".join(map(printable, names[:shown])) + (
        f" and {len(names) - shown:,} more" if len(names) > shown else ""
    )
    return (one if len(names) == 1 else many).format(f"{len(names):,} " + f"({text})") + "."


def decode(
    source: Path | BytesIO, size: int, formats: tuple[str, ...] = FORMATS, most_pixels: int = MOST_PIXELS
) -> tuple[_Pixels, tuple[str, ...]]:
    """Read one image, whatever its mode, as (3, size, size) uint8.

    The first frame counts; the camera's orientation is undone; transparency is laid on white; 16 bits become 8; an
    image of another shape is cut to its middle square and resampled. One that is already size x size keeps its pixels.

    Returns:
        The pixels, and a few words for each thing that had to be done.

    Raises:
        Whatever Pillow finds wrong with the file.
    """
    done = []
    with Image.open(source, formats=formats) as image:
        if image.width * image.height > most_pixels:
            raise ValueError(f"{image.width} x {image.height} pixels are too many")
        if getattr(image, "is_animated", False) and image.format != "MPO":  # MPO: a photo with its preview
            done.append("animated, first frame used")
            image.seek(0)
        image.draft("RGB", (2 * size, 2 * size))  # decodes a large JPEG at a fraction of its size, at least twice ours
        upright = ImageOps.exif_transpose(image)
        if image.getexif().get(0x0112, 1) != 1:
            done.append("turned upright")
        plain = in_colour(upright, done)
    if plain.size != (size, size):
        done.append(f"resized to {size} x {size}")
        plain = ImageOps.fit(plain, (size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(plain).transpose(2, 0, 1)), tuple(done)


def in_colour(image: Image.Image, done: list[str]) -> Image.Image:
    """Any mode of Pillow's to RGB; what was done is added to `done`."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        if values.min() < 0 or values.max() > 65535 or image.mode == "F":
            raise ValueError("its pixels are neither 8-bit nor 16-bit whole numbers")
        done.append("16-bit grey, made 8-bit")
        return Image.fromarray(np.rint(values / 257).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        done.append("transparent, laid on white")
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    done.append({"1": "black and white", "L": "grey", "P": "palette"}.get(image.mode, image.mode) + ", made colour")
    return image.convert("RGB")


@dataclass(frozen=True)
class Decoded:
    """Images (m, 3, size, size) uint8, the rows of the asked ones that could be read (m,), and sentences."""

    images: UInt8[np.ndarray, "m 3 size size"]
    rows: np.ndarray
    notes: tuple[str, ...]


def decode_all(root: Path, names: list[str], size: int, report: Report) -> Decoded:
    """Decode many files in a pool of threads (Pillow lets go of the interpreter while it decodes).

    Args:
        root: what `names` are relative to.
        report: told how far it is, from this thread.
    """
    images = np.empty((len(names), 3, size, size), np.uint8)
    good = np.zeros(len(names), bool)
    broken: list[str] = []
    done: dict[str, list[str]] = {}

    def block(start: int) -> list[tuple[str, str]]:
        said = []
        for row in range(start, min(start + BLOCK, len(names))):
            try:
                images[row], words = decode(root / names[row], size)
            except Exception as error:  # a damaged file makes Pillow raise nearly anything, and is no reason to stop
                said.append((f"{names[row]}: {str(error).splitlines()[0] if str(error) else type(error).__name__}", ""))
            else:
                good[row] = True
                said += [(names[row], word) for word in words]
        return said

    Image.init()  # once, before threads would all do it
    starts = range(0, len(names), BLOCK)
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        for start, said in zip(starts, pool.map(block, starts), strict=True):
            report(start / len(names), "Read images")
            for name, word in said:
                (done.setdefault(word, []) if word else broken).append(name)
    finally:
        pool.shutdown(cancel_futures=True)  # a cancelled run must not wait for thousands of files
    notes = [told("{} cannot be read and was skipped", "{} cannot be read and were skipped", broken)]
    notes += [told(f"{{}} was {word}", f"{{}} were {word}", done[word]) for word in sorted(done)]
    return Decoded(images if good.all() else images[good], np.flatnonzero(good), tuple(note for note in notes if note))
