"""A photo that somebody brings, as an image of a data set's shape. Nothing about it is believed."""

import io

import numpy as np

from core.attacks.patch import luminance
from core.datasets.image_files import decode
from core.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 10 * 2**20
MOST_PIXELS = 30_000_000
"""Decoding takes about ten bytes a pixel, in the process that serves everybody."""


def read(content: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The middle square of a photo, resampled.

    Args:
        content: the file.
        shape: (c, h, w) of the data set's images, which are square.

    Returns:
        (c, h, w) uint8.

    Raises:
        DataError: it is too large, no PNG, JPEG or WebP file, or damaged.
    """
    channels, size, _ = shape
    if len(content) > MOST_BYTES:
        raise DataError(f"The photo has {len(content) / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} MB are taken.")
    try:
        pixels, _ = decode(io.BytesIO(content), size, FORMATS, MOST_PIXELS)
    except Exception as error:  # a damaged or hostile file makes Pillow raise nearly anything
        why = str(error) if isinstance(error, ValueError) else "it is damaged, or of another kind"
        raise DataError(f"The photo cannot be read ({why:.100}); PNG, JPEG and WebP files are taken.") from None
    if channels == 3:
        return pixels
    return np.rint(luminance(pixels.astype(np.float64))).astype(np.uint8)
