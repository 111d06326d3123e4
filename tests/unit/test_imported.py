"""Imported poisons: found by position, verified against the data set, and put where they belong."""

import io
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import exchange
from core.attacks import toxic
from core.attacks.badnets import Badnets
from core.attacks.base import Attack, Evaluation, Poisoned, Tools, apply, evaluation
from core.attacks.imported import Imported, received
from core.attacks.stamping import added
from core.datasets.base import ImageSet, Split
from core.errors import AttackError, StoreError
from tests.poison_files import archive, benchmark, crafted, facts, picture, zipped

Draw = Callable[..., ImageSet]


@pytest.fixture
def split(tiny_split: Split) -> Split:
    """Positions in the source that are not the rows."""
    train, test = tiny_split.train, tiny_split.test
    order = np.random.default_rng(3).permutation(len(train))
    return replace(tiny_split, train=replace(train, indices=order + 1000), test=replace(test, indices=test.indices + 7))


BADNETS = Badnets(poison_fraction=0.1, target_class=1)


def run(attack: Attack, split: Split, key: int = 0) -> tuple[Poisoned, Evaluation]:
    """What the framework does with an attack."""
    tools = Tools(seed=99, key=key)
    return apply(attack, split.train, tools), evaluation(attack, split.test, tools)


def same(one: tuple[Poisoned, Evaluation], other: tuple[Poisoned, Evaluation]) -> None:
    for name in ("rows", "originals", "original_labels"):
        assert np.array_equal(getattr(one[0], name), getattr(other[0], name)), name
    for name in ("images", "labels", "indices"):
        assert np.array_equal(getattr(one[0].data, name), getattr(other[0].data, name)), name
    for name in ("images", "wanted", "true", "indices"):
        assert np.array_equal(getattr(one[1], name), getattr(other[1], name)), name


def before(attack: Attack, split: Split, key: int) -> tuple[Poisoned, Evaluation]:
    """What `archive` put into a file."""
    tools = Tools(seed=0, key=key)
    return apply(attack, split.train, tools), evaluation(attack, split.test, tools)


def test_key_k_takes_key_k_whatever_the_seed(tmp_path: Path, split: Split) -> None:
    attack = Imported(path=str(archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test, keys=3)))
    for key in (2, 0, 1):
        same(run(attack, split, key), before(BADNETS, split, key))
    assert run(attack, split)[0].trace is None
    with pytest.raises(AttackError, match="holds poisons of 3 keys; the run asks for 4: lower keys"):
        run(attack, split, 3)


def test_rows_are_found_by_their_position_in_the_source(tmp_path: Path, split: Split) -> None:
    attack = Imported(path=str(archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test)))
    made, shown = before(BADNETS, split, 0)
    random = np.random.default_rng(0)
    rest = np.setdiff1d(np.arange(80), made.rows)
    kept = random.permutation(np.concatenate([made.rows, rest[::2]]))
    tests = random.permutation(40)
    other = Split(split.train.rows(kept), split.test.rows(tests), flip=True)
    poisoned, again = run(attack, other)
    assert kept[poisoned.rows].tolist() != made.rows.tolist() and set(kept[poisoned.rows]) == set(made.rows)
    for row, image, label in zip(made.rows, made.data.images[made.rows], made.data.labels[made.rows], strict=True):
        here = np.flatnonzero(kept == row)[0]
        assert np.array_equal(poisoned.data.images[here], image) and poisoned.data.labels[here] == label
    assert np.array_equal(tests[again.indices], shown.indices) and np.array_equal(again.images, shown.images)


class Added(Badnets):
    """Adds its poisons, and changes the first two as well where they stand."""

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        made = super().poison(data, tools)
        rows, first = made.rows, made.rows[:2]
        two = data.images.copy(), data.labels.copy()
        two[0][first], two[1][first] = made.data.images[first], made.data.labels[first]
        changed = ImageSet(*two, data.class_names, data.indices)
        more = added(changed, rows[2:], made.data.images[rows[2:]], made.data.labels[rows[2:]])
        return Poisoned(more.data, np.append(first, more.rows), made.originals, made.original_labels)


