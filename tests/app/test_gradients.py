"""The page of the gradient space in every state, and what it says about gradients that are known by hand."""

import json
from collections.abc import Callable, Container
from typing import Any

import numpy as np
import pytest

from app.components import gradient_pool
from core.runs.store import Store
from tests.app import gradients, targeted
from tests.app.conftest import NAMES, ROWS, Made, Open, experiment, text, write_run
from tests.app.test_result_page import decoded, figures

MakeRun = Callable[..., str]


@pytest.fixture
def make_gradients(store: Store) -> MakeRun:
    """Writes the run of `tests.app.gradients` in a given state."""

    def make(
        state: str = "done", *, files: bool | Container[str] = True, umap: bool = True, defended: bool = True
    ) -> str:
        settings = gradients.SETTINGS if defended else {**gradients.SETTINGS, "defenses": []}
        made = Made(gradients.steps(umap, defended), gradients.content, gradients.points(), gradients.result())
        return write_run(store, experiment(name="A <i>walk</i>", **settings), made, state, files, {})

    return make


def chart(page: Any, key: str) -> dict[str, Any]:
    """The figure of the chart whose key begins so."""
    found = [json.loads(one.proto.spec) for one in page.get("plotly_chart") if f"-{key}-" in one.proto.id]
    assert len(found) == 1, [one.proto.id for one in page.get("plotly_chart")]
    return found[0]


def counts(figure: dict[str, Any]) -> dict[str, int]:
    """Points of every trace, by its name without the number."""
    return {one["name"].split(" (")[0]: len(decoded(one["customdata"])) for one in figure["data"]}


def test_without_a_run_one_can_choose_among_those_with_a_target(
    app: Open, make_gradients: MakeRun, make_run: MakeRun
) -> None:
    targeted, other = make_gradients(), make_run()
    page = app("gradients")
    assert not page.exception
    assert "No run chosen" in text(page)
    for where in (page, app("gradients", run=other)):
        keys = [str(button.key) for button in where.button]
        assert [key for key in keys if key.startswith("newest-")] == [f"newest-{targeted}"]


def test_an_attack_without_a_target_has_no_gradient_space(app: Open, make_run: MakeRun) -> None:
    page = app("gradients", run=make_run())
    assert not page.exception
    assert "this run’s attack has no such target" in text(page)
    assert not figures(page)


@pytest.mark.parametrize("state", ["queued", "starting", "running", "stopping", "cancelled", "failed", "lost", "done"])
def test_every_state_is_designed(app: Open, make_gradients: MakeRun, state: str) -> None:
    page = app("gradients", run=make_gradients(state))
    assert not page.exception
    assert "<i>walk</i>" not in text(page)
    if state in ("queued", "starting"):
        assert "first model without defense is trained" in text(page)
    else:
        assert counts(chart(page, "map"))["Target"] == 1


def test_a_run_on_its_way_says_what_comes(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients("running", files=()))
    assert not page.exception
    assert "first model without defense is trained" in text(page)
    page = app("gradients", run=make_gradients("running", files=("data", "poison", "train")))
    assert not page.exception
    assert "principal components stand in" in text(page)
    assert "when the clusters of this key" in text(page)


def test_files_that_are_gone_are_told(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients("done", files=False))
    assert not page.exception
    assert "The gradients are not stored here" in text(page)


def test_principal_components_stand_in_for_a_map(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients(umap=False))
    assert not page.exception
    assert "This run has no UMAP; principal components stand in" in text(page)
    assert "Principal components of all epochs together" in text(page)
    page = app("gradients", run=make_gradients(), key="1")
    assert "key 1 and victim 1 only" not in text(page)
    page = app("gradients", run=make_gradients(), key="2")
    assert "key 1 and victim 1 only" in text(page)


def test_the_map_names_its_parameters_and_how_many_rows_it_shows(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients())
    assert f"{ROWS} of {ROWS} rows shown" in text(page)
    assert "neighbours 15, min distance 0.1" in text(page)
    figure = chart(page, "map")
    names = [frame["name"] for frame in figure["frames"]]
    assert [name for name in names if "+" not in name] == [str(epoch) for epoch in gradients.RECORDED]
    assert set(figure["frames"][0]["data"][0]) <= {"x", "y", "type"}
    page.segmented_control(key="map").set_value("PCA").run()
    assert "Principal components" in text(page)


