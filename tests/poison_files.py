"""Files of poisons for tests: archives of our own, and the benchmark's, made by the library that we never read with."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import exchange
from core.attacks.base import Attack, Tools, apply, evaluation
from core.crafted import Facts, Poisons
from core.datasets.base import ImageSet


def crafted(attack: Attack, train: ImageSet, test: ImageSet, key: int = 0) -> Poisons:
    """What a run would export of one key."""
    tools = Tools(seed=0, key=key)
    poisoned, shown = apply(attack, train, tools), evaluation(attack, test, tools)
    rows, after = poisoned.rows, poisoned.data
    return Poisons(
        key, len(train), rows, after.indices[rows], poisoned.originals, after.images[rows], after.labels[rows],
        poisoned.original_labels, shown.images, shown.wanted, shown.true, test.indices[shown.indices],
    )  # fmt: skip


def facts(attack: Attack, data: ImageSet, **other: Any) -> Facts:
    """What an archive says about them."""
    told = {"data": {"name": "tiny"}, "epsilon": None, "changes_labels": attack.changes_labels}
    return Facts(attack.name, data.class_names, **{**told, **other})


def archive(path: Path, attack: Attack, train: ImageSet, test: ImageSet, keys: int = 1) -> Path:
    """Write an archive of some keys."""
    exchange.write(path, facts(attack, train), [crafted(attack, train, test, key) for key in range(keys)])
    return path


def benchmark(
    folder: Path, train: ImageSet, test: ImageSet, rows: list[int], target: int, protocol: int = 4, /, **other: Any
) -> Path:
    """A crafted set-up as the benchmark's attackers save it: every base image is made three levels brighter.

    Args:
        folder: to make.
        train, test: colour images.
        rows: of the training set, all of one class.
        target: row of the test set.
        protocol: of pickle.
        other: values to write instead, by the name of their file.
    """
    brighter = train.images[rows] + np.uint8(3)
    files: dict[str, Any] = {
        "poisons": [(picture(image), int(train.labels[rows[0]])) for image in brighter],
        "base_indices": train.indices[rows],
        "target": (picture(test.images[target]), int(test.labels[target])),
    }
    folder.mkdir(parents=True)
    for name, value in {**files, **other}.items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(value, protocol=protocol))
    return folder


def picture(image: np.ndarray) -> Image.Image:
    """(c, h, w) uint8 as PIL has it."""
    return Image.fromarray(image.transpose(1, 2, 0)) if len(image) == 3 else Image.fromarray(image[0])


def zipped(folder: Path, path: Path) -> Path:
    """A zip of what is in a folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path
