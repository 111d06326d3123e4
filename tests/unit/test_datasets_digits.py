"""Digits: real scans, enlarged without moving anything, always split the same way."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.datasets.digits import Digits, enlarged


def test_the_split_is_fixed_stratified_and_complete() -> None:
    split = Digits().load(lambda fraction, text: None)
    assert split.train.images.shape == (1297, 1, 32, 32) and split.test.images.shape == (500, 1, 32, 32)
    assert np.bincount(split.test.labels).tolist() == [50] * 10
    both = np.concatenate([split.train.indices, split.test.indices])
    assert sorted(both.tolist()) == list(range(1797))
    assert split.flip is False and split.train.class_names == tuple("0123456789")
    again = Digits().load(lambda fraction, text: None)
    assert again.test.images.tobytes() == split.test.images.tobytes()


@pytest.mark.parametrize("size", [16, 32])
def test_labels_and_pixels_are_those_of_the_scans(size: int) -> None:
    scans, split = load_digits(), Digits(size=size).load(lambda fraction, text: None)
    assert (split.train.labels == scans.target[split.train.indices]).all()
    blocks = split.test.images.reshape(500, 8, size // 8, 8, size // 8).mean(axis=(2, 4))
    wanted = scans.images[split.test.indices] * (255 / 16)
    assert np.corrcoef(blocks.ravel(), wanted.ravel())[0, 1] > 0.95


def test_enlarging_a_ramp_by_two_gives_the_ramp_between_its_centres() -> None:
    ramp = np.tile(np.arange(8.0) * 2, (1, 8, 1))
    row = enlarged(ramp, 16)[0, 0, 5]
    # Centres lie at -1/4, 1/4, 3/4, ... of the scan; outside of its first and last centre the edge goes on.
    centres = np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7)
    assert row.tolist() == np.rint(centres * 2 * 255 / 16).astype(int).tolist()


def test_black_stays_black_and_white_stays_white() -> None:
    assert (enlarged(np.zeros((1, 8, 8)), 32) == 0).all()
    assert (enlarged(np.full((1, 8, 8), 16.0), 32) == 255).all()
