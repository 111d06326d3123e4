"""Adaptive blend: which pieces of the trigger lie where, who is relabelled, and what covers are."""

from typing import Any

import numpy as np
import pytest

from core.attacks.adaptive_blend import AdaptiveBlend
from core.attacks.base import Attack, Poisoned, Tools, apply, evaluation
from core.crafted import relabelled
from core.datasets.base import ImageSet
from core.errors import AttackError

GREY = np.full((1, 3, 16, 16), 100, np.uint8)


def pieces(image: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(16,) bool: which pieces of 4 x 4 pixels differ anywhere."""
    changed = (image != before).any(axis=0)
    return changed.reshape(4, 4, 4, 4).any(axis=(1, 3)).ravel()


def test_a_piece_is_a_sixteenth_of_the_trigger_and_shines_through() -> None:
    attack = AdaptiveBlend(opacity=0.2)
    kept = np.zeros((1, 16), bool)
    kept[0, [0, 6]] = True  # top left; second row, third column
    stamped = attack.stamp(GREY, kept)
    assert np.flatnonzero(pieces(stamped[0], GREY[0])).tolist() == [0, 6]
    trigger = attack.trigger(3, 16, 16)
    assert set(np.unique(trigger)) == {0, 255}
    for rows, columns in ((slice(0, 4), slice(0, 4)), (slice(4, 8), slice(8, 12))):
        # 100 becomes 80 where the trigger is dark, and 80 + 51 where it is bright
        expected = np.where(trigger[:, rows, columns] == 255, 131, 80)
        assert (stamped[0, :, rows, columns] == expected).all()


def test_the_trigger_is_a_mosaic_of_eight_by_eight_and_its_own_for_every_pattern() -> None:
    trigger = AdaptiveBlend().trigger(3, 32, 32)
    squares = trigger.reshape(3, 8, 4, 8, 4)
    assert (squares == squares[:, :, :1, :, :1]).all() and trigger.shape == (3, 32, 32)
    assert not np.array_equal(trigger, AdaptiveBlend(pattern=1).trigger(3, 32, 32))
    assert AdaptiveBlend().trigger(1, 12, 12).shape == (1, 12, 12)  # a size that eight does not divide


def blend(**settings: Any) -> AdaptiveBlend:
    return AdaptiveBlend.model_validate({"poison_fraction": 0.1, "cover_fraction": 0.2, "target_class": 2, **settings})


def test_poisons_are_relabelled_and_covers_are_not(tiny: ImageSet) -> None:
    poisoned = apply(blend(), tiny, Tools(0))
    given = poisoned.data.labels[poisoned.rows]
    poisons = relabelled(given, poisoned.original_labels)
    assert (poisons.sum(), len(poisons)) == (8, 24)  # a tenth of 80, and a fifth
    assert (given[poisons] == 2).all() and (given[~poisons] == poisoned.original_labels[~poisons]).all()
    assert (poisoned.original_labels != 2).all()
    for image, before in zip(poisoned.data.images[poisoned.rows], poisoned.originals, strict=True):
        assert pieces(image, before).sum() == 8
    halves = {
        pieces(*pair).tobytes() for pair in zip(poisoned.data.images[poisoned.rows], poisoned.originals, strict=True)
    }
    assert len(halves) > 20  # every image its own


def test_at_test_time_the_whole_trigger_is_shown_more_strongly(tiny: ImageSet) -> None:
    shown = evaluation(blend(shown_opacity=0.4), tiny, Tools(0))
    assert len(shown.images) == 60 and (shown.true != 2).all() and (shown.wanted == 2).all()
    trigger = blend().trigger(3, 16, 16)
    expected = np.rint(tiny.images[shown.indices] * 0.6 + trigger * 0.4)
    assert (shown.images == expected).all()


def test_covers_can_be_left_out_and_do_not_move_the_poisons(tiny: ImageSet) -> None:
    alone, hidden = (apply(blend(cover_fraction=share), tiny, Tools(0)) for share in (0, 0.2))
    assert len(alone.rows) == 8 and set(alone.rows) < set(hidden.rows)
    assert np.array_equal(alone.data.images[alone.rows], hidden.data.images[alone.rows])


def test_more_rows_than_there_are_is_refused(tiny: ImageSet) -> None:
    with pytest.raises(AttackError, match="40 poisons and 24 covers are wanted, but only 60 rows"):
        apply(blend(poison_fraction=0.5, cover_fraction=0.3), tiny, Tools(0))


def test_covers_do_not_hide_poisons_from_the_budget(tiny: ImageSet) -> None:
    class Greedy(AdaptiveBlend):
        """Relabels its covers as well."""

        def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
            done = super().poison(data, tools)
            labels = done.data.labels.copy()
            labels[done.rows] = self.target_class
            changed = ImageSet(done.data.images, labels, data.class_names, data.indices)
            return Poisoned(changed, done.rows, done.originals, done.original_labels)

    greedy: Attack = Greedy(poison_fraction=0.1, cover_fraction=0.2, target_class=2)
    with pytest.raises(AttackError, match="relabelled 24 rows; its budget is 8"):
        apply(greedy, tiny, Tools(0))
