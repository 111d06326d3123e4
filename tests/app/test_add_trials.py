"""More keys and victims for a finished run: what is queued, what it is called, and what the person is told before."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.queueing import LONGEST, renamed
from core.runs.artifacts import save
from core.runs.store import Store
from core.spec import parse
from core.steps import plan
from tests.app.conftest import Open, result, text

MakeRun = Callable[..., str]
HEADING = "More trials"


def more(page: AppTest, name: str, count: int) -> AppTest:
    (found,) = [element for element in page.number_input if (element.key or "").startswith(f"more-{name}-")]
    return found.set_value(count).run()


def button(page: AppTest) -> Any:
    return page.button(key="more-now")


def test_it_opens_with_nothing_chosen_and_says_what_there_is(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run())
    said = text(page)
    assert HEADING in said and "Now: 1 key, 1 victim." in said and "only what is new is computed" in said
    assert button(page).disabled


def test_the_larger_run_is_the_same_experiment_with_more_of_both(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run()
    page = more(more(app("result", run=run_id), "keys", 9), "victims", 1)
    assert button(page).label == "Run with 10 keys, 2 victims"
    button(page).click().run()
    newest, own = store.runs()[0], store.run(run_id)
    assert newest.state == "queued" and newest.name == "A <i>stamp</i> · 10 keys, 2 victims"
    changed = {"keys": 10, "victims": 2, "name": newest.name}
    assert newest.spec == {**own.spec, **changed}
    assert newest.id in page.query_params["run"]  # and its page is open


def test_finished_steps_are_counted_out_of_the_estimate(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run()
    experiment = parse(store.run(run_id).spec)
    own, larger = (plan(experiment.model_copy(update={"keys": keys})) for keys in (1, 2))
    page = more(app("result", run=run_id), "keys", 1)
    assert f"0 of {len(larger)} steps are computed already" in text(page)
    for step in own:
        with store.artifacts.write(step.key) as folder:
            save(folder, {})
    page = more(app("result", run=make_run(changes={"device": "cpu"})), "keys", 1)  # asked anew: nothing is remembered
    assert f"{len(own)} of {len(larger)} steps are computed already" in text(page)
    assert "3 models to train" in text(page)


def test_a_larger_run_that_is_there_is_opened_instead(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id, larger = make_run(), make_run("queued", changes={"victims": 3})
    page = more(app("result", run=run_id), "victims", 2)
    assert "1 key, 3 victims is on its way already" in text(page)
    page.button(key="more-known").click().run()
    assert larger in page.query_params["run"] and len(store.runs()) == 2


def test_without_an_attack_there_are_victims_only(app: Open, make_run: MakeRun, store: Store) -> None:
    baseline = {**result(), "arms": {}, "control": {**result()["control"], "asr": None}}
    page = app("result", run=make_run(changes={"attack": None, "defenses": []}, result=baseline))
    assert [element.label for element in page.number_input if "more-" in (element.key or "")] == ["Add victims"]
    button(more(page, "victims", 2)).click().run()
    newest = store.runs()[0]
    assert (newest.spec["victims"], newest.spec["keys"], newest.name) == (3, 1, "A <i>stamp</i> · 3 victims")


def test_no_more_than_an_experiment_may_have(app: Open, make_run: MakeRun) -> None:
    page = app("result", run=make_run(changes={"keys": 100, "victims": 2}))
    most = {element.label: element.max for element in page.number_input if "more-" in (element.key or "")}
    assert most == {"Add keys": 0, "Add victims": 98}


def test_a_run_of_another_version_shows_no_form(app: Open, make_run: MakeRun, store: Store) -> None:
    run = store.run(make_run())
    odd = store.start({**run.spec, "model": {"name": "of the future"}}, spec_hash="x", name="odd")
    store.finish(odd, "done", result=run.result)
    page = app("result", run=odd)
    assert not page.exception and HEADING not in text(page)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mine", "Mine · 4 keys"),
        ("Mine · 2 keys", "Mine · 4 keys"),
        ("Mine · 2 keys · late", "Mine · late · 4 keys"),
        ("2 keys", "4 keys"),
        ("M" * 80, "M" * 71 + " · 4 keys"),
    ],
)
def test_a_name_has_one_part_of_a_kind_and_is_never_too_long(name: str, expected: str) -> None:
    new = renamed(name, "4 keys", r"\d+ keys")
    assert new == expected and len(new) <= LONGEST