def test_rows_that_were_added_are_added(tmp_path: Path, split: Split) -> None:
    attack = Added(poison_fraction=0.1, target_class=1)
    told = facts(BADNETS, split.train)
    exchange.write(tmp_path / "poisons.zip", told, [crafted(attack, split.train, split.test)])
    found = run(Imported(path=str(tmp_path / "poisons.zip")), split)
    assert len(found[0].data) == 86 and found[0].rows[2:].tolist() == list(range(80, 86))
    same(found, before(attack, split, 0))


@pytest.mark.parametrize(("share", "rows"), [(None, 8), (0.5, 8), (0.1, 8), (0.05, 4), (0.001, 1)])
def test_a_budget_takes_the_first_of_the_file(tmp_path: Path, split: Split, share: float | None, rows: int) -> None:
    path = archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test)
    attack = Imported(path=str(path), poison_fraction=share)
    assert attack.budget(80) == rows
    poisoned, _ = run(attack, split)
    assert poisoned.rows.tolist() == before(BADNETS, split, 0)[0].rows[:rows].tolist()


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path, split: Split) -> None:
    one = archive(tmp_path / "one.zip", BADNETS, split.train, split.test)
    two = archive(tmp_path / "two.zip", BADNETS, split.train, split.test)
    other = archive(tmp_path / "other.zip", BADNETS, split.train, split.test, keys=2)
    prints = [Imported(path=str(path)).fingerprint() for path in (one, two, other)]
    assert prints[0] == prints[1] != prints[2]
    attack = Imported(path=str(one))
    other.replace(one)
    assert attack.fingerprint() == prints[2] and len(attack.fingerprint()) == 20
    run(attack, split, key=1)


def test_epsilon_is_the_files(tmp_path: Path, split: Split) -> None:
    assert Imported(path=str(archive(tmp_path / "open.zip", BADNETS, split.train, split.test))).epsilon is None
    made = crafted(BADNETS, split.train, split.test)
    bounded = replace(made, poisoned=np.clip(made.poisoned, made.originals, made.originals + np.uint8(4)))
    exchange.write(tmp_path / "bounded.zip", facts(BADNETS, split.train, epsilon=4), [bounded])
    assert Imported(path=str(tmp_path / "bounded.zip")).epsilon == 4
    assert Imported(path=str(benchmark(tmp_path / "one", split.train, split.test, [1], 6))).epsilon is None


def test_a_path_may_begin_at_home(tmp_path: Path, split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(Imported(path="~/poisons.zip"), split)[0].rows.size == 8


# ---- archives of other data


def test_other_data_is_refused_with_a_sentence(tmp_path: Path, split: Split, make_images: Draw) -> None:
    attack = Imported(path=str(archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test)))
    train, made = split.train, before(BADNETS, split, 0)[0]
    row, index = made.rows[2], split.train.indices[made.rows[2]]

    def refused(data: ImageSet, match: str) -> None:
        with pytest.raises(AttackError, match=match):
            apply(attack, data, Tools(seed=0))

    refused(replace(train, class_names=("a", "b", "c", "d")), "for the classes class 0, class 1, .* has a, b, c, d.")
    refused(
        make_images(size=12), "images of 16 x 16 pixels in colour; those of this data set are 12 x 12 pixels in col"
    )
    refused(make_images(channels=1), "those of this data set are 16 x 16 pixels in grey")
    refused(replace(make_images(seed=5), indices=train.indices), "8 of 8 differ.*made for the data set tiny")
    refused(replace(train, indices=train.indices + 500), "Of the 8 training images .* 8 are not in this data set")
    refused(train.rows(np.arange(80) != row), f"1 are not in this data set, the first of them image {index};")
    images, labels = train.images.copy(), train.labels.copy()
    images[row, 2, 15, 0] ^= 1
    refused(replace(train, images=images), f"Image {index} of this training set is not the one.*1 of 8 differ")
    labels[row] = (labels[row] + 1) % 4
    refused(replace(train, labels=labels), f"Image {index} of this training set is not the one.*1 of 8 differ")


