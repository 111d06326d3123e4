"""The Lab's look at what an attack does."""

from app import preview
from core.attacks.adaptive_blend import AdaptiveBlend
from core.attacks.label_flip import LabelFlip
from core.datasets.base import ImageSet


def test_a_preview_shows_poisons_and_no_covers(tiny: ImageSet) -> None:
    data = preview.Sample(tiny, tiny, rows=None, whole=None, key="")
    found = preview.poisoned(AdaptiveBlend(target_class=2, cover_fraction=0.5), data, count=3)
    assert len(found.words) == len(found.clean) == len(found.changed) == 3
    assert all(words.endswith("labelled class 2") and "class 2," not in words for words in found.words)
    assert (found.clean != found.changed).any(axis=(1, 2, 3)).all()


def test_images_of_a_preview_belong_to_their_words(tiny: ImageSet) -> None:
    data = preview.Sample(tiny, tiny, rows=None, whole=None, key="")
    found = preview.poisoned(LabelFlip(mode="pair"), data, count=2)
    for image, words in zip(found.clean, found.words, strict=True):
        (row,) = [row for row in range(80) if (tiny.images[row] == image).all()]
        assert words == f"class {row % 4}, labelled class {(row + 1) % 4}"
