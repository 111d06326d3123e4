"""Published tables as experiments: which runs they take, and what stands beside what."""

import pytest

from core import replication
from core.errors import SpecError
from core.replication import Replication
from tests.comparing import arm


@pytest.fixture
def forty() -> Replication:
    return replication.load("published-40")


@pytest.mark.parametrize("name", replication.names())
def test_every_row_of_a_table_has_a_published_number_and_a_legal_defense(name: str) -> None:
    wanted = replication.load(name)
    measured = [row for part in replication.parts(wanted) for row in part.rows]
    assert sorted(row.claim.label for row in measured) == sorted(row.claim.label for row in wanted.rows)
    assert wanted.title and all(sentence.endswith(".") for sentence in wanted.departures)


def test_the_forty_epoch_table_is_the_published_setting(forty: Replication) -> None:
    labels = [row.claim.label for row in forty.rows]
    poisoning = [f"Adversarial poisoning · p {part}" for part in (0.25, 0.5, 0.75)]
    assert labels == ["No defense", "Spectral signatures", *poisoning, *(f"EPIC · q 0.{tenth}" for tenth in (1, 2, 3))]
    for part in replication.parts(forty):
        asked = part.experiment.model_dump()
        assert (asked["keys"], asked["victims"], asked["scenario"]) == (20, 1, "from_scratch")
        assert asked["model"]["name"] == "resnet18" and asked["data"]["collection"] == "cifar10"
        assert (asked["training"]["epochs"], asked["training"]["batch_size"]) == (40, 128)
        assert (asked["attack"]["epsilon"], asked["attack"]["poison_fraction"]) == (8, 0.01)


def test_strengths_of_one_defense_are_apart_and_all_else_is_shared(forty: Replication) -> None:
    parts = replication.parts(forty, ["keys=2"])
    assert [[row.claim.label.split(" ·")[0] for row in part.rows] for part in parts] == [
        ["No defense", "Spectral signatures", "Adversarial poisoning", "EPIC"],
        ["Adversarial poisoning", "EPIC"],
        ["Adversarial poisoning", "EPIC"],
    ]
    shared = [part.experiment.model_dump(mode="json", exclude={"defenses", "name"}) for part in parts]
    assert shared[0] == shared[1] == shared[2] and shared[0]["keys"] == 2
    assert [part.experiment.defenses[-1].share for part in parts] == [0.1, 0.2, 0.3]  # type: ignore[attr-defined]


def test_rows_are_chosen_by_a_part_of_their_name(forty: Replication) -> None:
    kept = replication.only(forty, ["no def", "q 0.2"])
    assert [row.claim.label for row in kept.rows] == ["No defense", "EPIC · q 0.2"]
    assert len(replication.parts(kept)) == 1
    assert replication.only(forty, []) == forty
    with pytest.raises(SpecError, match="'nimbus'.*EPIC · q 0.3"):
        replication.only(forty, ["nimbus"])


@pytest.mark.parametrize(
    ("assignment", "words"), [("defenses=[]", "choose rows with --only"), ("keys=0", "keys"), ("model=x", "'x'")]
)
def test_changes_that_are_not_legal_are_named(forty: Replication, assignment: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        replication.parts(forty, [assignment])


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match="'published-41'; legal are published-40"):
        replication.load("published-41")


def test_every_row_takes_its_own_runs_arm(forty: Replication) -> None:
    parts = replication.parts(forty, ["keys=5", "victims=2"])
    same = {"spectral_signatures": arm(0.4, 0.8), "adversarial_poisoning": arm(0.0, 0.85)}
    results = [
        {"arms": {"undefended": arm(0.5, 0.9, 100), "epic": arm(success, 0.7), **same}} for success in (0.1, 0.2, 0.3)
    ]
    lines = {line["row"]: line for line in replication.lines(forty, list(zip(parts, results, strict=True)))}
    assert list(lines) == [row.claim.label for row in forty.rows]
    assert [lines[f"EPIC · q 0.{n}"]["ours"]["attack_success"]["mean"] for n in (1, 2, 3)] == pytest.approx(
        [0.1, 0.2, 0.3]
    )
    undefended = lines["No defense"]
    assert undefended["ours"]["seconds"] == 20  # 200 of ten trainings
    assert undefended["published"] == {
        "attack_success": 0.25, "clean_accuracy": pytest.approx(0.9248), "minutes": 15, "rerun": False, "note": "",
    }  # fmt: skip
    assert lines["Spectral signatures"]["published"]["rerun"]
    assert all(line["ours"] is None for line in replication.lines(forty, []))


def test_only_the_work_of_keys_grows_with_their_number() -> None:
    noted = [(None, 30.0), (None, 10.0), (0, 20.0), (1, 40.0)]
    assert replication.scaled(noted, asked=2, wanted=2) == 1
    assert replication.scaled(noted, asked=2, wanted=20) == (40 + 600) / 100
    assert replication.scaled([], asked=1, wanted=20) == 20