def test_other_test_images_are_refused(tmp_path: Path, split: Split, make_images: Draw) -> None:
    attack = Imported(path=str(archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test)))

    def refused(data: ImageSet, match: str) -> None:
        with pytest.raises(AttackError, match=match):
            evaluation(attack, data, Tools(seed=0))

    refused(split.test.rows(np.arange(30)), "Of the 30 test images .* 8 are not in this data set")
    refused(replace(split.test, labels=(split.test.labels + 1) % 4), "have other labels in this test set")
    refused(
        replace(make_images(per_class=10, size=12), indices=split.test.indices), "not uint8 of the test set's shape"
    )


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps([1])])
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "poisons.zip"
    path.write_bytes(content)
    for ask in (Imported.fingerprint, lambda attack: attack.budget(80)):
        with pytest.raises(StoreError, match="is not a readable zip"):
            ask(Imported(path=str(path)))
        with pytest.raises(StoreError, match="holds no poisons.pickle"):
            ask(Imported(path=str(tmp_path)))
        for odd in ("nowhere.zip", "a\0b", "x" * 4000):
            with pytest.raises(AttackError, match="There is no file of poisons"):
                ask(Imported(path=odd))


def test_a_file_that_may_not_be_read(tmp_path: Path, split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test)

    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(AttackError, match="poisons.zip' cannot be read: Permission denied"):
        Imported(path=str(path)).fingerprint()


# ---- the benchmark's files


def test_published_poisons_take_the_place_of_their_base_images(tmp_path: Path, split: Split) -> None:
    rows = [13, 1, 77]
    for number in (0, 1):
        benchmark(tmp_path / "all" / str(number), split.train, split.test, rows[number:], 6)
    attack = Imported(path=str(tmp_path / "all"))
    poisoned, shown = run(attack, split)
    assert poisoned.rows.tolist() == [1, 13, 77] and len(poisoned.data) == 80
    assert np.array_equal(poisoned.data.images[poisoned.rows], split.train.images[[1, 13, 77]] + np.uint8(3))
    assert np.array_equal(poisoned.data.labels, split.train.labels)
    assert np.array_equal(shown.images, split.test.images[[6]]) and shown.indices.tolist() == [6]
    assert (shown.wanted.tolist(), shown.true.tolist()) == ([1], [2])
    assert run(attack, split, key=1)[0].rows.tolist() == [1, 77] and attack.budget(80) == 3
    with pytest.raises(AttackError, match="holds poisons of 2 keys"):
        run(attack, split, key=2)


def compressed(images: np.ndarray) -> np.ndarray:
    """What a JPEG leaves of images, (n, 3, h, w) uint8."""
    result = []
    for image in images:
        buffer = io.BytesIO()
        picture(image).save(buffer, "JPEG", quality=90)
        result.append(np.asarray(Image.open(buffer)).transpose(2, 0, 1))
    return np.stack(result)


