"""What somebody might bring: zips of class folders with and without a list of poisons, and files of features."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

from core.datasets.base import ImageSet


def zipped(data: ImageSet, poisons: Sequence[int] | None = None, top: str = "") -> bytes:
    """`class/number.png` for every row, and `poisons.csv` where poisons are known; all under one folder if named."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for row in range(len(data)):
            archive.writestr(top + name(data, row), png(data.images[row]))
        if poisons is not None:
            lines = ["file", *(name(data, row) for row in poisons)]
            archive.writestr(f"{top}poisons.csv", "\n".join(lines))
    return buffer.getvalue()


def name(data: ImageSet, row: int) -> str:
    """The file of a row."""
    return f"{data.class_names[data.labels[row]]}/{row}.png"


def png(image: np.ndarray) -> bytes:
    """(c, h, w) uint8 as a file."""
    buffer = io.BytesIO()
    pixels = image.transpose(1, 2, 0)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "png")
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """Arrays as `numpy.savez` writes them."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
