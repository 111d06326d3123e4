"""A published table as one command, from its runs to the markdown, on tiny settings."""

import json
import sys
from typing import Any

import pytest

from core import cli

TINY = (
    'data={"name": "digits", "size": 16}', 'model={"name": "small_cnn", "width": 4}', "keys=1", "training.epochs=2",
    "attack.steps=2", "attack.restarts=1", "attack.poison_fraction=0.02",
)  # fmt: skip
SET = [word for assignment in TINY for word in ("--set", assignment)]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `python -m core table` prints, in this process; its status and what it complains of."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m core", "table", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def test_a_table_is_measured_beside_what_was_published(home: Any, said: Any) -> None:
    status, out, err = said("published-40", *SET, "--estimate", "--json")
    assert status == 0, err
    before = json.loads(out)["total"]
    assert before["seconds"] == before["left"] > 0 and not before["measured"]

    status, out, err = said("published-40", *SET, "--json")
    assert status == 0, err
    told = json.loads(out)
    assert len(told["rows"]) == 8 and len(set(told["runs"])) == 3 and told["changed"] == list(TINY)
    for row in told["rows"]:
        success = row["ours"]["attack_success"]  # None where the control misreads the one target
        assert (success is None or success["n"] == 1) and row["ours"]["clean_accuracy"]["n"] == 500
        assert row["ours"]["seconds"] > 0 and 0 <= row["published"]["attack_success"] <= 0.25
    assert not told["total"]["measured"] and told["total"]["keys"] == 20
    assert told["total"]["how"].startswith("extrapolated to 20 keys: the runs of 1 key took")

    status, out, _ = said("published-40", *SET)  # all of it is there
    assert status == 0
    lines = out.splitlines()
    assert lines[2].startswith("| defense | attack success, ours | published |")
    assert [line.count("|") for line in lines[2:12]] == [8] * 10
    assert lines[4].startswith("| No defense | ") and "| 25 % |" in lines[4] and lines[4].endswith("| 15 |")
    assert "arXiv:2210.09671" in out and "Changed, so that ours is not the published experiment: data=" in out
    assert "some were computed earlier" in lines[-1] and "extrapolated to 20 keys" in lines[-1]

    status, out, _ = said("published-40", *SET, "--estimate", "--only", "epic")
    assert status == 0 and "0 s of it are still to do" in out and "Spectral" not in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "legal are published-40"),
        (("nothing",), "There is no table 'nothing'"),
        (("published-40", "--only", "nimbus"), "No row of 'published-40'"),
        (("published-40", "--set", "defenses=[]"), "choose rows with --only"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(home: Any, said: Any, words: tuple[str, ...], complaint: str) -> None:
    status, out, err = said(*words)
    assert status == 2 and out == "" and complaint in err and err.count("\n") == 1
