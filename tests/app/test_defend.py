"""Be the defender: a selection becomes a run of its own, once, beside everything that the run has already."""

from collections.abc import Callable
from typing import Any

from core.runs.store import Store
from core.spec import parse
from tests.app.conftest import Open, text
from tests.app.test_spectral_page import with_features

MakeRun = Callable[..., str]


def queued(store: Store) -> list[Any]:
    return [run for run in store.runs() if run.state == "queued"]


def test_remove_and_retrain_queues_the_choice_beside_the_other_defenses(app: Open, store: Store) -> None:
    base = with_features(store)
    page = app("spectral", run=base, sel="0,3-4")
    said = text(page)
    assert "one without as many others at random" in said and "The defenses of this run stand beside it" in said
    page.button(key="remove-and-retrain").click().run()
    assert not page.exception
    (run,) = queued(store)
    assert page.query_params["run"] in (run.id, [run.id]), "the page of the new run opens"
    first, second = run.spec["defenses"]
    assert first == store.run(base).spec["defenses"][0]
    assert second == {"name": "hand_picked", "rows": "0,3-4", "truth_on_screen": True}
    assert run.name == "A <i>stamp</i> · 3 rows by hand"
    rest = {key: value for key, value in run.spec.items() if key not in ("defenses", "name")}
    assert rest == {key: value for key, value in store.run(base).spec.items() if key not in ("defenses", "name")}


def test_a_choice_made_blind_says_so(app: Open, store: Store) -> None:
    page = app("spectral", run=with_features(store), sel="0,3-4", truth="false")
    page.button(key="remove-and-retrain").click().run()
    assert queued(store)[0].spec["defenses"][1]["truth_on_screen"] is False


def test_the_same_choice_is_not_trained_twice(app: Open, store: Store) -> None:
    base = with_features(store)
    app("spectral", run=base, sel="0,3").button(key="remove-and-retrain").click().run()
    page = app("spectral", run=base, sel="0,3")
    assert "This very choice is on its way." in text(page)
    page.button(key="same-choice").click().run()
    (run,) = queued(store)
    assert page.query_params["run"] in (run.id, [run.id])


def test_another_choice_takes_the_place_of_the_first(app: Open, store: Store) -> None:
    picked = {"name": "hand_picked", "rows": "9", "truth_on_screen": False}
    page = app("spectral", run=with_features(store, defenses=[picked], name="A stamp · 1 row by hand"), sel="0,3")
    assert "stand beside it" not in text(page)
    page.button(key="remove-and-retrain").click().run()
    (run,) = queued(store)
    assert [each["rows"] for each in run.spec["defenses"]] == ["0,3"] and run.name == "A stamp · 2 rows by hand"


def test_a_run_without_its_network_says_what_to_do(app: Open, make_run: MakeRun) -> None:
    page = app("spectral", run=make_run(), sel="0,3")
    assert not page.exception
    assert "shipped without its network" in text(page)
    assert not [button for button in page.button if button.key == "remove-and-retrain"]


def test_rows_of_a_later_draw_cannot_be_removed(app: Open, make_targeted: MakeRun) -> None:
    page = app("spectral", run=make_targeted(), key="3", sel="0,3")
    assert not page.exception
    assert "choose key 1 above to remove rows" in text(page)
    assert not [button for button in page.button if button.key == "remove-and-retrain"]


def test_the_selection_is_the_same_on_images_and_spectral(app: Open, store: Store) -> None:
    run_id = with_features(store)
    page = app("images", run=run_id, sel="0,3-4", only="true")
    said = text(page)
    assert "3 of 3 selected; 2 poison" in said  # rows 0 and 3 are
    assert "**3 of 90 rows**" in said and said.count('picked" data-row=') == 3
    page.button(key="leave-shown").click().run()
    assert "Nothing selected" in text(page)
    page.toggle(key="only").set_value(False).run()
    page.selectbox(key="label").set_value(2).run()
    page.button(key="select-shown").click().run()
    assert "30 of 30 selected" in text(page)
    page.number_input(key="row").set_value(1).run()
    page.button(key="add-row").click().run()
    assert "and 1 that the filters hide" in text(page)
    page.button(key="leave-row").click().run()
    assert "that the filters hide" not in text(page)


def test_the_spec_of_the_queued_run_is_legal(app: Open, store: Store) -> None:
    app("spectral", run=with_features(store), sel="0,3").button(key="remove-and-retrain").click().run()
    (run,) = queued(store)
    assert parse(run.spec).hash() == run.spec_hash
