"""The run page in every state that a run can be in."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.components import numbers
from core.runs.record import STALLED
from core.runs.store import Store
from tests.app.conftest import NAMES, POISONS, TARGET, Open, text

MakeRun = Callable[..., str]


def figures(test: Any) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]


def decoded(values: Any) -> list[Any]:
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return list(values)


def trace(test: Any, name: str) -> dict[str, Any]:
    found = [t for figure in figures(test) for t in figure["data"] if t.get("name", "").startswith(name)]
    assert len(found) == 1, f"{name}: {len(found)}"
    return found[0]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "No run chosen"),
        ({"run": "r-nothere"}, "There is no such run"),
        ({"run": "../../etc"}, "There is no such run"),
    ],
)
def test_without_a_run_the_page_says_where_to_find_one(app: Open, parameters: dict[str, str], said: str) -> None:
    page = app("result", **parameters)
    assert not page.exception
    assert said in text(page)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "Waiting (1st)"),
        ("starting", "Loading PyTorch"),
        ("running", "Train on the poisoned set"),
        ("stopping", "Stopping"),
        ("cancelled", "Stopped before the end"),
        ("failed", "The run failed"),
        ("lost", "The worker vanished"),
        ("done", "The attack worked"),
    ],
)
def test_every_state_is_designed(app: Open, make_run: MakeRun, state: str, said: str) -> None:
    page = app("result", run=make_run(state))
    assert not page.exception
    assert said in text(page)
    assert "<i>stamp</i>" not in text(page)  # names are escaped


def test_a_silent_run_is_called_stalled(
    app: Open, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    run_id = make_run("running")
    now = time.time()
    monkeypatch.setattr("core.runs.store.time.time", lambda: now + STALLED + 15)
    page = app("result", run=run_id)
    assert not page.exception
    assert "No sign for" in text(page) and "has not reported" in text(page)


def test_a_live_run_shows_progress_stages_curves_and_stop(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run("running")
    page = app("result", run=run_id)
    assert "21 s left" in page.get("progress")[0].proto.text
    assert "ps-stages" in text(page)
    assert decoded(trace(page, "No defense: attack success")["y"]) == [50, 100]
    page.button(key=f"stop-live-{run_id}").click().run()
    assert store.run(run_id).state == "stopping"


@pytest.mark.parametrize("state", ["cancelled", "failed", "lost"])
def test_what_ended_early_can_be_resumed(app: Open, make_run: MakeRun, store: Store, state: str) -> None:
    run_id = make_run(state)
    page = app("result", run=run_id)
    page.button(key=f"resume-broken-{run_id}").click().run()
    assert store.run(run_id).state == "queued"


def test_a_failed_run_shows_the_end_of_its_log(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run("failed", message="Out of <memory>.")
    store.log_path(run_id).parent.mkdir(exist_ok=True)
    store.log_path(run_id).write_text("first\nlast words\n")
    page = app("result", run=run_id)
    assert "last words" in page.get("code")[0].value
    assert "Out of &lt;memory&gt;." in text(page)


def test_a_finished_run_shows_numbers_with_counts_and_intervals(app: Open, make_run: MakeRun) -> None:
    said = text(app("result", run=make_run()))
    for part in ("99.0 %", "0.4 %", "n = 1,000", "98.0 to 100.0 %", "6 of 6", "One seed &lt;only&gt;."):
        assert part in said
    assert "how many rows are poisoned: <b>6</b>" in said  # what the defender knew


def test_what_noisy_gradients_promise_is_said() -> None:
    told = {"epsilon": 6234.7, "delta": 1e-5, "assumed": "Poisson samples."}
    rate = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 20}
    arm = {"clean_accuracy": rate, "asr": None, "seconds": 1.0, "passes": 2.0}
    result = {"arms": {"undefended": arm, "dp_sgd": {**arm, "privacy": told}}}
    assert numbers.promises(result) == [
        "DP-SGD: epsilon 6,235 at delta 1e-05 (about 1 or less promises much, more than 10 hardly anything). "
        "Poisson samples."
    ]
    assert [row["Differential privacy"] for row in numbers.table(result)] == ["–", "epsilon 6,235 at delta 1e-05"]
    result["arms"]["dp_sgd"]["privacy"] = {**told, "epsilon": None, "assumed": "Nothing is promised."}
    assert numbers.promises(result) == ["DP-SGD: no guarantee. Nothing is promised."]
    assert "Differential privacy" not in numbers.table({"arms": {"undefended": arm}})[0]


def test_missing_files_leave_the_numbers_and_say_so(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run(files=False))
    assert not page.exception
    assert "The attack worked" in text(page) and "not stored here" in text(page)


def test_the_projection_opens_on_the_class_that_stands_out(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run())
    assert f"“{NAMES[TARGET]}” holds most poisons" in text(page)
    poisons = trace(page, "Poisons (")
    assert len(decoded(poisons["x"])) == POISONS and poisons["marker"]["symbol"] == "x"
    assert trace(page, "Removed (")["marker"]["symbol"] == "circle-open"


def test_the_lens_is_a_small_view_that_leads_to_the_spectral_page(app: Open, make_run: MakeRun) -> None:
    run_id = make_run()
    page = app("result", run=run_id)
    assert not [box for box in page.selectbox if box.key == "cls"]
    assert "row 0 · poison, was stop" in text(page)
    (link,) = [link.proto for link in page.get("page_link") if link.proto.label.startswith("Choose rows")]
    assert link.page == "spectral" and "run=" + run_id in link.query_string and "cls=1" in link.query_string
    hidden = app("result", run=run_id, truth="false")
    assert "is the most lopsided" in text(hidden)
    (link,) = [link.proto for link in hidden.get("page_link") if link.proto.label.startswith("Choose rows")]
    assert "truth=false" in link.query_string


def test_with_the_truth_hidden_no_figure_and_no_word_tells_it(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run(), truth="false")
    drawn = json.dumps([f for f in figures(page) if any("Rows (" in t.get("name", "") for t in f["data"])])
    assert drawn != "[]" and "oison" not in drawn
    sent = [json.loads(component.proto.json) for component in page.get("bidi_component")]
    (histogram,) = [data for data in sent if "cleanScores" in data]
    assert histogram["poison"] is None and histogram["poisonScores"] is None
    walls = [element.proto.body for element in page.get("html") if 'class="ps-wall"' in element.proto.body]
    assert walls and "poison" not in "".join(walls)


def test_without_a_run_the_newest_are_one_press_away(app: Open, make_run: MakeRun) -> None:
    run_id = make_run()
    page = app("result")
    assert "No run chosen" in text(page)
    page.button(key=f"newest-{run_id}").click().run()
    assert "The attack worked" in text(page)


def test_the_navigation_leads_back_to_the_run_that_was_open(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run())
    del page.query_params["run"]
    assert "The attack worked" in text(page.run())


def test_the_command_line_repeats_the_run(app: Open, make_run: MakeRun) -> None:
    commands = [code.value for code in app("result", run=make_run()).get("code")]
    assert commands == ["python -m core run badnets-signs"]


def test_a_run_opens_in_the_lab_with_its_own_settings(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run(changes={"attack": {"name": "badnets", "size": 11}, "seed": 5}))
    page.button(key="to-lab").click().run()
    assert not page.exception
    (slider,) = [slider for slider in page.slider if slider.key and slider.key.endswith("attack.badnets.size")]
    assert slider.value == 11
    assert page.query_params["seed"] in ("5", ["5"])
