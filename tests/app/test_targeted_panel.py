"""The run page of an attack on one chosen image: every state, every choice, and nothing of it with the truth hidden."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app import trials
from app.components import pair
from core.runs.store import Store
from core.runs.trials import grid
from tests.app import targeted
from tests.app.conftest import Open, text
from tests.app.test_result_page import decoded, figures

MakeRun = Callable[..., str]


def chart(page: Any, key: str) -> dict[str, Any]:
    """The figure of a chart whose key begins so."""
    found = [json.loads(one.proto.spec) for one in page.get("plotly_chart") if f"-{key}-" in one.proto.id]
    assert len(found) == 1, [one.proto.id for one in page.get("plotly_chart")]
    return found[0]


def named(figure: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace.get("name", "").startswith(name)]


@pytest.mark.parametrize("state", ["queued", "starting", "running", "stopping", "cancelled", "failed", "lost", "done"])
def test_every_state_is_designed(app: Open, make_targeted: MakeRun, state: str) -> None:
    page = app("result", run=make_targeted(state))
    assert not page.exception
    assert "Trial by trial" in text(page)
    assert "<i>target</i>" not in text(page)


@pytest.mark.parametrize(
    ("files", "said", "unsaid"),
    [
        (
            (),
            ["No trial is over yet", "No poisons yet", "The target is drawn", "when the poisons of this key"],
            "Key 1:",
        ),
        (
            ("data", "poison"),
            ["Key 1: test image 3", "No trial is over yet", "first victim is trained"],
            "No poisons yet",
        ),
        (("data", "poison", "train"), ["Victim 1 reads it as “<b>yield</b>”", "won where"], "No trial is over yet"),
    ],
)
def test_a_run_on_its_way_shows_what_is_there(
    app: Open, make_targeted: MakeRun, files: tuple[str, ...], said: list[str], unsaid: str
) -> None:
    page = app("result", run=make_targeted("running", files=files))
    assert not page.exception
    for words in said:
        assert words in text(page)
    assert unsaid not in text(page)


def test_the_verdict_counts_trials_and_says_what_was_left_out(app: Open, make_targeted: MakeRun) -> None:
    said = text(app("result", run=make_targeted()))
    assert "The attack worked: in 3 of 5 trials the target image was read as the attacker wants" in said
    assert "(60.0 %, 95 % interval 20.0 to 90.0 %); without poison in 1 of 6." in said
    assert "a probability of 52.0 %, the clean baseline 10.0 %" in said
    assert "1 of 6 trials is left out" in said
    assert "n = 5 trials" in said and "triggered" not in said


def test_the_facts_name_epsilon_and_repeats(app: Open, make_targeted: MakeRun) -> None:
    assert "epsilon 16/255" in text(app("result", run=make_targeted()))
    said = text(app("result", run=make_targeted(changes={"scenario": "transfer"})))
    assert "frozen features" in said and "3 keys × 2 victims" in said


def test_the_grid_shows_who_won(app: Open, make_targeted: MakeRun) -> None:
    grid = chart(app("result", run=make_targeted()), "outcomes")
    (won,), (lost,), (out,) = (named(grid, name) for name in ("Read as", "Not fooled", "Left out"))
    assert {tuple(pair) for pair in won["customdata"]} == targeted.WON
    assert out["customdata"] == [list(targeted.MISREAD)] and len(lost["customdata"]) == 2


def test_with_a_defense_the_grid_and_the_charts_are_its_own(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted(), arm="Spectral signatures")
    assert not named(chart(page, "outcomes"), "Read as")
    assert "Victim 1 reads it as “<b>stop</b>”" in text(page)
    wanted = named(chart(page, "what"), "Wanted class")
    assert decoded(wanted[0]["y"])[-1] == pytest.approx(10)


def test_draw_and_model_come_from_the_link_and_are_described(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted(), key="3", victim="2")
    said = text(page)
    assert "Key 3: test image 5, a “<b>no &lt;b&gt;entry&lt;/b&gt;</b>”, is to be read as “<b>stop</b>”." in said
    assert "so the trial does not count" in said
    aligned = chart(page, "alignment")
    assert decoded(named(aligned, "Victim 2")[0]["y"]) == pytest.approx([0.01, 0.11, 0.21, 0.31, 0.41])


def test_a_bad_draw_in_the_link_falls_back(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted(), key="77", victim="x", arm="Magic")
    assert not page.exception
    assert "Key 1: test image 3" in text(page)


def test_a_clicked_mark_chooses_its_trial(
    store: Store, make_targeted: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, state = store.run(make_targeted()), {}
    monkeypatch.setattr(pair.st, "session_state", state)
    pair.choose(run, [{"customdata": [2, 1]}])
    assert state == {"key": 2, "victim": 1}
    for points in ([], [{"x": 1}], [{"customdata": [9, 9]}]):
        pair.choose(run, points)
    assert state == {"key": 2, "victim": 1}


def test_poisons_stand_beside_their_base_and_the_target(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted(), gain="×16")
    said = text(page)
    assert "target: a “stop”, to be read as “yield”" in said
    for words in (
        "base image</fig",
        "perturbation ×16</fig",
        "poison</fig",
        "row 1: yield, label kept",
        "1 to 5 of 5 poisons",
    ):
        assert words in said
    page.select_slider(key="gain").set_value(2).run()
    assert "perturbation ×2</fig" in text(page)


def test_charts_say_how_to_read_them_and_have_an_alt_and_a_table(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted())
    said = text(page)
    for words in (
        "A filled diamond is a trial that the attacker won",
        "From 1 to 0.4 in 30 steps",
        "Above zero, whatever teaches the victim the poisons",
        "Each small plot is a key",
        "features 15 → 6",
    ):
        assert words in said
    alts = [one.proto.alt for one in page.get("plotly_chart")]
    assert "No defense: the attacker won 3 of 5 trials that count." in alts
    assert "Crafting loss of 2 restarts; the kept one falls from 1 to 0.4." in alts
    assert all(alts)
    tables = {tuple(table.value.columns)[0]: table.value for table in page.dataframe}
    assert list(tables["Key"]["Counts"]) == ["yes"] * 5 + ["no"]
    assert list(tables["Restart"]["Kept"]) == ["no", "yes"]
    assert list(tables["Epoch"]["Victim 1"]) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert list(tables["Measure"]["Poisons that came nearer"]) == ["0 of 5", "5 of 5", "5 of 5"]
    assert list(tables["Plot"]["Plot"]) == ["Key 1", "Key 2", "Key 3"]


def test_small_plots_of_one_draw_are_its_models(
    app: Open, make_targeted: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targeted, "KEYS", 1)
    page = app("result", run=make_targeted(changes={"keys": 1}))
    notes = [note["text"] for note in chart(page, "what")["layout"]["annotations"]]
    assert notes == ["Victim 1<br>stop → yield", "Victim 2<br>stop → yield"]
    assert "in 2 of 2" not in text(page)  # the stored result is what counts, not the files
    assert not [box for box in page.selectbox if box.key == "key"]


def test_an_attack_without_a_loss_says_so(app: Open, make_targeted: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = targeted.content

    def without(step: dict[str, Any]) -> targeted.Content:
        meta, arrays = whole(step)
        arrays.pop("trace", None)
        return meta, arrays

    monkeypatch.setattr(targeted, "content", without)
    said = text(app("result", run=make_targeted()))
    assert "No crafting loss" in said and "records no loss" in said


def test_missing_files_leave_the_verdict_and_the_grid(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted(files=False))
    assert not page.exception
    assert "The attack worked" in text(page) and "The images are not stored here" in text(page)
    assert len(named(chart(page, "outcomes"), "Read as")[0]["customdata"]) == len(targeted.WON)


def test_with_the_truth_hidden_the_trials_are_hidden(app: Open, make_targeted: MakeRun) -> None:
    page = app("result", run=make_targeted(), truth="false")
    assert not page.exception
    said = text(page)
    assert "The target, the poisons and what they do are part of the truth" in said
    assert "test image" not in said.split("Trial by trial")[1] and "base image" not in said
    drawn = json.dumps([f for f in figures(page) if any("Rows (" in t.get("name", "") for t in f["data"])])
    assert drawn != "[]" and "oison" not in drawn


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attack": {"name": "bullseye_polytope"}}, True),
        ({"attack": {"name": "bullseye_polytope"}, "scenario": "transfer"}, False),
        ({"attack": {"name": "gradient_matching"}}, False),
    ],
)
def test_attacks_on_fixed_features_say_why_they_fail_from_scratch(
    app: Open, make_targeted: MakeRun, changes: dict[str, Any], said: bool
) -> None:
    page = app("result", run=make_targeted(changes=changes))
    assert ("bullseye polytope 3 %, gradient matching 45 %" in text(page)) == said


def test_stages_count_draws_instead_of_listing_them(app: Open, make_targeted: MakeRun) -> None:
    said = text(app("result", run=make_targeted("running", files=("data",))))
    assert "Craft the poisons 0/3" in said and "key 2 of 3" not in said


def test_trials_on_the_way_are_those_of_the_files(store: Store, app: Open, make_targeted: MakeRun) -> None:
    run = store.run(make_targeted("running"))
    app("start")  # so that the app's store is this one
    found = trials.pairs(run)
    assert [{**one, "probability": None} for one in found] == [{**one, "probability": None} for one in targeted.pairs()]
    succeeded, probability, counted = grid(found, "undefended")
    assert {tuple(at) for at in np.argwhere(succeeded)} == targeted.WON
    assert not counted[targeted.MISREAD] and probability[0, 0] == pytest.approx(0.8)


def test_a_single_trial_is_told_and_not_drawn(
    app: Open, make_targeted: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = targeted.result()
    monkeypatch.setattr(targeted, "KEYS", 1)
    monkeypatch.setattr(targeted, "VICTIMS", 1)
    page = app(
        "result", run=make_targeted(changes={"keys": 1, "victims": 1}, result=whole | {"pairs": targeted.pairs()})
    )
    assert not page.exception
    assert not [one for one in page.get("plotly_chart") if "-outcomes-" in one.proto.id]
    assert "Victim 1 reads it as “<b>yield</b>”" in text(page)
    assert ["yes"] in [list(table.value.get("Counts", [])) for table in page.dataframe]