def test_the_page_opens_at_the_end_of_the_warm_up(app: Open, make_gradients: MakeRun) -> None:
    run = make_gradients()
    page = app("gradients", run=run)
    assert page.select_slider(key="epoch").value == 3
    assert counts(chart(page, "map")) == {
        "Clean rows": ROWS - 5,
        "Other poisons": 2,
        "Effective poisons": 3,
        "Target": 1,
    }
    assert app("gradients", run=run, epoch="4").select_slider(key="epoch").value == 4


def test_colours(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients())
    for colour, expected in (
        ("class", {name: 30 for name in (NAMES[0], NAMES[1], "no &lt;b&gt;entry&lt;/b&gt;")}),
        ("size", {"More than 5": ROWS - 4, "1: stands alone": 4}),
        ("drop", {"Stayed": ROWS - 21, "After epoch 2": 3, "After epoch 3": 18}),
        ("target", {"More than 1.0": ROWS - 3, "At most 0.25": 3}),
    ):
        page.selectbox(key="colour").set_value(colour).run()
        assert not page.exception
        assert counts(chart(page, "map")) == {**expected, "Target": 1}


def test_nothing_of_the_truth_while_it_is_hidden(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients(), truth="false", colour="truth")
    assert not page.exception
    specs = " ".join(one.proto.spec for one in page.get("plotly_chart"))
    for word in ("oison", "Target", "ffective"):
        assert word not in specs
    said = [one.proto.body for one in page.get("html")] + [one.value for one in page.markdown]
    for words in said:
        assert "poison" not in words.lower() or words.startswith("<style") or "ps-run-facts" in words
    for table in page.dataframe:
        assert not {"poison", "truth", "distance to the target"} & set(table.value.columns)
    assert page.selectbox(key="colour").options == ["Class", "Cluster size", "When it was dropped"]


def test_who_stands_alone(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients())
    said = text(page)
    assert f"4 of {ROWS} rows do" in said
    assert "100.0 % (43.9 % to 100.0 %, n = 3) of the effective poisons" in said
    assert "4.0 % (0.7 % to 19.5 %, n = 25) of the clean rows" in said
    assert "25.0 times as often" in said
    table = next(one.value for one in page.dataframe if "truth" in one.value.columns)
    assert table["truth"].tolist() == ["effective poison"] * 3 + ["clean"]
    page.select_slider(key="epoch").set_value(1).run()
    assert "nearness tells nothing there" in text(page)
    assert "Nobody stands alone" in text(page)


def test_what_was_dropped_over_all_keys(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients())
    lines = {one["name"]: decoded(one["y"]) for one in chart(page, "dropped")["data"]}
    np.testing.assert_allclose(lines["Effective poisons"], [0, 0, 100, 100, 100])
    np.testing.assert_allclose(lines["Other poisons"], [0, 0, 0, 50, 50])
    np.testing.assert_allclose(lines["Clean rows"], [0, 0, 0, 20, 20])
    twin = "EPIC’s size, at random"
    lines = {one["name"]: decoded(one["y"]) for one in chart(page, "against")["data"]}
    np.testing.assert_allclose(lines["EPIC"][-1], 100)
    np.testing.assert_allclose(lines[twin][-1], 0)
    ends = {one["name"]: decoded(one["y"])[-1] for one in chart(page, "success")["data"]}
    assert ends == {"No defense": 100, "EPIC": 0, twin: 50}


def test_without_a_training_defense(app: Open, make_gradients: MakeRun) -> None:
    page = app("gradients", run=make_gradients(defended=False))
    assert not page.exception
    assert "No rows were dropped while training" in text(page)
    assert "drop" not in [box.key for box in page.selectbox]


def test_a_row_dropped_after_an_epoch_misses_the_next() -> None:
    gone = gradient_pool.gone(np.array([-1, 0, 2, 2]), 3)
    np.testing.assert_allclose(gone, [0.25, 0.25, 0.75, 0.75])


def test_few_curves_have_no_interval() -> None:
    assert gradient_pool.course([np.array([0.5])]).low is None
    several = gradient_pool.course([np.array([0.4]), np.array([0.6])])
    assert several.low is not None and several.high is not None
    assert (several.low[0], several.mean[0], several.high[0]) == pytest.approx((0, 0.5, 1))


def test_the_fixture_is_what_it_says() -> None:
    """Three poisons of each key carry the target's gradient after epoch 3."""
    step = next(one for one in gradients.steps() if one["kind"] == "train")
    arrays = gradients.content(step)[1]
    near = np.linalg.norm(arrays["gradients"][1].astype(float) - arrays["target_gradients"][1], axis=1) < 0.5
    assert near.sum() == 3
    assert targeted.POISONS == 5
