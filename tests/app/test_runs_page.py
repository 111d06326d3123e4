"""The page of all runs: what it shows of each, and what can be done with one or many."""

import io
import time
from collections.abc import Callable
from typing import Any

import pytest

from app import routes
from core.runs.archive import export_run
from core.runs.store import Store
from tests.app.conftest import Open, experiment, text

MakeRun = Callable[..., str]


def table(page: Any) -> Any:
    """The table as pandas has it."""
    return page.dataframe[0].value


def choose(page: Any, *places: int) -> Any:
    """Tick rows of the table."""
    known = page.dataframe[0].proto.id
    key = known[known.index("runs-") :]
    page.session_state[key] = {"selection": {"rows": list(places), "columns": [], "cells": []}}
    return page.run()


def enabled(page: Any) -> set[str]:
    """Labels of the buttons above the table that can be pressed."""
    names = {"Open", "Compare", "Clone to Lab", "Stop", "Resume", "Delete …"}
    return {button.label for button in page.button if button.label in names and not button.disabled}


def test_an_empty_store_offers_three_presets(app: Open, store: Store) -> None:
    page = app("runs")
    assert not page.exception and "No runs yet" in text(page) and not page.dataframe
    offered = [button for button in page.button if button.label == "Run it"]
    assert len(offered) == 3
    page.button(key="preset-badnets-signs").click().run()
    (run,) = store.runs()
    assert run.state == "queued" and run.spec_hash == experiment().hash()
    assert "Waiting (1st)" in text(page)  # on the run's own page


def test_a_run_is_a_row_of_facts_and_numbers(app: Open, make_run: MakeRun) -> None:
    make_run("done")
    page = app("runs")
    assert not page.exception
    (row,) = table(page).to_dict("records")
    assert row.pop("State")[0].startswith("Finished") and abs(row.pop("Age").timestamp() - time.time()) < 60
    assert row == {
        "Name": "A <i>stamp</i>",
        "Attack": "BadNets patch",
        "Poison": 1.0,
        "Defenses": "Spectral signatures",
        "Clean accuracy": 98.5,
        "Attack success": 99.0,
        "After defense": 0.4,
        "Removed": 9,
        "Seed": 0,
        "Took": 0,
    }


@pytest.mark.parametrize(
    ("state", "words", "buttons"),
    [
        ("queued", "Waiting (1st)", {"Stop"}),
        ("starting", "Loading PyTorch", {"Stop"}),
        ("running", "Running, 30%", {"Stop"}),
        ("stopping", "Stopping", set()),
        ("cancelled", "Stopped", {"Resume", "Delete …"}),
        ("failed", "Failed", {"Resume", "Delete …"}),
        ("lost", "Worker vanished", {"Resume", "Delete …"}),
        ("done", "Finished", {"Delete …"}),
    ],
)
def test_every_state_has_its_words_and_its_buttons(
    app: Open, make_run: MakeRun, state: str, words: str, buttons: set[str]
) -> None:
    make_run(state)
    page = app("runs")
    assert enabled(page) == set()
    page = choose(page, 0)
    assert not page.exception
    assert table(page)["State"][0][0].startswith(words)
    assert enabled(page) == {"Open", "Clone to Lab"} | buttons


def test_the_queue_is_shown_in_its_order(app: Open, make_run: MakeRun) -> None:
    make_run("running")
    for seed in (1, 2):
        make_run("queued", changes={"seed": seed})
    page = app("runs")
    said = text(page)
    queue = said[said.index("Queue:") :]
    assert queue.index("Running") < queue.index("Waiting (1st)") < queue.index("Waiting (2nd)")
    assert [state[0] for state in table(page)["State"]] == ["Waiting (2nd)", "Waiting (1st)", "Running, 30%"]
    assert table(page)["Seed"].tolist() == [2, 1, 0] and "<i>stamp" not in said


def test_filters_stand_in_the_link(app: Open, make_run: MakeRun, make_targeted: MakeRun) -> None:
    make_run("done")
    make_run("failed", changes={"seed": 1, "defenses": []})
    make_targeted("done")
    for parameters, seeds in (
        ({}, 3),
        ({"state": "Failed"}, 1),
        ({"attack": "Gradient matching"}, 1),
        ({"defense": "none"}, 1),
        ({"defense": "Spectral signatures"}, 2),
        ({"attack": "BadNets patch", "state": "Finished"}, 1),
        ({"state": "Nonsense"}, 3),
    ):
        page = app("runs", **parameters)
        assert not page.exception and len(table(page)) == seeds, parameters
    page = app("runs", state="Waiting")
    assert "No run fits" in text(page) and not page.dataframe


