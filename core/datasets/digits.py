"""Scanned handwritten digits that come with scikit-learn."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float, UInt8

from core.datasets.base import Dataset, ImageSet, Report, Split
from core.datasets.subsets import first_of_each
from core.errors import DataError
from core.spec import setting

SCANS, CLASSES, TEST_PER_CLASS = 1797, 10, 50


def enlarged(scans: Float[np.ndarray, "n 8 8"], size: int) -> UInt8[np.ndarray, "n 1 size size"]:
    """Scans with values 0 to 16, enlarged bilinearly and stretched to 0 to 255.

    Pixel centres stay where they are: centre i of the scan lands on (i + 1/2) * size / 8 - 1/2.
    """
    centres = ((np.arange(size) + 0.5) * 8 / size - 0.5).clip(0, 7)
    weights = (1 - np.abs(centres[:, None] - np.arange(8))).clip(0)  # (size, 8), rows sum to 1
    large = np.einsum("yr,nrc,xc->nyx", weights, scans, weights, optimize=True)
    return np.rint(large[:, None] * (255 / 16)).astype(np.uint8)


class Digits(Dataset):
    """1,797 real scans of handwritten digits: 1,297 for training, 500 (50 a class) for test, always the same ones.

    The scans have 8 x 8 pixels and 17 shades of grey. They are enlarged bilinearly and stretched to 0-255, so that a
    patch of a few pixels covers a small part of the digit, as it does on a photograph. Nothing else is done to them.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, the part that scikit-learn ships.
        Departure: the original split is by writer, and this part holds its test writers only; ours is by chance, so a
        writer may stand on both sides.
    """

    title: ClassVar[str] = "Handwritten digits"
    summary: ClassVar[str] = "Real scans of handwritten digits, shipped with scikit-learn, ready without a download."
    source: ClassVar[str] = "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998"

    size: Literal[16, 32] = setting(32, "Side of the enlarged images.", unit="pixels", advanced=True)

    @property
    def expected_rows(self) -> int:
        return SCANS - CLASSES * TEST_PER_CLASS

    def load(self, report: Report) -> Split:
        from sklearn.datasets import load_digits  # slow to import, so only here

        report(0.0, "Read the digits")
        scans = load_digits()
        images, labels = enlarged(scans.images, self.size), scans.target.astype(np.int64)
        if images.shape != (SCANS, 1, self.size, self.size):
            raise DataError(
                f"scikit-learn must bring {SCANS} digits, not {len(images)}; install another version of it."
            )
        everything = ImageSet(images, labels, tuple(map(str, range(CLASSES))), np.arange(len(labels)))
        test = first_of_each(labels, TEST_PER_CLASS, "digits", "test")
        train = np.setdiff1d(np.arange(len(labels)), test)
        report(1.0, "Digits are read")
        return Split(everything.rows(train), everything.rows(test), flip=False)
