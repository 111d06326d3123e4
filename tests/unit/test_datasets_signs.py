"""Signs: the same seed draws the same bytes, all classes are there in equal numbers, and training never meets test."""

import numpy as np
import pytest

from core import registry
from core.datasets.base import Split
from core.datasets.sign_faces import FACES, SIDE, faces
from core.datasets.sign_scenes import FRAME, photographs, pose, render
from core.datasets.sign_textures import atlas, noise
from core.datasets.signs import Signs


def load(**settings: int) -> Split:
    return Signs(**settings).load(lambda fraction, text: None)


@pytest.fixture(scope="module")
def split() -> Split:
    return load(train=330, test=130)


def test_the_registry_finds_signs_and_no_helper() -> None:
    assert registry.load("datasets", "signs") is Signs
    assert not {"sign_faces", "sign_scenes", "sign_textures", "base"} & set(registry.names("datasets"))


def test_images_have_the_promised_form(split: Split) -> None:
    assert split.train.images.shape == (330, 3, 32, 32) and split.test.images.shape == (130, 3, 32, 32)
    assert split.train.images.dtype == np.uint8
    assert split.train.class_names == tuple(FACES) and len(FACES) == 10
    assert split.flip is False
    assert split.train.indices.tolist() == list(range(330))


def test_classes_are_balanced_and_shuffled(split: Split) -> None:
    assert np.bincount(split.train.labels, minlength=10).tolist() == [33] * 10
    assert np.bincount(split.test.labels, minlength=10).tolist() == [13] * 10
    assert (np.diff(split.train.labels) < 0).any()


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(split: Split) -> None:
    again, other = load(train=330, test=130), load(train=330, test=130, seed=1)
    assert again.train.images.tobytes() == split.train.images.tobytes()
    assert again.test.images.tobytes() == split.test.images.tobytes()
    assert again.train.labels.tobytes() == split.train.labels.tobytes()
    assert not (other.train.images == split.train.images).all(axis=(1, 2, 3)).any()


def test_the_size_of_the_test_set_does_not_move_the_training_set(split: Split) -> None:
    assert load(train=330, test=50).train.images.tobytes() == split.train.images.tobytes()


def test_no_image_is_drawn_twice(split: Split) -> None:
    images = [image.tobytes() for image in np.concatenate([split.train.images, split.test.images])]
    assert len(set(images)) == len(images)


def test_images_use_the_range_of_brightness(split: Split) -> None:
    means = split.train.images.mean(axis=(1, 2, 3))
    assert means.min() > 15 and means.max() < 245
    assert (split.train.images.std(axis=(1, 2, 3)) > 5).all()


def test_progress_rises_to_one() -> None:
    fractions: list[float] = []
    Signs(train=250, test=110).load(lambda fraction, text: fractions.append(fraction))
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1 and len(fractions) == 6


def test_faces_are_ten_different_pictures_in_a_transparent_margin() -> None:
    drawn = faces()
    assert drawn.shape == (10, SIDE, SIDE, 4)
    assert len({face.tobytes() for face in drawn}) == 10
    assert (drawn[:, [0, -1]] == 0).all() and (drawn[:, :, [0, -1]] == 0).all()
    assert (drawn[..., :3].max(axis=-1) <= drawn[..., 3].astype(int) + 1).all()  # premultiplied, rounding aside
    assert not drawn.flags.writeable


@pytest.mark.parametrize(
    ("name", "colour"), [("no entry", (240, 240, 236)), ("priority road", (247, 186, 22)), ("yield", (240, 240, 236))]
)
def test_the_middle_of_a_face_has_its_colour(name: str, colour: tuple[int, int, int]) -> None:
    face = faces()[list(FACES).index(name)]
    np.testing.assert_allclose(face[SIDE // 2, SIDE // 2], [*colour, 255], atol=2)


def test_a_sign_is_seen_where_its_pose_says() -> None:
    where = pose(np.random.default_rng(0), 40)
    _, alpha = render(np.full(40, 2, np.int64), where)  # a disc
    y, x = np.mgrid[:FRAME, :FRAME] + 0.5
    weight = alpha[:, 0] / alpha.sum(axis=(1, 2, 3))[:, None, None]
    found = np.stack([(weight * x).sum(axis=(1, 2)), (weight * y).sum(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(found, where.centre, atol=2)
    full = np.pi * where.radius**2
    assert (alpha.sum(axis=(1, 2, 3)) < 1.15 * full).all() and (alpha.sum(axis=(1, 2, 3)) > 0.5 * full).all()


def test_noise_repeats_without_a_seam() -> None:
    field = noise(np.random.default_rng(0), 2.0, side=64)
    seam, inside = np.abs(field[0] - field[-1]).mean(), np.abs(np.diff(field, axis=0)).mean()
    assert seam < 2 * inside
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_every_face_can_be_told_from_its_neighbours_on_average() -> None:
    rng = np.random.default_rng(3)
    textures = atlas(rng)
    means = np.stack([photographs(rng, np.full(60, k, np.int64), textures).mean(axis=0) for k in range(10)])
    gaps = np.sqrt(((means[:, None] - means[None]) ** 2).mean(axis=(2, 3, 4)))
    assert gaps[~np.eye(10, dtype=bool)].min() > 2
