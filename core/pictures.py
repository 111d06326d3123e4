"""Image arrays as PNG data addresses, and what was changed between two of them."""

import base64
import io

import numpy as np
from PIL import Image


def picture(image: np.ndarray) -> Image.Image:
    """A (c, h, w) uint8 image as Pillow has it; one channel is grey."""
    channels_last = np.moveaxis(np.asarray(image), 0, -1)
    return Image.fromarray(
        channels_last[..., 0] if channels_last.shape[-1] == 1 else np.ascontiguousarray(channels_last)
    )


def png(image: np.ndarray) -> str:
    """A (c, h, w) uint8 image as a data address."""
    buffer = io.BytesIO()
    picture(image).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def difference(clean: np.ndarray, changed: np.ndarray, gain: int) -> np.ndarray:
    """What was changed, amplified: mid grey where nothing was, brighter or darker where the image was."""
    moved = changed.astype(np.int32) - clean.astype(np.int32)
    return np.clip(128 + gain * moved, 0, 255).astype(np.uint8)


def gain(clean: np.ndarray, changed: np.ndarray) -> int:
    """The amplification that just fills the range: 1 for a bold patch, up to 16 for a faint change."""
    largest = int(np.abs(changed.astype(np.int32) - clean.astype(np.int32)).max(initial=0))
    return int(np.clip(128 // max(largest, 1), 1, 16))
