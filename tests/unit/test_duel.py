"""Where an attack begins to work and where a defense breaks, by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.axes import BUDGET
from core.runs import duel
from core.runs.record import Run
from core.runs.store import Store
from core.runs.sweep import Point, Sweep

Ends = tuple[float, float]
ANY: list[Run] = []


def rate(ends: Ends) -> dict[str, Any]:
    low, high = ends
    return {"low": low, "mean": (low + high) / 2, "high": high, "n": 100}


@pytest.fixture(scope="module", autouse=True)
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Any run: a duel looks at rates alone."""
    store = Store(tmp_path_factory.mktemp("duel"))
    ANY.append(store.run(store.start({}, spec_hash="0", name="Any")))
    yield ANY[0]
    store.close()


def point(value: float, attack: Ends, defended: Ends, control: Ends | None = (0.0, 0.02)) -> Point:
    rates = {"undefended": rate(attack), "shield": rate(defended)}
    if control is not None:
        rates["control"] = rate(control)
    return Point(value, ANY[0], rates, {})


@pytest.mark.parametrize(
    ("attack", "defended", "control", "state"),
    [
        ((0.01, 0.05), (0.0, 0.01), (0.0, 0.02), "idle"),  # as the clean baseline's, as far as one can tell
        ((0.02, 0.05), (0.0, 0.01), (0.0, 0.02), "idle"),  # they touch
        ((0.03, 0.05), (0.0, 0.01), (0.0, 0.02), "holds"),
        ((0.9, 1.0), (0.0, 0.1), (0.0, 0.02), "holds"),
        ((0.9, 1.0), (0.3, 0.49), (0.0, 0.02), "holds"),
        ((0.9, 1.0), (0.4, 0.5), (0.0, 0.02), "breaks"),  # half of the pictures may be misread
        ((0.3, 0.4), (0.2, 0.3), (0.0, 0.02), "breaks"),  # no better than no defense, as far as one can tell
        ((0.9, 1.0), (0.0, 0.1), None, "holds"),
        ((0.0, 0.1), (0.0, 0.1), None, "idle"),
    ],
)
def test_the_outcome_of_a_round_follows_from_the_intervals(
    attack: Ends, defended: Ends, control: Ends | None, state: str
) -> None:
    (found,) = duel.rounds([point(0.01, attack, defended, control)], "shield")
    assert found.state == state


def test_strengths_without_both_sides_are_left_out() -> None:
    half = Point(0.02, ANY[0], {"undefended": rate((0.9, 1.0))}, {})
    assert [each.value for each in duel.rounds([half, point(0.04, (0.9, 1.0), (0.0, 0.1))], "shield")] == [0.04]


IDLE, HELD, BROKEN = ((0.0, 0.02), (0.0, 0.02)), ((0.9, 1.0), (0.0, 0.1)), ((0.9, 1.0), (0.8, 0.9))


@pytest.mark.parametrize(
    ("rounds", "said"),
    [
        ((), "No strength was measured both without a defense and with Shield."),
        ((IDLE, IDLE), "The attack works at none of the 2 strengths, so there is nothing to defend against."),
        ((HELD, HELD), "Shield holds at every strength that was measured, up to budget 2 %."),
        (
            (IDLE, HELD, BROKEN),
            "Below budget 2 % the attack does not work. Shield breaks at budget 4 %: the attack still wins 85.0 % "
            "(80.0 % to 90.0 %), and 95.0 % without a defense. It holds at 2 %.",
        ),
        (
            (BROKEN, BROKEN),
            "Shield breaks at budget 1 %: the attack still wins 85.0 % (80.0 % to 90.0 %), and 95.0 % without a "
            "defense.",
        ),
    ],
)
def test_one_sentence_tells_where_it_breaks(rounds: tuple[tuple[Ends, Ends], ...], said: str) -> None:
    points = [point(0.01 * 2**place, *ends) for place, ends in enumerate(rounds)]
    found = Sweep(BUDGET, 0.01, tuple(points), 0)
    assert duel.sentence(found, duel.rounds(points, "shield"), "Shield") == said
