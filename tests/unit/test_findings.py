"""Sentences about defenses beside each other, from numbers that are known."""

from typing import Any

import pytest

from core.findings import capital, finding, subject, verdict
from core.runs.comparison import Comparison, Point
from core.runs.equal_success import equal_success

TRIALS: dict[str, Any] = {"pairs": [{}]}
IMAGES: dict[str, Any] = {"pairs": []}


def rate(hits: int, n: int, half: float) -> dict[str, Any]:
    mean = hits / n
    return {"mean": mean, "low": max(0.0, mean - half), "high": min(1.0, mean + half), "n": n}


def point(name: str, strength: str, hits: int, accuracy: float, role: Any = "defense", half: float = 0.1) -> Point:
    defense = {"name": name.lower().replace(" ", "_")} if role == "defense" else None
    clean = {"mean": accuracy, "low": accuracy - 0.005, "high": accuracy + 0.005, "n": 2000}
    return Point("r", name, role, defense, name, strength, rate(hits, 20, half), clean, 1.0, 1.0)


PLAIN = point("No defense", "", 17, 0.961, "undefended")
OURS = point("Adversarial poisoning", "p 0.75", 1, 0.94)
EVASION = point("Evasion adversarial training", "epsilon 8/255", 2, 0.921)


def told(*points: Point) -> Comparison:
    return Comparison((PLAIN, *points), (), (), ())


def said(*points: Point, result: dict[str, Any] = TRIALS) -> str:
    return verdict(told(*points), result).text


def test_the_verdict_is_counts_and_points_on_the_same_trials() -> None:
    assert said(OURS, EVASION) == (
        "On the same 20 trials, 17 get through without a defense; adversarial poisoning at p 0.75 lets 1 of 20 "
        "through and costs 2.1 points of clean accuracy; evasion adversarial training at epsilon 8/255 lets 2 of 20 "
        "through and costs 4.0 points."
    )


def test_attacks_on_many_images_are_told_in_percent() -> None:
    assert said(OURS, result=IMAGES) == (
        "On the same 20 test images that the attacker shows, 85.0 % get through without a defense; adversarial "
        "poisoning at p 0.75 lets 5.0 % through and costs 2.1 points of clean accuracy."
    )


def test_nothing_that_comes_through_and_nothing_that_is_paid() -> None:
    free = point("Cutout", "", 0, 0.961)
    assert "cutout lets none of 20 through and costs nothing in clean accuracy." in said(free)
    assert "gains 1.0 point of clean accuracy" in said(point("Cutout", "", 0, 0.971))


def test_the_verdict_says_which_methods_are_not_worse() -> None:
    cheaper, alike = point("CutMix", "", 2, 0.955), point("EPIC", "q 0.2", 1, 0.937)
    high = point("Mixup", "", 12, 0.955)
    assert said(OURS, EVASION, cheaper, alike, high).endswith(
        "1 more defense is in the chart. With no clearly higher success CutMix costs less, EPIC at q 0.2 costs no "
        "clearly more than adversarial poisoning at p 0.75."
    )
    assert "no clearly higher" not in said(OURS, EVASION, high)


def test_many_defenses_are_counted_and_not_all_spoken_of() -> None:
    others = [point(f"Method {letter}", "", 9, 0.9) for letter in "ABCDE"]
    assert said(OURS, *others).endswith("2 more defenses are in the chart.")
    assert said(OURS, *others[:4]).endswith("1 more defense is in the chart.")


@pytest.mark.parametrize(
    ("points", "tone"),
    [((OURS,), "good"), ((point("EPIC", "", 5, 0.9),), "bad"), ((), "bad")],
)
def test_the_tone_is_that_of_the_best_defense(points: tuple[Point, ...], tone: str) -> None:
    assert verdict(told(*points), TRIALS).tone == tone


def test_an_attack_that_fails_anyway_is_no_news() -> None:
    weak = Comparison((point("No defense", "", 1, 0.96, "undefended"), OURS), (), (), ())
    assert verdict(weak, TRIALS).tone == "plain"
    assert "1 gets through without a defense" in verdict(weak, TRIALS).text


def test_without_a_defense_or_without_the_undefended_rate_it_says_so() -> None:
    assert said() == "On the same 20 trials, 17 get through without a defense; no defense was tried."
    nothing = verdict(Comparison((OURS,), (), (), ()), TRIALS)
    assert "was not measured" in nothing.text and nothing.tone == "plain"


# ---- at equal success


def found(other: Point) -> str:
    (match,) = equal_success([OURS, other], OURS)
    return finding(match, TRIALS)


def test_a_method_that_costs_more() -> None:
    # half-widths of both accuracies are 0.5 points: 1.9 and its interval of 0.7 to each side
    assert found(EVASION) == (
        "Evasion adversarial training at epsilon 8/255 costs 1.9 points more (95 % interval 1.2 to 2.6) than "
        "adversarial poisoning at p 0.75, where success cannot be told apart (2 of 20 against 1 of 20)."
    )


def test_a_method_that_is_not_worse_is_said_to_be() -> None:
    words = (
        "CutMix costs 1.5 points less (95 % interval 0.8 to 2.2) than adversarial poisoning at p 0.75, where success"
    )
    same = f"{words} cannot be told apart"
    assert found(point("CutMix", "", 1, 0.955)) == f"{same} (1 of 20 against 1 of 20). Here it is the better choice."
    assert found(point("CutMix", "", 2, 0.955)) == f"{same} (2 of 20 against 1 of 20)."  # perhaps it lets more through


def test_a_difference_within_the_noise() -> None:
    assert found(point("EPIC", "q 0.2", 1, 0.937)) == (
        "EPIC at q 0.2 and adversarial poisoning at p 0.75 cost alike where success cannot be told apart (1 of 20 "
        "against 1 of 20): the difference of 0.3 points is within the noise (95 % interval −0.4 to +1.0)."
    )


def test_a_method_that_never_gets_as_low() -> None:
    assert found(point("Mixup", "alpha 1", 12, 0.95)) == (
        "Mixup does not get as low: the nearest, alpha 1, lets 12 of 20 through, adversarial poisoning at p "
        "0.75 1 of 20."
    )
    assert found(point("Mixup", "", 12, 0.95)).startswith("Mixup does not get as low: it lets 12 of 20 through")


def test_a_method_that_lets_fewer_through() -> None:
    held = point("Adversarial poisoning", "p 0.25", 12, 0.955)
    (match,) = equal_success([held, EVASION], held)
    assert finding(match, TRIALS) == (
        "Evasion adversarial training at epsilon 8/255 lets fewer through (2 of 20 against 12 of 20) and costs 3.4 "
        "points more (95 % interval 2.7 to 4.1) than adversarial poisoning at p 0.25."
    )


def test_names_that_are_words_lose_their_capital_within_a_sentence() -> None:
    assert [subject(point(name, "", 0, 0.9)) for name in ("Deep k-NN", "EPIC", "DP-SGD", "CutMix", "MaxUp")] == [
        "deep k-NN",
        "EPIC",
        "DP-SGD",
        "CutMix",
        "MaxUp",
    ]
    assert subject(point("EPIC", "q 0.1, every 2", 0, 0.9)) == "EPIC with q 0.1, every 2"
    assert capital("deep k-NN") == "Deep k-NN" and capital("") == ""