def test_what_was_chosen_stays_chosen_when_others_arrive(app: Open, make_run: MakeRun, store: Store) -> None:
    first = make_run("done")
    page = choose(app("runs"), 0)
    make_run("queued", changes={"seed": 1})
    page.run()
    assert page.session_state["chosen_runs"] == [first]
    page.button(key="open-run").click().run()
    assert page.query_params["run"] in (first, [first]) and "The attack worked" in text(page)


def test_what_a_filter_hides_is_not_meant_by_a_button(app: Open, make_run: MakeRun) -> None:
    make_run("done")
    make_run("failed", changes={"seed": 1})
    page = choose(app("runs"), 0, 1)
    assert page.session_state["chosen_runs"] != []
    page.multiselect(key="state").set_value(["Finished"]).run()
    assert enabled(page) == {"Open", "Clone to Lab", "Delete …"}  # one is left


def test_several_are_compared(app: Open, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [make_run("done", changes={"seed": seed}) for seed in range(7)]
    page = choose(app("runs"), 0)
    assert "Compare" not in enabled(page)
    page = choose(page, 0, 1)
    assert ("Compare" in enabled(page)) == ("compare" in routes.PAGES)
    assert "Compare" not in enabled(choose(page, *range(7))) and len(ids) == 7


def test_stop_and_resume_act_on_all_that_they_fit(app: Open, make_run: MakeRun, store: Store) -> None:
    ended, waiting = make_run("failed"), [make_run("queued", changes={"seed": seed}) for seed in (1, 2)]
    page = choose(app("runs"), 0, 1, 2)
    page.button(key="stop-runs").click().run()
    assert [store.run(one).state for one in (*waiting, ended)] == ["cancelled", "cancelled", "failed"]
    page.button(key="resume-runs").click().run()
    assert {store.run(one).state for one in (*waiting, ended)} == {"queued"}


def test_deleting_says_what_is_lost_and_asks(app: Open, make_run: MakeRun, store: Store) -> None:
    first = make_run("done")
    make_run("done", changes={"seed": 1})  # made of the same steps, which it keeps
    page = choose(app("runs"), 1)
    page.button(key="delete-runs").click().run()
    said = text(page)
    assert "0 trained models that no other run uses (0.0 MB)" in said and "A &lt;i&gt;stamp" in said
    assert any(button.label == "Export zip" for button in page.get("download_button"))
    page.button(key="delete-no").click().run()
    assert len(store.runs()) == 2
    page = choose(app("runs"), 0, 1)
    page.button(key="delete-runs").click().run()
    assert "2 trained models" in text(page) and "Gone with them" in text(page)
    page.button(key="delete-yes").click().run()
    assert store.runs() == [] and not page.exception and not any((store.home / "steps").iterdir())
    assert first not in text(page)


def test_a_run_is_renamed_and_cloned(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run("done", changes={"seed": 5})
    page = choose(app("runs"), 0)
    page.text_input(key=f"name-runs-{run_id}").set_value("Mine").run()
    page.button(key=f"rename-runs-{run_id}").click().run()
    assert store.run(run_id).name == "Mine" and table(page)["Name"][0] == "Mine"
    page.button(key="clone-run").click().run()
    assert not page.exception and page.query_params["seed"] in ("5", ["5"])


def test_an_exported_run_comes_back(app: Open, make_run: MakeRun, store: Store) -> None:
    buffer = io.BytesIO()
    export_run(store, make_run("done"), buffer)
    page = app("runs")
    page.file_uploader[0].upload("run.zip", buffer.getvalue()).run()
    page.button(key="import-now").click().run()
    assert not page.exception and [run.origin for run in store.runs()] == ["imported", "local"]


def test_shipped_runs_do_not_hide_that_there_are_none_of_ones_own(app: Open, make_run: MakeRun, store: Store) -> None:
    buffer = io.BytesIO()
    from core.runs.archive import import_run

    own = make_run("done")
    export_run(store, own, buffer)
    store.delete(own)
    import_run(store, buffer, "showcase")
    page = app("runs")
    assert "No runs yet" in text(page) and len(table(page)) == 1
