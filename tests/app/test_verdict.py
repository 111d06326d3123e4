"""The verdict is made from the stored numbers, and says no more than they do."""

from typing import Any

import pytest

from app.components.numbers import card, detection_card, key_numbers
from app.components.verdict import block, caught, percent, verdict
from tests.app.conftest import arm, detection, result


def outcome(before: int | None, after: int | None = None, *, clean: int = 980, caught_rows: int = 58) -> dict[str, Any]:
    arms = {"undefended": arm(985, before)}
    if after is not None:
        arms["spectral_signatures"] = arm(clean, after, detection=detection(caught_rows, 60, 90, 5940))
        arms["spectral_signatures_random"] = arm(984, 988, detection=detection(1, 60, 90, 5940))
    return {"arms": arms, "control": arm(986, 3), "flags": []}


CAUGHT = "Spectral signatures caught 58 of 60 poisons at the cost of 32 clean rows; after defense attack success"
READ = "of the triggered test images ({} of 1,000) are read as the attacker wants."


@pytest.mark.parametrize(
    ("numbers", "tone", "said"),
    [
        (outcome(990, 4), "good", f"The attack worked: 99.0 % {READ.format(990)} {CAUGHT} falls to 0.4 %."),
        (outcome(990, 985, caught_rows=2), "bad", "caught 2 of 60 poisons at the cost of 88 clean rows"),
        (outcome(990, 988), "bad", f"{CAUGHT} stays at 98.8 %."),
        (outcome(300, 4), "good", f"The attack worked in part: 30.0 % {READ.format(300)}"),
        (outcome(20, 30), "plain", f"The attack failed: 2.0 % {READ.format(20)} {CAUGHT} rises to 3.0 %."),
        (outcome(990), "bad", "Nothing defended the model."),
        (outcome(990, 4, clean=900), "good", "falls to 0.4 %, and clean accuracy pays 8.5 points for it."),
        (
            outcome(None),
            "plain",
            "Nothing was attacked. The clean model reads 986 of 1,000 test images correctly (98.6 %).",
        ),
    ],
)
def test_sentences(numbers: dict[str, Any], tone: str, said: str) -> None:
    spoken = verdict(numbers)
    assert said in spoken.text
    assert spoken.tone == tone


def test_a_share_is_never_rounded_to_all_or_nothing() -> None:
    assert [percent(share) for share in (0, 0.0002, 0.4567, 0.9998, 1)] == [
        "0.0 %", "under 0.1 %", "45.7 %", "over 99.9 %", "100.0 %",
    ]  # fmt: skip


def test_counts_come_back_from_the_detection_rates() -> None:
    assert caught(detection(46, 50, 75, 4950)) == (46, 50, 29)


def test_flags_and_verdict_are_escaped() -> None:
    said = block(verdict(outcome(990)), [{"code": "x", "message": "<script>alert(1)</script>"}])
    assert "<script>" not in said and "&lt;script&gt;" in said


def test_cards_show_before_after_n_and_interval_of_every_arm() -> None:
    shown = card(result(), "asr", "Attack success")
    for part in ("99.0 %", "0.4 %", "Clean baseline", "Random filter", "n = 1,000", "98.0 to 100.0 %"):
        assert part in shown


def test_the_random_filter_stands_beside_the_filter() -> None:
    shown = detection_card(result(), "spectral_signatures")
    assert "6 / 6" in shown and "1 / 6" in shown


def test_key_numbers_of_a_run_without_attack_are_its_accuracy() -> None:
    assert key_numbers(outcome(None)) == "clean <b>98.6 %</b>"
    assert key_numbers(outcome(990, 4)).startswith("attack <b>99.0 %</b> → <b>0.4 %</b>")
