"""The story's counts, by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.story import Case, Tally, case, chosen_rows, merged


def rate(hits: int, n: int) -> dict[str, Any]:
    return {"mean": hits / n, "n": n}


def arm(right: int, fooled: int, passes: float, **more: Any) -> dict[str, Any]:
    return {"clean_accuracy": rate(right, 200), "asr": rate(fooled, 180), "passes": passes, **more}


class Seen:
    """As much of a run's view as a case looks at."""

    def __init__(self, **changes: Any) -> None:
        found = {"removed": 90, "precision": 50 / 90, "poisons_left": 10}
        steps = [{"kind": "filter", "defense": "spectral_signatures"}, {"kind": "train", "defense": "epic"}]
        self.result: dict[str, Any] | None = {
            "control": arm(196, 1, 1000),
            "arms": {
                "undefended": arm(194, 178, 1000),
                "spectral_signatures": arm(192, 3, 850, detection=found),
                "spectral_signatures_random": arm(193, 170, 850),
                "epic": arm(180, 40, 700),
            },
        }
        self.shipped: dict[str, Any] | None = {"rows": 6000, "poisons": 60}
        spec = {"attack": {"name": "badnets"}}
        self.run = type("Run", (), {"id": "r", "spec": spec, "steps": steps})
        for name, value in changes.items():
            setattr(self, name, value)

    def meta(self, kind: str) -> dict[str, Any] | None:
        assert kind == "shipped"
        return self.shipped


def counted(seen: Seen) -> Case | None:
    return case(seen)  # type: ignore[arg-type]


def test_counts_of_a_case() -> None:
    found = counted(Seen())
    assert found is not None
    assert (found.pictures, found.altered, found.attack) == (6000, 60, "badnets")
    assert (str(found.untouched), str(found.fooled)) == ("1 of 180", "178 of 180")
    assert (str(found.right_before), str(found.right)) == ("196 of 200", "194 of 200")
    assert [each.name for each in found.answers] == ["spectral_signatures", "epic"], "a random twin is no choice"


def test_a_filter_costs_the_first_training_too() -> None:
    found = counted(Seen())
    assert found is not None
    filtered, trained = found.answers
    assert (filtered.set_aside, filtered.caught, filtered.lost) == (90, 50, 40)
    assert filtered.work == pytest.approx(1.85) and str(filtered.fooled) == "3 of 180"
    assert (trained.set_aside, trained.caught, trained.lost) == (None, None, None)
    assert trained.work == pytest.approx(0.7) and trained.right == Tally(180, 200)


def test_what_lacks_its_numbers_is_no_case() -> None:
    assert counted(Seen(result=None)) is None and counted(Seen(shipped=None)) is None
    bare = Seen()
    bare.result["control"]["asr"] = None  # type: ignore[index]
    assert counted(bare) is None


def test_defenses_against_the_same_attack_stand_together() -> None:
    seen = counted(Seen())
    assert seen is not None
    filtered, trained = seen.answers
    one, two = replace(seen, answers=(filtered,)), replace(seen, run="s", answers=(trained, filtered))
    other = replace(seen, run="t", altered=61)
    found = merged([one, other, two])
    assert [(each.run, each.altered, len(each.answers)) for each in found] == [("r", 60, 2), ("t", 61, 2)]
    assert found[0].answers == (filtered, trained)


def test_a_wall_has_as_many_poisons_as_asked_and_no_row_twice() -> None:
    rows = chosen_rows([3, 50, 70], 100, 2, 20)
    assert len(rows) == len(set(rows)) == 20 and len({3, 50, 70} & set(rows)) == 2
    assert rows == chosen_rows(np.array([3, 50, 70]), 100, 2, 20) and rows != sorted(rows)


def test_shares() -> None:
    assert Tally(1, 4).share == 0.25 and Tally(0, 0).share == 0 and str(Tally(1234, 5678)) == "1,234 of 5,678"
