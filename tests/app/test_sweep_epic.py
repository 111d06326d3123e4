"""Attack success and clean accuracy against EPIC's share on the run page, and attack success while it learns."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.components import sweep_learning
from core import metrics
from core.figures import palette
from core.runs.store import Store
from tests.app.conftest import Made, Open, arm, experiment, rate, text, write_run
from tests.app.targeted import EPOCHS, MISREAD, SETTINGS, WON, pairs, trials

Make = Callable[..., str]
AXIS = {"against": "EPIC q"}
KEPT = {0.1: 2, 0.2: 1, 0.3: 0}
"""Trials that the attacker still wins against EPIC at each share, of the five that count."""


def points(share: float) -> list[dict[str, Any]]:
    """The first trials are lost after the second epoch; those without defense as `WON` says."""
    lost = {"undefended": WON, "epic": set(sorted(WON)[: KEPT[share]])}
    return [
        {
            "arm": name,
            "poison_key": draw,
            "victim": victim,
            "epoch": epoch,
            "clean_accuracy": 0.2 * epoch,
            "asr": float(((draw, victim) in won and epoch > 2) or (draw, victim) == MISREAD),
        }
        for name, won in lost.items()
        for draw, victim in trials()
        for epoch in range(EPOCHS + 1)
    ]


def result(share: float) -> dict[str, Any]:
    """EPIC loses two points of accuracy for every tenth."""
    told = {"undefended": (960, 3), "epic": (960 - round(200 * share), KEPT[share])}
    arms = {name: {**arm(clean, None), "asr": rate(won, 5)} for name, (clean, won) in told.items()}
    return {
        "device": "cpu",
        "arms": arms,
        "control": {**arm(965, None), "asr": rate(0, 6)},
        "pairs": pairs(),
        "flags": [],
    }


@pytest.fixture
def make(store: Store) -> Make:
    """A run of a targeted attack against EPIC: `make(0.1, "failed")`."""

    def made(share: float = 0.2, state: str = "done", *, measured: bool = True, **changes: Any) -> str:
        defenses = {"defenses": [{"name": "epic", "share": share}]}
        asked = experiment(name="Mine", **{**SETTINGS, **defenses, **changes})
        whole = Made([], lambda step: ({}, {}), points(share) if measured else [], result(share))
        return write_run(store, asked, whole, state, False, {})

    return made


def figure(page: AppTest, key: str) -> dict[str, Any] | None:
    found = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart") if key in chart.proto.id]
    assert len(found) < 2
    return found[0] if found else None


def numbers(drawn: Any) -> list[float]:
    """The values of a trace, which Plotly writes as bytes where they were an array."""
    return np.frombuffer(base64.b64decode(drawn["bdata"]), drawn["dtype"]).tolist() if "bdata" in drawn else drawn


def box(page: AppTest) -> Any:
    (found,) = [element for element in page.text_input if (element.key or "").startswith("extend-")]
    return found


def queued(store: Store) -> list[dict[str, Any]]:
    return [run.spec for run in reversed(store.runs()) if run.state == "queued"]


def test_without_another_share_it_says_what_is_missing_and_proposes_two(app: Open, make: Make) -> None:
    page = app("result", run=make(), **AXIS)
    assert not page.exception
    assert page.segmented_control(key="against").options == ["Epsilon", "Poison budget", "EPIC q"]
    assert "differ from this one in EPIC q and in nothing else" in text(page)
    assert box(page).value == "0.1, 0.3"
    assert "poisons and undefended trainings do not depend on q and are found again" in text(page)
    assert figure(page, "sweep-") is None and figure(page, "learning-") is None


def test_one_press_queues_the_missing_shares_which_differ_in_nothing_else(app: Open, make: Make, store: Store) -> None:
    run_id = make()
    app("result", run=run_id, **AXIS).button(key="extend-now-epic-share").click().run()
    own = store.run(run_id).spec
    for spec, share in zip(queued(store), (0.1, 0.3), strict=True):
        assert spec["name"] == f"Mine · q {share}"
        assert spec["defenses"] == [{**own["defenses"][0], "share": share}]
        assert {**spec, "name": "", "defenses": []} == {**own, "name": "", "defenses": []}


@pytest.mark.parametrize(("typed", "said"), [("1", "share"), ("0", "share"), ("half", "is no number")])
def test_what_is_no_share_is_said_and_not_queued(app: Open, make: Make, store: Store, typed: str, said: str) -> None:
    page = app("result", run=make(), **AXIS)
    box(page).set_value(typed).run()
    assert said in text(page) and page.button(key="extend-now-epic-share").disabled


def test_finished_runs_show_success_above_and_clean_accuracy_below(app: Open, make: Make) -> None:
    make(0.1)
    make(0.3)
    page = app("result", run=make(), **AXIS)
    assert not page.exception
    drawn = figure(page, "sweep-epic-share")
    assert drawn is not None
    upper = {trace["name"]: trace["y"] for trace in drawn["data"] if "yaxis" not in trace}
    lower = {trace["name"]: trace["y"] for trace in drawn["data"] if trace.get("yaxis") == "y2"}
    assert upper["EPIC"] == pytest.approx([40, 20, 0]) and lower["EPIC"] == pytest.approx([94, 92, 90])
    assert upper["No defense"] == pytest.approx([60] * 3) and lower["No defense"] == pytest.approx([96] * 3)
    assert drawn["layout"]["xaxis"]["ticktext"] == ["0.1", "0.2", "0.3"]


def test_the_table_holds_the_accuracy_as_well_and_the_words_for_who_cannot_see(app: Open, make: Make) -> None:
    make(0.1)
    page = app("result", run=make(), **AXIS)
    said = text(page)
    assert "40.0 %" in said and "2 of 5" in said
    assert "clean 94.0 %" in said and "93.0 to 95.0 %" in said
    alt = next(chart.proto.alt for chart in page.get("plotly_chart") if "sweep-epic" in chart.proto.id)
    assert alt == (
        "Attack success with EPIC against EPIC q: 40.0 % at q 0.1 (clean accuracy 94.0 %), "
        "20.0 % at q 0.2 (clean accuracy 92.0 %)."
    )


def test_the_other_axes_show_no_accuracy(app: Open, make: Make) -> None:
    make(attack={**SETTINGS["attack"], "epsilon": 8})
    page = app("result", run=make(), against="Epsilon")
    drawn = figure(page, "sweep-epsilon")
    assert drawn is not None and "yaxis2" not in drawn["layout"]
    assert "clean 92.0 %" not in text(page) and figure(page, "learning-") is None


def test_while_it_learns_there_is_a_line_for_every_share_and_one_without_defense(app: Open, make: Make) -> None:
    make(0.1)
    make(0.3)
    drawn = figure(app("result", run=make(), **AXIS), "learning-epic-share")
    assert drawn is not None
    lines = {trace["name"]: trace for trace in drawn["data"] if trace.get("name")}
    assert list(lines) == ["No defense", "q 0.1", "q 0.2", "q 0.3"]
    # Trials whose target the control misreads do not count, although the attacker "wins" them from the start.
    assert [numbers(line["y"]) for line in lines.values()] == [
        pytest.approx([0, 0, 0, share, share]) for share in (60, 40, 20, 0)
    ]
    colours = [line["line"]["color"] for line in lines.values()]
    assert colours[0] == palette.VERMILION and len(set(colours)) == 4
    bands = [trace for trace in drawn["data"] if trace.get("fill") == "toself"]
    wilson = metrics.wilson(3, 5)
    assert len(bands) == 4
    assert max(numbers(bands[0]["y"])) == pytest.approx(100 * wilson.high)


def test_a_share_on_its_way_is_hollow_and_has_no_line_yet(app: Open, make: Make) -> None:
    run_id = make()
    make(0.1, "queued")
    page = app("result", run=run_id, **AXIS)
    drawn, learning = figure(page, "sweep-epic-share"), figure(page, "learning-epic-share")
    assert drawn is not None and learning is not None
    assert [trace["x"] for trace in drawn["data"] if trace["name"] == "No result yet"] == [[0.1]]
    assert [trace["name"] for trace in learning["data"] if trace.get("name")] == ["No defense", "q 0.2"]


def test_runs_without_stored_curves_say_so(app: Open, make: Make) -> None:
    make(0.1, measured=False)
    page = app("result", run=make(measured=False), **AXIS)
    assert not page.exception
    assert "The curves of these runs are not stored here." in text(page)


def test_undefended_curves_come_from_another_run_on_the_curve_where_the_own_has_none(app: Open, make: Make) -> None:
    make(0.1)
    drawn = figure(app("result", run=make(measured=False), **AXIS), "learning-epic-share")
    assert drawn is not None
    assert [trace["name"] for trace in drawn["data"] if trace.get("name")] == ["No defense", "q 0.1"]


def test_runs_with_other_settings_of_epic_are_counted_and_not_drawn(app: Open, make: Make) -> None:
    make(defenses=[{"name": "epic", "share": 0.1, "every": 3}])
    said = text(app("result", run=make(), **AXIS))
    assert "1 other run differs in keys, victims or defenses" in said and "No other run yet" in said


def test_the_axis_in_the_link_falls_back_where_nobody_defends_with_epic(
    app: Open, make_run: Callable[..., str]
) -> None:
    attack = {"name": "gradient_matching", "epsilon": 16, "poison_fraction": 0.01}
    page = app("result", run=make_run(changes={"attack": attack}), **AXIS)
    assert not page.exception
    control = page.segmented_control(key="against")
    assert control.value == "Epsilon" and control.options == ["Epsilon", "Poison budget"]


def test_models_that_have_rates_of_their_own_are_averaged(store: Store, make_run: Callable[..., str]) -> None:
    run_id = make_run(files=False)
    store.add_point(run_id, arm="undefended", poison_key=0, victim=1, epoch=2, asr=0.5)
    found = sweep_learning.success(store.run(run_id))["undefended"]
    assert (found[1].mean, found[1].n) == (0.5, 1)
    assert (found[2].mean, found[2].n, found[2].interval) == (0.75, 2, "seeds")
