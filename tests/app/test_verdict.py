"""The verdict is made from the stored numbers, and says no more than they do."""

from typing import Any

import pytest

from app.components.numbers import card, detection_card, key_numbers, table
from app.components.verdict import block
from core.verdict import caught, percent, verdict
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


def test_without_the_truth_the_verdict_counts_rows_and_not_poisons() -> None:
    said = verdict(outcome(990, 4), truth=False).text
    assert said.endswith("Spectral signatures removed 90 rows; after defense attack success falls to 0.4 %.")
    assert "poison" not in said and "58" not in said


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


# ---- attacks on one chosen image


def tried(wins: int, of: int, *, after: int | None = None, left_out: int = 0, same: bool = True) -> dict[str, Any]:
    """`of` trials that count and `left_out` that do not; the control never predicts the wanted class."""

    def rated(hits: int, n: int) -> dict[str, Any]:
        success = {"mean": hits / n, "low": 0.25, "high": 0.75, "n": n, "seeds": 2, "interval": "wilson"}
        return {**arm(960, None), "asr": success, "target_probability": {**success, "mean": 0.9 * hits / n}}

    pairs = [
        {"key": i, "victim": 0, "true": 0 if same else i % 2, "wanted": 2, "counted": i < of}
        for i in range(of + left_out)
    ]
    arms = {"undefended": rated(wins, of)}
    if after is not None:
        arms["spectral_signatures"] = rated(after, of) | {"detection": detection(2, 60, 90, 5940)}
    return {"arms": arms, "control": rated(0, of + left_out), "pairs": pairs, "flags": []}


NAMES = ("stop", "yield", "speed 30")


@pytest.mark.parametrize(
    ("numbers", "tone", "said"),
    [
        (
            tried(13, 20),
            "bad",
            "The attack worked: in 13 of 20 trials the target, a “stop”, was read as “speed 30” (65.0 %, 95 % interval "
            "25.0 to 75.0 %); without poison in none of 20. On average the poisoned models give the wanted class a "
            "probability of 58.5 %, the clean baseline 0.0 %. Nothing defended the model.",
        ),
        (tried(3, 20, same=False), "bad", "The attack worked in part: in 3 of 20 trials the target image was read as"),
        (tried(0, 1), "plain", "The attack failed: in none of 1 trial the target, a “stop”,"),
        (
            tried(13, 20, left_out=2),
            "bad",
            "without poison in none of 22. On average the poisoned models give the wanted class a probability of "
            "58.5 %, the clean baseline 0.0 %. 2 of 22 trials are left out: the clean baseline itself misreads the "
            "target there.",
        ),
        (tried(13, 20, after=1), "good", "2 of 60 poisons at the cost of 88 clean rows; after defense attack success"),
    ],
)  # fmt: skip
def test_sentences_about_trials(numbers: dict[str, Any], tone: str, said: str) -> None:
    spoken = verdict(numbers, NAMES)
    assert said in spoken.text
    assert spoken.tone == tone


def test_without_the_truth_nobody_learns_which_class_is_wanted() -> None:
    said = verdict(tried(13, 20), NAMES, truth=False).text
    assert "in 13 of 20 trials the target image was read as the attacker wants (65.0 %" in said
    assert "stop" not in said and "speed" not in said


def test_classes_without_names_are_numbers() -> None:
    assert "the target, a class 0, was read as class 2" in verdict(tried(13, 20)).text


def test_where_no_trial_counts_the_verdict_says_why() -> None:
    none = tried(1, 1, after=1, left_out=3)
    none["pairs"] = [{**pair, "counted": False} for pair in none["pairs"]]
    none["arms"]["undefended"] |= {"asr": None, "target_probability": None}
    none["arms"]["spectral_signatures"] |= {"asr": None, "target_probability": None}
    spoken = verdict(none, NAMES)
    assert spoken.text.startswith("No trial counts: the clean baseline itself misreads the target in all 4 of them.")
    assert spoken.tone == "plain"
    assert table(none)[1]["Attack success"] == "–" and "–" in detection_card(none, "spectral_signatures")
    assert key_numbers(none).startswith("clean")


def test_images_without_a_trigger_are_not_called_triggered() -> None:
    assert "of the triggered test images" in verdict(outcome(990) | {"spec": {"attack": {"name": "badnets"}}}).text
    shown = verdict(outcome(990) | {"spec": {"attack": {"name": "imported"}}}).text
    assert "99.0 % of the test images that the attacker shows (990 of 1,000) are read as the attacker wants" in shown


def test_wrong_labels_are_judged_by_clean_accuracy() -> None:
    flipped = outcome(300, 200, clean=960) | {"spec": {"attack": {"name": "label_flip"}}}
    flipped["arms"]["undefended"]["clean_accuracy"]["mean"] = 0.9
    spoken = verdict(flipped)
    assert spoken.text == (
        "The wrong labels cost 8.6 points of clean accuracy: 90.0 % against the clean baseline's 98.6 %. Spectral "
        "signatures caught 58 of 60 poisons at the cost of 32 clean rows; after defense clean accuracy is 96.0 %."
    )
    assert spoken.tone == "bad"
    harmless = verdict(outcome(20) | {"spec": {"attack": {"name": "label_flip"}}})
    assert harmless.tone == "plain" and "cost 0.1 points" in harmless.text and "defended" not in harmless.text


def test_cards_and_tables_of_trials_count_trials() -> None:
    numbers = tried(13, 20, after=1)
    shown = card(numbers, "asr", "Attack success")
    assert "n = 20 trials</td>" in shown and "one key (a draw of the poisons)" in shown
    assert "trials" not in card(numbers, "clean_accuracy", "Clean accuracy")
    assert "58.5 %" in card(numbers, "target_probability", "Probability of the wanted class")
    (control, undefended, _) = table(numbers)
    assert undefended["Attack success, trials"] == "13 of 20" and control["Probability of the wanted class"].startswith(
        "0.0"
    )
    assert "Attack success, trials" not in table(result())[0] and "Attack success, images" in table(result())[0]