def test_compressed_copies_of_the_images_will_do(tmp_path: Path, split: Split, make_images: Draw) -> None:
    smooth = [replace(part, images=part.images // 8 + 100) for part in (split.train, split.test)]
    attack = Imported(path=str(benchmark(tmp_path / "one", *smooth, [1, 5], 6)))
    copies = Split(*(replace(part, images=compressed(part.images)) for part in smooth), flip=True)
    assert not np.array_equal(copies.test.images[6], smooth[1].images[6])
    _, shown = run(attack, copies)
    assert shown.indices.tolist() == [6] and np.array_equal(shown.images[0], smooth[1].images[6])


def test_the_patched_target_is_what_the_victim_is_shown(tmp_path: Path, split: Split) -> None:
    patch = np.ones((3, 5, 5), np.float32)
    target = (picture(split.test.images[6]), 2, patch, [10, 11])
    _, shown = run(
        Imported(path=str(benchmark(tmp_path / "one", split.train, split.test, [1], 6, target=target))), split
    )
    expected = split.test.images[6].copy()
    expected[:, 11:, 10:15] = 255
    assert np.array_equal(shown.images[0], expected) and shown.indices.tolist() == [6]


def test_published_poisons_of_other_data_are_refused(tmp_path: Path, split: Split, make_images: Draw) -> None:
    attack = Imported(path=str(benchmark(tmp_path / "one", split.train, split.test, [1, 5], 6)))
    train, test = split.train, split.test

    def refused(data: ImageSet, match: str, ask: Callable[..., Any] = apply) -> None:
        with pytest.raises(AttackError, match=match):
            ask(attack, data, Tools(seed=0))

    index = train.indices[1]
    refused(make_images(size=12), "images of 16 x 16 pixels in colour; those of this data set are 12")
    refused(replace(train, indices=train.indices + 500), "2 are not in this data set")
    refused(replace(train, labels=(train.labels + 1) % 4), f"poison of image {index} as class 1; .* is of class 2")
    refused(replace(train, images=255 - train.images), "differs from it by .* levels on average, where at most 32")
    refused(replace(test, images=255 - test.images), "No test image of class 2 is the target", evaluation)
    refused(make_images(size=12), "images of 16 x 16 pixels", evaluation)
    refused(test.rows(test.labels != 2), "4 classes, and 0 images of the target's", evaluation)
    few = test.rows(test.labels == 0)
    refused(replace(few, class_names=("class 0",)), "this test set has 1 classes", evaluation)


def test_a_changed_folder_is_another_attack(tmp_path: Path, split: Split) -> None:
    folder = benchmark(tmp_path / "one", split.train, split.test, [1, 5], 6)
    first = Imported(path=str(folder)).fingerprint()
    (folder / "notes.txt").write_text("not read")
    assert Imported(path=str(folder)).fingerprint() == first
    (folder / toxic.TARGET).write_bytes(pickle.dumps((picture(split.test.images[2]), 2)))
    assert Imported(path=str(folder)).fingerprint() != first


def test_a_hostile_file_runs_nothing(tmp_path: Path, split: Split) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'left'}",)

    for name in ("poisons", "base_indices", "target"):
        folder = benchmark(tmp_path / name, split.train, split.test, [1, 5], 6, **{name: [Evil()]})
        with pytest.raises(StoreError, match=f"{name}.pickle asks for posix.system, which is refused"):
            run(Imported(path=str(folder)), split)
    assert not (tmp_path / "left").exists()


# ---- files that a person sends


def test_a_file_that_was_sent_is_kept_under_the_name_of_its_content(tmp_path: Path, split: Split) -> None:
    content = archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test).read_bytes()
    kept = received(content, tmp_path / "uploads")
    assert kept == received(content, tmp_path / "uploads") and kept.read_bytes() == content
    assert list((tmp_path / "uploads").iterdir()) == [kept]
    assert run(Imported(path=str(kept)), split)[0].rows.size == 8
    made = zipped(benchmark(tmp_path / "one", split.train, split.test, [1, 5], 6), tmp_path / "one.zip")
    other = received(made.read_bytes(), tmp_path / "uploads")
    assert other != kept and run(Imported(path=str(other)), split)[0].rows.tolist() == [1, 5]


def test_a_file_that_is_refused_leaves_nothing(tmp_path: Path, split: Split) -> None:
    whole = archive(tmp_path / "poisons.zip", BADNETS, split.train, split.test).read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 1  # in the middle of the images, which `contents` alone does not look at
    bad = zipped(benchmark(tmp_path / "one", split.train, split.test, [1, 5], 6, target="?"), tmp_path / "one.zip")
    (tmp_path / "none").mkdir()
    empty = zipped(tmp_path / "none", tmp_path / "none.zip")
    for content, match in (
        (b"text", "^The file is not a readable zip archive"),
        (bytes(damaged), "^This is not a readable zip archive"),
        (bad.read_bytes(), "^target.pickle must be an image and its class"),
        (empty.read_bytes(), "^The file holds no poisons.pickle"),
    ):
        with pytest.raises(StoreError, match=match):
            received(content, tmp_path / "uploads")
        assert list((tmp_path / "uploads").iterdir()) == []
