"""Attack success against epsilon and budget on the run page: the curve in every state, and what extends it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.components import sweep_panel
from core.axes import BUDGET, EPSILON
from core.runs.store import Store
from tests.app.conftest import Open, result, text

MakeRun = Callable[..., str]
HEADING = "How much does it take?"


def matching(**settings: Any) -> dict[str, Any]:
    return {"attack": {"name": "gradient_matching", "epsilon": 16, "poison_fraction": 0.01, **settings}}


@pytest.fixture
def make(make_run: MakeRun) -> MakeRun:
    """A run of a targeted attack: `make("failed", epsilon=8)`."""

    def made(state: str = "done", *, changes: dict[str, Any] | None = None, outcome: Any = None, **attack: Any) -> str:
        return make_run(state, changes={**matching(**attack), **(changes or {})}, **(outcome or {}))

    return made


def figure(page: AppTest) -> dict[str, Any]:
    found = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart") if "sweep-" in chart.proto.id]
    assert len(found) == 1
    return found[0]


def box(page: AppTest) -> Any:
    (found,) = [element for element in page.text_input if (element.key or "").startswith("extend-")]
    return found


def queued(store: Store) -> list[dict[str, Any]]:
    return [run.spec for run in reversed(store.runs()) if run.state == "queued"]


def press(page: AppTest, axis: str = "epsilon") -> AppTest:
    return page.button(key=f"extend-now-{axis}").click().run()


def test_without_another_run_it_says_what_a_curve_needs_and_what_would_be_queued(app: Open, make: MakeRun) -> None:
    page = app("result", run=make())
    assert not page.exception
    said = text(page)
    assert HEADING in said and "No other run yet" in said
    assert [chart for chart in page.get("plotly_chart") if "sweep-" in chart.proto.id] == []
    assert box(page).value == "4, 8, 32"
    assert page.button(key="extend-now-epsilon").label == "Queue 3 runs"
    assert "models to train; what is there already is used again" in said


def test_one_press_queues_the_missing_points_under_names_that_say_so(app: Open, make: MakeRun, store: Store) -> None:
    run_id = make()
    press(app("result", run=run_id))
    specs = queued(store)
    assert [spec["attack"]["epsilon"] for spec in specs] == [4, 8, 32]
    assert [spec["name"] for spec in specs] == [f"A <i>stamp</i> · epsilon {value}/255" for value in (4, 8, 32)]
    own = store.run(run_id).spec
    for spec in specs:
        assert {**spec, "name": "", "attack": None} == {**own, "name": "", "attack": None}
        assert {**spec["attack"], "epsilon": 16} == own["attack"]


def test_nothing_is_queued_twice(app: Open, make: MakeRun, store: Store) -> None:
    page = app("result", run=make())
    press(page)
    assert box(page).value == "" and page.button(key="extend-now-epsilon").disabled
    box(page).set_value("8, 16, 12, 12").run()
    said = text(page)
    assert "8/255 is on its way already." in said and "16/255 is finished already." in said
    assert page.button(key="extend-now-epsilon").label == "Queue 1 run"
    press(page)
    assert [spec["attack"]["epsilon"] for spec in queued(store)] == [4, 8, 32, 12]


def test_a_run_that_somebody_else_queued_meanwhile_is_not_queued_again(app: Open, make: MakeRun, store: Store) -> None:
    page = app("result", run=make())
    make("queued", epsilon=8)
    press(page)
    assert sorted(spec["attack"]["epsilon"] for spec in queued(store)) == [4, 8, 32]


@pytest.mark.parametrize(
    ("typed", "said"),
    [("0", "epsilon"), ("eight", "is no number"), ("300", "epsilon"), ("4.5", "epsilon"), ("<b>x</b>", "no number")],
)
def test_what_cannot_be_a_value_is_said_and_not_queued(
    app: Open, make: MakeRun, store: Store, typed: str, said: str
) -> None:
    page = app("result", run=make())
    box(page).set_value(f"{typed}, 6").run()
    assert not page.exception
    (remark,) = [element.proto.body for element in page.get("html") if 'ps-remark">' in element.proto.body]
    assert said in remark and "<b>" not in remark
    press(page)
    assert [spec["attack"]["epsilon"] for spec in queued(store)] == [6]


def test_units_may_be_typed(app: Open, make: MakeRun, store: Store) -> None:
    page = app("result", run=make())
    box(page).set_value("6/255; 7 /255").run()
    press(page)
    assert [spec["attack"]["epsilon"] for spec in queued(store)] == [6, 7]


def test_finished_runs_make_a_curve_with_its_table(app: Open, make: MakeRun) -> None:
    other = make(epsilon=8)
    page = app("result", run=make(), truth="false")
    drawn = figure(page)
    names = [trace["name"] for trace in drawn["data"]]
    assert names[:2] == ["Clean baseline", "No defense"] and "No result yet" not in names
    assert drawn["layout"]["xaxis"]["ticktext"] == ["8", "16"]
    said = text(page)
    assert "99.0 %" in said and "990 of 1,000" in said  # the table holds what the chart shows
    assert f'href="result?run={other}&amp;truth=false"' in said or f'href="result?truth=false&amp;run={other}"' in said
    assert "this run" in said


def test_points_on_their_way_are_hollow_and_a_failed_one_says_why(app: Open, make: MakeRun) -> None:
    run_id = make()
    make("failed", epsilon=8, outcome={"message": "Out of <memory>."})
    make("queued", epsilon=4)
    page = app("result", run=run_id)
    (hollow,) = [trace for trace in figure(page)["data"] if trace["name"] == "No result yet"]
    assert hollow["customdata"] == ["Waiting (1st)", "Failed"]
    said = text(page)
    assert "Out of &lt;memory&gt;." in said and "Waiting (1st)" in said
    assert box(page).value == "32"  # one that failed is not proposed again by itself


@pytest.mark.parametrize("state", ["failed", "cancelled", "lost"])
def test_a_point_that_did_not_finish_is_resumed_and_not_queued_anew(
    app: Open, make: MakeRun, store: Store, state: str
) -> None:
    run_id, broken = make(), make(state, epsilon=8)
    page = app("result", run=run_id)
    box(page).set_value("8").run()
    assert "it is resumed" in text(page)
    press(page)
    assert store.run(broken).state == "queued" and len(store.runs()) == 2


def test_the_budget_is_the_other_axis_and_in_the_link(app: Open, make: MakeRun, store: Store) -> None:
    page = app("result", run=make(), against="Poison budget")
    assert box(page).value == "0.5, 2, 4"
    press(page, "poison_fraction")
    assert [spec["attack"]["poison_fraction"] for spec in queued(store)] == [0.005, 0.02, 0.04]
    assert queued(store)[0]["name"].endswith(" · budget 0.5 %")


def test_a_bad_axis_in_the_link_falls_back(app: Open, make: MakeRun) -> None:
    page = app("result", run=make(), against="Colour")
    assert not page.exception and page.segmented_control(key="against").value == "Epsilon"


def test_a_trigger_has_a_budget_only(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run())
    assert HEADING in text(page)
    assert all(control.key != "against" for control in page.segmented_control)
    assert box(page).value == "0.5, 2, 4"


def test_without_an_attack_there_is_no_such_section(app: Open, make_run: MakeRun) -> None:
    baseline = {**result(), "arms": {}, "control": {**result()["control"], "asr": None}}
    page = app("result", run=make_run(changes={"attack": None, "defenses": []}, result=baseline))
    assert not page.exception
    assert HEADING not in text(page)


def test_runs_that_differ_in_keys_are_counted_and_not_drawn(app: Open, make: MakeRun) -> None:
    run_id = make()
    make(epsilon=8, changes={"keys": 4})
    said = text(app("result", run=run_id))
    assert "1 other run differs in keys, victims or defenses" in said and "No other run yet" in said


def test_a_name_that_says_a_value_says_the_new_one_instead(app: Open, make: MakeRun, store: Store) -> None:
    run_id = make()
    store.rename(run_id, "Mine · epsilon 16/255 · 2 keys, 1 victim")
    page = app("result", run=run_id)
    box(page).set_value("8").run()
    press(page)
    assert queued(store)[0]["name"] == "Mine · 2 keys, 1 victim · epsilon 8/255"


def test_images_that_are_gone_are_said_where_the_time_would_stand(app: Open, make: MakeRun) -> None:
    data = {"name": "folder", "path": "/there/is/no/such/folder"}
    page = app("result", run=make(changes={"data": data}))
    assert not page.exception
    assert "/there/is/no/such/folder" in text(page)


def test_the_page_is_drawn_again_only_when_a_run_on_a_curve_has_moved(
    make: MakeRun, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, waiting = store.run(make()), make("queued", epsilon=8)
    drawn: list[bool] = []
    monkeypatch.setattr(sweep_panel.st, "rerun", lambda: drawn.append(True))
    axes = (EPSILON, BUDGET)
    before = sweep_panel.states(run, axes)
    sweep_panel.watch(run, axes, before)
    assert drawn == []
    store.cancel(waiting)
    sweep_panel.watch(run, axes, before)
    assert drawn == [True]
