"""The spectral page in every state of its run, its controls, its selection, and the truth that can be hidden."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.runs.store import Store
from tests.app.conftest import (
    NAMES,
    POISONS,
    ROWS,
    TARGET,
    Made,
    Open,
    arrays,
    experiment,
    reference,
    result,
    steps,
    text,
    write_run,
)
from tests.app.test_result_page import decoded, figures, trace

MakeRun = Callable[..., str]
Ship = Callable[..., list[tuple[str, ...]]]
MEMBERS = 36
"""Rows that are labelled as the target class: 30 of its own and the poisons."""


def lasso(page: Any, *rows: int) -> Any:
    """Draw around these rows on the map."""
    key = next(chart.proto.id for chart in page.get("plotly_chart") if "scatter" in chart.proto.id)
    points = [{"customdata": row} for row in rows]
    page.session_state[key[key.index("scatter") :]] = {
        "selection": {"points": points, "point_indices": [], "box": [], "lasso": []}
    }
    return page.run()


def wall(page: Any) -> str:
    return "".join(one.proto.body for one in page.get("html") if 'class="ps-wall"' in one.proto.body)


def names(page: Any) -> dict[str, int]:
    """Groups of the map and how many points each has."""
    (figure,) = [each for each in figures(page) if "singular vector v1" in json.dumps(each["layout"])]
    return {each["name"].split(" (")[0]: len(decoded(each["x"])) for each in figure["data"]}


# ---- states


def test_a_finished_run_is_under_the_lens(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run("done"))
    assert not page.exception
    said = text(page)
    assert "Who stands apart in A &lt;i&gt;stamp&lt;/i&gt;?" in said and "Suspicion scores of this class" in said
    assert f"Showing {MEMBERS} of {MEMBERS} training images" in said
    assert f"Nothing selected** of {MEMBERS} rows" in said and "Be the defender" in said
    assert len(page.get("plotly_chart")) >= 2


@pytest.mark.parametrize("state", ["queued", "starting", "running", "stopping", "failed", "lost", "cancelled"])
def test_before_there_are_images_it_says_so(app: Open, make_run: MakeRun, state: str) -> None:
    page = app("spectral", run=make_run(state, files=False))
    assert not page.exception
    live = state in ("running", "queued", "starting", "stopping")
    assert ("has not come that far" if live else "not stored here") in text(page)


@pytest.mark.parametrize("state", ["running", "failed", "cancelled"])
def test_what_is_there_is_shown_before_the_end(app: Open, make_run: MakeRun, state: str) -> None:
    page = app("spectral", run=make_run(state))
    assert not page.exception and f"Showing {MEMBERS} of {MEMBERS}" in text(page)


def test_a_shipped_run_waits_for_its_images(app: Open, store: Store, showcase: Ship) -> None:
    showcase(without=("data", "poison"))
    page = app("spectral", run="showcase-badnets")
    assert not page.exception and "being drawn" in text(page)


def test_a_run_without_projection_computes_one_at_a_press(app: Open, store: Store, make_run: MakeRun) -> None:
    run_id = make_run("done")
    key = next(step["key"] for step in store.run(run_id).steps if step["kind"] == "spectral")
    store.artifacts.remove(key)
    page = app("spectral", run=run_id)
    assert not page.exception and "This run stored no projection" in text(page)
    page.button(key="compute-projection").click().run()
    (queued,) = [run for run in store.runs() if run.state == "queued"]
    assert queued.spec["analysis"] == {"spectral": True} and queued.spec["attack"] == store.run(run_id).spec["attack"]


def test_a_run_without_attack_has_nothing_to_show(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run("done", files=False, changes={"attack": None}))
    assert not page.exception and "Nothing was poisoned" in text(page)


def test_a_class_without_rows_says_so(app: Open, store: Store, make_run: MakeRun) -> None:
    run_id = make_run("done")
    data = next(step["key"] for step in store.run(run_id).steps if step["kind"] == "data")
    path = store.artifacts.folder(data) / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "class_names": [*NAMES, "ghost"]}))
    page = app("spectral", run=run_id, cls="3: ghost")
    assert not page.exception and "No row carries this label" in text(page)


@pytest.mark.parametrize("run_id", ["r-nobody", "no run!"])
def test_a_wrong_link_offers_others(app: Open, make_run: MakeRun, run_id: str) -> None:
    make_run("done")
    page = app("spectral", run=run_id)
    assert not page.exception and "There is no such run" in text(page)


# ---- controls and colours


def test_the_page_opens_on_the_class_that_stands_out(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run())
    assert page.selectbox(key="cls").value == TARGET
    poisons = trace(page, "Poisons (")
    assert len(decoded(poisons["x"])) == POISONS and poisons["marker"]["symbol"] == "x"
    assert trace(page, "Removed (")["marker"]["symbol"] == "circle-open"


def test_all_choices_come_from_the_link(app: Open, make_run: MakeRun) -> None:
    link = {"cls": "2: no <b>entry</b>", "axes": "v1 × v3", "colour": "Score", "tool": "Box", "sel": "2,5"}
    page = app("spectral", run=make_run(), **link)
    assert not page.exception
    assert page.selectbox(key="cls").value == 2
    assert page.segmented_control(key="axes").value == "v1 × v3" and page.segmented_control(key="tool").value == "Box"
    assert page.selectbox(key="colour").value == "score"
    assert "2 of 30 selected; 0 poison" in text(page)


def test_bad_choices_in_the_link_fall_back(app: Open, make_run: MakeRun) -> None:
    link = {"cls": "77", "axes": "v9", "tool": "Axe", "colour": "Mood", "sel": "1,2,900", "row": "-4", "among": "x"}
    page = app("spectral", run=make_run(), **link)
    assert not page.exception
    assert page.selectbox(key="cls").value == TARGET and page.segmented_control(key="tool").value == "Inspect"
    assert page.selectbox(key="colour").value == "truth" and page.number_input(key="row").value is None
    assert "Nothing selected" in text(page)


def test_colours_have_counts_and_lose_nobody(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run())
    removed = int((arrays()["filter"][1]["flagged"] & (np.isin(np.arange(ROWS), range(TARGET, ROWS, 3)))).sum())
    ringed = decoded(trace(page, "Removed (")["x"])
    assert names(page) == {"Removed": len(ringed), "Clean rows": MEMBERS - POISONS, "Poisons": POISONS}
    page.selectbox(key="colour").set_value("label").run()
    assert names(page) == {"Removed": len(ringed), "Rows": MEMBERS}
    page.selectbox(key="colour").set_value("removed").run()
    assert names(page) == {"Kept": MEMBERS - len(ringed), "Removed": len(ringed)} and len(ringed) == removed + POISONS
    page.selectbox(key="colour").set_value("score").run()
    counted = names(page)
    assert counted.pop("Removed") == len(ringed)
    assert counted == {"The other 75 %": 27, "5 to 25 %": 7, "1 to 5 %": 2}  # of 36: 9, 2 and none are the highest


# ---- selection, neighbours, suspects


def test_a_selection_on_the_map_becomes_the_wall(app: Open, make_run: MakeRun) -> None:
    page = lasso(app("spectral", run=make_run()), 1, 0)  # row 0 is a poison, row 1 a clean one
    said = text(page)
    assert "2 of 36 selected; 1 poison" in said
    assert "row 0 · yield · poison, was stop" in said and "row 1 · yield<" in said
    assert "2 of 90 rows would go (2.2 %): “yield” loses 2." in said
    assert "1 of 6 poisons caught, 5 missed; 1 of 84 clean rows lost." in said
    assert page.query_params["sel"] in ("0-1", ["0-1"])


def test_undo_and_clear(app: Open, make_run: MakeRun) -> None:
    page = lasso(app("spectral", run=make_run()), 1, 4)
    page.button(key="select-suspects").click().run()
    assert "2 of 36 selected" not in text(page) and " of 36 selected; 6 poison" in text(page)
    page.button(key="undo-selection").click().run()
    assert "2 of 36 selected; 0 poison" in text(page)
    page.button(key="clear-selection").click().run()
    assert "Nothing selected" in text(page) and page.button(key="clear-selection").disabled
    page.button(key="undo-selection").click().run()
    assert "2 of 36 selected; 0 poison" in text(page)


def test_gestures_add_across_classes_and_what_is_out_of_sight_is_counted(app: Open, make_run: MakeRun) -> None:
    page = lasso(app("spectral", run=make_run()), 1, 4)
    page.segmented_control(key="gesture").set_value("Add").run()
    page.selectbox(key="cls").set_value(2).run()
    assert "0 of 30 selected; 0 poison" in text(page) and "and 2 in other classes" in text(page)
    page = lasso(page, 2, 5, 8)
    said = text(page)
    assert not page.exception
    assert "3 of 30 selected; 0 poison" in said and "5 of 90 rows would go (5.6 %)" in said
    page.segmented_control(key="gesture").set_value("Take away").run()
    page = lasso(page, 5)
    assert "2 of 30 selected" in text(page) and "4 of 90 rows would go" in text(page)


def test_what_the_cut_removes_is_selected_at_a_press(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run())
    many = len(decoded(trace(page, "Removed (")["x"]))
    page.button(key="select-removed").click().run()
    assert f"{many} of 36 selected; 6 poison" in text(page)
    assert trace(page, "Poisons (")["selectedpoints"] == list(range(6)), "the map shows what a button chose"


def test_suspects_stand_in_the_order_of_their_scores(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run())
    scores, labels = arrays()["score"][1]["scores"], np.arange(ROWS) % 3
    labels[arrays()["poison"][1]["rows"]] = TARGET
    members = np.flatnonzero(labels == TARGET)
    first, second = members[np.argsort(-scores[members])[:2]]
    shown = wall(page)
    assert f"1. score {scores[first]:.3g} · row {first} · yield" in shown
    assert shown.index(f"row {first} ") < shown.index(f"2. score {scores[second]:.3g} · row {second} ")
    assert shown.count("data-row=") == 24
    page.segmented_control(key="among").set_value("All classes").run()
    best = int(np.argmax(scores))
    assert f"1. score {scores[best]:.3g} · row {best} · {NAMES[labels[best]]}" in wall(page)


def features() -> np.ndarray:
    """(n, 2): rows 0, 3, 6, ... lie on an arc in their order, a two-hundredth of a radian a row; the others far off."""
    angles = np.where(np.arange(ROWS) % 3 == 0, np.arange(ROWS) / 200, 2.0)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def with_features(store: Store, state: str = "done", **changes: Any) -> str:
    """The usual run, whose features are stored."""
    read = reference("features", "Read the features", arm="undefended", poison_key=0, victim=0)
    content = {**arrays(), "features": ({}, {"features": features()})}
    made = Made([*steps(), read], lambda step: content[step["kind"]], [], result())
    return write_run(store, experiment(**{"name": "A <i>stamp</i>", **changes}), made, state, True, {})


def test_neighbours_of_a_row_are_those_nearest_in_feature_space(app: Open, make_run: MakeRun, store: Store) -> None:
    page = app("spectral", run=make_run(), row="0")
    assert not page.exception and "these are the nearest among those labelled “yield”" in text(page)
    places, labels = arrays()["spectral"][1]["projection"], np.arange(ROWS) % 3
    labels[arrays()["poison"][1]["rows"]] = TARGET
    far = np.where(labels == TARGET, np.linalg.norm(places - places[0], axis=1), np.inf)
    rows = np.argsort(far)[1:9]  # the nearest is row 0 itself
    said = wall(page)
    assert all(f"{far[row]:.2f} · row {row} · yield" in said for row in rows)
    page = app("spectral", run=with_features(store), row="0")
    assert not page.exception
    shown = next(one.proto.body for one in page.get("html") if "0.01 · row 3 · " in one.proto.body)
    rows = [3, 6, 9, 12, 15, 18, 21, 24]  # three two-hundredths of a radian further each; a chord is as long, nearly
    told = [f"{0.015 * place:.2f} · row {row} · " for place, row in enumerate(rows, 1)]
    assert shown.count("<figure") == 8 and [shown.index(each) for each in told] == sorted(map(shown.index, told))
    assert "<b>5 of 8</b> carry the same label, “yield”" in text(page)  # rows 3 to 15 are the other poisons


def test_without_a_row_the_neighbours_wait(app: Open, make_run: MakeRun) -> None:
    assert "type a row’s number, to see which rows the model finds alike" in text(app("spectral", run=make_run()))


# ---- the truth


def test_with_the_truth_hidden_the_page_keeps_it(app: Open, make_run: MakeRun) -> None:
    page = lasso(app("spectral", run=make_run(), truth="false", colour="Truth", row="0"), 0, 1)
    assert not page.exception
    said = re.sub(r"<style>.*?</style>", "", text(page), flags=re.DOTALL).split("Every training image goes")[0]
    assert "2 of 36 selected**" in said and "How many of them are poisons is hidden" in said
    assert "oison" not in said.replace("How many of them are poisons is hidden", "")
    drawn = json.dumps(figures(page))
    assert drawn != "[]" and "oison" not in drawn and "over" not in "".join(names(page))
    assert page.selectbox(key="colour").value == "label" and set(names(page)) == {"Removed", "Rows"}
    sent = [json.loads(component.proto.json) for component in page.get("bidi_component")]
    (histogram,) = [data for data in sent if "cleanScores" in data]
    assert histogram["poison"] is None and histogram["poisonScores"] is None and histogram["auroc"] is None
    assert all("poison" not in table.value.columns for table in page.dataframe)
    assert "caught" not in said and 'class="poison' not in wall(page)
