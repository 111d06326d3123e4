"""The page Compare: which runs it puts beside each other, what it says of them, and its link."""

import csv
import html
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from app.views import compare
from core.runs.record import Run
from core.runs.store import Store
from tests.app.conftest import Open, text
from tests.app.test_result_page import decoded
from tests.comparing import ARMS, EPIC, Add, adder, arm

POISONING = {"name": "adversarial_poisoning", "part": 0.75}
PAIRS = [{"key": 0, "victim": 0, "true": 0, "wanted": 1, "counted": True, "predicted": {}, "probability": {}}]
POINTS = tuple(
    {"arm": name, "epoch": epoch, "clean_accuracy": 0.3 * epoch, "asr": float(name != "epic")}
    for name in ("undefended", "epic")
    for epoch in (1, 2, 3)
)
MakeRun = Callable[..., str]


@pytest.fixture
def add(store: Store) -> Add:
    return adder(store)


@pytest.fixture
def pair(add: Add) -> tuple[Run, Run]:
    """EPIC, and adversarial poisoning, on the same poisons."""
    epic = add(name="With <EPIC>", pairs=PAIRS, points=POINTS)
    arms = {"undefended": arm(0.8, 0.95), "adversarial_poisoning": arm(0.05, 0.94, 900)}
    return epic, add(arms, name="Robust", pairs=PAIRS, defenses=[POISONING])


def charts(page: Any) -> dict[str, dict[str, Any]]:
    """Figures by the beginning of their key."""
    keys = ("tradeoff", "heat-map", "learning")
    found = {}
    for one in page.get("plotly_chart"):
        found |= {key: json.loads(one.proto.spec) for key in keys if f"-{key}" in one.proto.id}
    return found


def names(figure: dict[str, Any]) -> list[str]:
    return [trace["name"] for trace in figure["data"]]


def link(page: Any) -> dict[str, str]:
    """What the address bar holds of the choice."""
    told = {name: page.query_params[name] for name in ("base", "runs") if name in page.query_params}
    return {name: value if isinstance(value, str) else value[0] for name, value in told.items()}


def test_without_runs_it_offers_presets_with_defenses(app: Open) -> None:
    page = app("compare")
    assert not page.exception
    assert "Nothing to compare yet" in text(page)
    links = [link.proto.label for link in page.get("page_link")]
    assert "Open in the Lab" in links


