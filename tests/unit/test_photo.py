"""Photos that somebody brings: cut, resized, or refused with a sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core import photo
from core.errors import DataError

COLOUR, GREY = (3, 8, 8), (1, 8, 8)


def file(pixels: np.ndarray, kind: str = "PNG", **more: object) -> bytes:
    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, kind, **more)  # type: ignore[arg-type]
    return kept.getvalue()


def halves(height: int, width: int) -> np.ndarray:
    """Red in the middle square, blue beside it."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 2] = 255
    left = (width - height) // 2
    pixels[:, left : left + height] = (255, 0, 0)
    return pixels


def test_the_middle_square_is_taken_and_resized() -> None:
    found = photo.read(file(halves(40, 120)), COLOUR)
    assert found.shape == COLOUR and found.dtype == np.uint8
    inner = found[:, :, 1:-1]  # resampling reaches a little over the cut
    assert (inner[0] == 255).all() and (inner[1:] == 0).all() and (found[0] > 200).all()


def test_an_image_of_the_right_size_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.array_equal(photo.read(file(pixels), COLOUR), pixels.transpose(2, 0, 1))
    assert np.array_equal(photo.read(file(pixels, "WEBP", lossless=True), COLOUR), pixels.transpose(2, 0, 1))


def test_grey_data_get_the_luminance() -> None:
    # 0.299 x 255 = 76.2
    found = photo.read(file(halves(8, 8), "JPEG", quality=100, subsampling=0), GREY)
    assert found.shape == GREY and np.abs(found.astype(int) - 76).max() <= 1


def test_a_photo_held_sideways_is_turned_upright() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[0] = 255  # the camera's upper edge, which orientation 6 puts on the right
    orientation = Image.Exif()
    orientation[0x0112] = 6
    found = photo.read(file(pixels, exif=orientation), COLOUR)
    assert (found[:, :, -1] == 255).all() and (found[:, :, :-1] == 0).all()


def bomb(side: int) -> bytes:
    """A PNG that claims a size and holds nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"<svg onload='alert(1)'/>", "cannot be read"),
        (b"%PDF-1.7", "of another kind"),
        (file(halves(8, 8), "GIF"), "of another kind"),
        (file(halves(8, 8), "TIFF"), "of another kind"),
        (file(halves(64, 64))[:80], "damaged"),
        (bomb(6000), "6000 x 6000 pixels are too many"),
        (bomb(60_000), "cannot be read"),
        (bytes(photo.MOST_BYTES + 1), "has 10.5 MB; at most 10 MB"),
    ],
)
def test_hostile_and_damaged_files_are_refused_with_a_sentence(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        photo.read(content, COLOUR)
    assert str(refused.value).endswith("are taken.") and "<" not in str(refused.value)