def test_everything_that_can_stand_beside_a_run_does_by_default(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    assert not page.exception
    drawn = charts(page)
    assert {"EPIC", "Adversarial poisoning", "No defense", "Clean baseline"} < set(names(drawn["tradeoff"]))
    assert drawn["heat-map"]["data"][0]["text"][0][2].startswith("<b>5.0 %</b><br>1 of 20<br>−1.0 pts")
    said = text(page)
    assert "On the same 20 trials, 16 get through without a defense" in said
    assert "adversarial poisoning lets 1 of 20 through and costs 1.0 point of clean accuracy" in said
    assert "<EPIC>" not in said


def test_what_holds_of_the_network_of_all_runs_is_said_once(app: Open, add: Add) -> None:
    flags = [{"code": "other_network", "message": "EPIC broke <here>."}, {"code": "one_seed", "message": "One only."}]
    epic, _ = add(flags=flags), add({"undefended": arm(0.8, 0.95)}, flags=flags, defenses=[])
    said = text(app("compare", base=epic.id))
    assert said.count("EPIC broke &lt;here&gt;.") == 1 and "One only." not in said


def test_the_price_of_equal_success_can_be_held_against_any_defense(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    # EPIC lets 25 to 35 % through and adversarial poisoning 0 to 10 %: no interval overlaps
    assert "EPIC does not get as low: it lets 6 of 20 through" in text(page)
    page.selectbox(key="held").set_value("EPIC").run()
    assert "Adversarial poisoning lets fewer through (1 of 20 against 6 of 20)" in text(page)


def test_chosen_runs_are_compared_and_the_others_are_not(app: Open, add: Add, pair: tuple[Run, Run]) -> None:
    other = add({"undefended": arm(0.8, 0.95), "cutout": arm(0.7, 0.95)}, defenses=["cutout"])
    page = app("compare", runs=f"{pair[0].id},{other.id}", base=other.id)
    drawn = names(charts(page)["tradeoff"])
    assert "Cutout" in drawn and "EPIC" in drawn and "Adversarial poisoning" not in drawn
    assert page.selectbox(key="compare-base").value == other.id
    assert page.multiselect(key="compare-chosen").value == [pair[0].id, other.id]


def test_the_link_follows_the_boxes_and_leads_back(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    assert link(page) == {"base": pair[0].id}
    page.multiselect(key="compare-chosen").set_value([pair[1].id, pair[0].id]).run()
    page.selectbox(key="compare-base").set_value(pair[1].id).run()
    assert link(page) == {"base": pair[1].id, "runs": f"{pair[1].id},{pair[0].id}"}
    again = app("compare", **link(page))
    assert again.selectbox(key="compare-base").value == pair[1].id
    assert again.multiselect(key="compare-chosen").value == [pair[1].id, pair[0].id]
    assert text(again) == text(page)


def test_a_link_from_a_runs_page_names_the_run_alone(app: Open, pair: tuple[Run, Run]) -> None:
    assert app("compare", run=pair[0].id).selectbox(key="compare-base").value == pair[0].id
    assert app("compare", runs=pair[0].id).selectbox(key="compare-base").value == pair[0].id


@pytest.mark.parametrize("parameters", [{"base": "r-gone"}, {"runs": "r-gone"}, {"base": "../../etc"}])
def test_what_a_link_names_and_is_not_there_is_said(
    app: Open, pair: tuple[Run, Run], parameters: dict[str, str]
) -> None:
    page = app("compare", **parameters)
    assert not page.exception
    assert "There is no run 'r-gone'" in text(page) or "no run’s id" in text(page)
    assert "tradeoff" in charts(page)


def test_more_than_six_runs_are_cut_and_said(app: Open, add: Add) -> None:
    runs = [add(seed=seed).id for seed in range(7)]
    page = app("compare", runs=",".join(runs))
    assert page.multiselect(key="compare-chosen").value == runs[:6]
    assert "6 runs are compared at once" in text(page)


def test_the_run_looked_at_last_is_the_baseline_that_nobody_chose(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare")
    assert page.selectbox(key="compare-base").value == pair[1].id  # the newest with a defense
    page.session_state["last_run"] = pair[0].id
    del page.session_state["compare"]
    page.query_params.clear()
    assert page.run().selectbox(key="compare-base").value == pair[0].id


def test_a_run_without_defenses_is_one_click_from_some(app: Open, add: Add) -> None:
    run = add({"undefended": arm(0.8, 0.95)}, defenses=[])
    page = app("compare", base=run.id)
    assert not page.exception
    assert "No defense has met these poisons yet" in text(page) and "No defense yet" in text(page)
    assert "no defense was tried" in text(page)
    page.button(key="compare-clone").click().run()
    assert not page.exception
    assert [title.value for title in page.title] == ["Lab"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "appears when this run is done"),
        ("running", "appears when this run is done"),
        ("failed", "has no attack success: failed"),
        ("cancelled", "has no attack success: stopped before its end"),
    ],
)
def test_a_baseline_that_is_not_done(app: Open, add: Add, state: str, said: str) -> None:
    page = app("compare", base=add(state=state).id)
    assert not page.exception
    assert said in text(page)
    assert "tradeoff" not in charts(page)


def test_a_baseline_on_its_way_shows_what_stands_beside_it(app: Open, add: Add, pair: tuple[Run, Run]) -> None:
    waiting = add(state="queued", name="Waiting one")
    page = app("compare", base=waiting.id)
    assert not page.exception
    assert "EPIC" in names(charts(page)["tradeoff"])
    assert "still on its way: " in text(page)


def test_a_run_without_an_attack_and_one_without_a_rate(app: Open, add: Add) -> None:
    clean = add({}, attack=None, defenses=[])
    page = app("compare", base=clean.id)
    assert not page.exception
    assert "Nothing was attacked" in text(page)
    unmeasured = add({"undefended": arm(None, 0.9), "epic": arm(None, 0.9)})
    page = app("compare", base=unmeasured.id)
    assert not page.exception
    assert "attack success was not measured" in text(page)


def test_an_arm_without_a_rate_is_named(app: Open, add: Add) -> None:
    page = app("compare", base=add({**ARMS, "epic": arm(None, 0.9)}).id)
    assert not page.exception
    assert "attack success was not measured: EPIC" in text(page)


def test_other_attacks_share_the_grid_and_not_the_trade_off(app: Open, add: Add, pair: tuple[Run, Run]) -> None:
    stamp = add(
        {"undefended": arm(0.99, 0.95), "spectral_signatures": arm(0.01, 0.94)},
        attack={"name": "badnets"},
        defenses=["spectral_signatures"],
        name="Stamp",
    )
    page = app("compare", runs=f"{pair[0].id},{stamp.id}")
    assert "Spectral signatures" not in names(charts(page)["tradeoff"])
    grid = charts(page)["heat-map"]
    assert grid["layout"]["yaxis"]["ticktext"] == ["Gradient matching", "BadNets patch"]
    assert [note["text"] for note in grid["layout"]["annotations"]] == ["not run"] * 2
    assert "another attack: <span" in text(page)
    assert "On the same 20 test images" in text(app("compare", base=stamp.id))


def test_a_run_of_another_version_is_told(app: Open, store: Store, add: Add) -> None:
    run = add()
    spec = {**run.spec, "model": {"name": "of the future"}}
    odd = store.queue(spec, spec_hash="x", name="odd")
    page = app("compare", base=odd)
    assert not page.exception
    assert "This run cannot be compared" in text(page) and "of the future" in text(page)


def test_curves_stand_beside_the_baseline(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    figure = charts(page)["learning"]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["EPIC"]  # the other run has no points
    lines = {trace["name"]: decoded(trace["y"]) for trace in figure["data"]}
    assert lines == {"No defense": [100, 100, 100], "EPIC": [0, 0, 0]}
    page.segmented_control(key="measure").set_value("Clean accuracy").run()
    assert decoded(charts(page)["learning"]["data"][-1]["y"]) == pytest.approx([30, 60, 90])


def test_without_points_there_is_a_place_for_the_curves(app: Open, add: Add) -> None:
    assert "No curve yet" in text(app("compare", base=add().id))


def test_only_differences_of_settings_or_all_of_them(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    assert "defenses › epic" in text(page) and "training › epochs" not in text(page)
    page.toggle(key="only").set_value(False).run()
    assert "training › epochs" in text(page)


def test_settings_of_the_attack_are_told_with_the_truth_only(app: Open, add: Add) -> None:
    runs = [add().id, add(attack={"epsilon": 8}).id]
    assert "attack › epsilon" in text(app("compare", runs=",".join(runs)))
    hidden = app("compare", runs=",".join(runs), truth="false")
    assert "attack › epsilon" not in text(hidden)
    assert charts(hidden)["heat-map"]["layout"]["yaxis"]["ticktext"] == ["Gradient matching"] * 2


def test_a_link_to_a_run_keeps_what_its_visitor_chose_and_what_the_class_link_hides(
    app: Open, pair: tuple[Run, Run]
) -> None:
    page = app("compare", base=pair[0].id, truth="false", big="true", hide="truth,nav")
    (link,) = [one for one in re.findall(r'href="([^"]*)"', text(page)) if pair[1].id in one]
    assert html.unescape(link) == f"result?truth=false&big=true&hide=nav%2Ctruth&run={pair[1].id}"


def test_the_epsilon_of_private_trainings_stands_at_their_mark(app: Open, add: Add) -> None:
    private = {**arm(0.1, 0.8), "privacy": {"epsilon": 3.24, "delta": 1e-5, "assumed": ""}}
    run = add({"undefended": arm(0.8, 0.95), "dp_sgd": private}, defenses=["dp_sgd"])
    drawn = {trace["name"]: trace for trace in charts(app("compare", base=run.id))["tradeoff"]["data"]}
    assert "<br>Epsilon 3.2 at delta 1e-05<br>" in drawn["DP-SGD"]["hovertext"][0]
    assert "psilon" not in drawn["No defense"]["hovertext"][0]


def test_controls_and_published_values_are_drawn_on_request(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    measured = names(charts(page)["tradeoff"])
    assert not any(name.startswith("At random") or "published" in name for name in measured)
    page.toggle(key="twins").set_value(True).run()
    page.toggle(key="published").set_value(True).run()
    drawn = names(charts(page)["tradeoff"])
    assert "At random, as many as EPIC" in drawn and "DP-SGD (published)" in drawn
    assert "on other data" in text(page)
    page.selectbox(key="claims").set_value("Sleeper Agent, epsilon 16, 40 epochs (friendly noise’s authors)").run()
    assert "hidden trigger" in text(page)


def test_every_chart_has_its_numbers_as_a_table_and_as_a_file(app: Open, pair: tuple[Run, Run]) -> None:
    page = app("compare", base=pair[0].id)
    files = [button.proto.label for button in page.get("download_button")]
    assert files.count("Numbers as CSV") == 4  # trade-off, grid, curves, settings
    tables = [list(one.value.columns) for one in page.dataframe]
    assert any("Points lost" in columns and "On the front" in columns for columns in tables)
    assert any("Attack" in columns and "Defense" in columns for columns in tables)


def test_the_numbers_of_the_trade_off_are_those_of_the_run(pair: tuple[Run, Run]) -> None:
    from core.charts import tradeoff
    from core.runs.comparison import compare as compared

    chart = tradeoff.chart(compared(pair[0], [pair[1]]))
    assert chart is not None
    rows = {row["Defense"]: row for row in csv.DictReader(io.StringIO(chart.csv))}
    assert rows["EPIC"]["Attack success, %"] == "30.0" and rows["EPIC"]["Points lost"] == "2.0"
    assert rows["EPIC"]["On the front"] == "" and rows["Adversarial poisoning"]["On the front"] == "yes"
    assert rows["Adversarial poisoning"]["Passes, of no defense"] == "9.0"


def test_the_page_is_drawn_again_only_when_a_run_has_moved(
    add: Add, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, drawn = add(state="queued"), list[bool]()
    monkeypatch.setattr(compare.st, "rerun", lambda: drawn.append(True))
    before = compare._states()
    compare._watch(before)
    assert drawn == []
    store.cancel(waiting.id)
    compare._watch(before)
    assert drawn == [True]


def test_the_run_page_leads_here(app: Open, add: Add, make_run: MakeRun) -> None:
    page = app("result", run=make_run())
    page.button(key="to-compare").click().run()
    assert not page.exception
    assert [title.value for title in page.title] == ["Compare"]


def test_equal_arms_of_several_runs_stand_once(app: Open, add: Add) -> None:
    run = add()
    add({**ARMS, "cutout": arm(0.7, 0.95)}, defenses=[EPIC, "cutout"])
    figure = charts(app("compare", base=run.id))["tradeoff"]
    assert len(decoded(next(trace["x"] for trace in figure["data"] if trace["name"] == "EPIC"))) == 1
