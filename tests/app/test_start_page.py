"""The start page: one button, and what can be done with the runs."""

import io
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.components import chips
from core.runs.archive import export_run
from core.runs.store import Store
from tests.app.conftest import Open, experiment, text

MakeRun = Callable[..., str]
Ship = Callable[..., list[tuple[str, ...]]]


def test_an_empty_store_without_demo_runs_is_a_designed_page(app: Open) -> None:
    page = app()
    assert not page.exception
    said = text(page)
    assert "No runs yet" in said and "Demo runs not found" in said and "make showcase" in said
    assert [page.button(key=f"go-{door}").disabled for door in ("see", "catch", "build")] == [True, True, False]


def test_the_first_start_shows_a_finished_attack(app: Open, store: Store, showcase: Ship) -> None:
    started = showcase()
    page = app()
    assert not page.exception and started == [], "everything is drawn already"
    said = text(page)
    assert "6 of 90 pictures were enough." in said
    for number, counted in (("98.5 %", "985 of 1,000"), ("99.0 %", "990 of 1,000"), ("0.4 %", "4 of 1,000")):
        assert f'<div class="ps-big">{number}</div>' in said and counted in said
    assert "Trained on clean images" in said and "Trained with 6 poisons" in said
    assert [run.origin for run in store.runs()] == ["showcase"] * 3
    assert any(each.label.startswith("Finished runs that come with Poisonscope (3)") for each in page.expander)
    assert "No runs yet" in said, "runs that came along are not the person's own"


def test_the_stamp_flips_the_poisoned_model_alone(app: Open, showcase: Ship) -> None:
    showcase()
    page = app()
    assert _read(page) == ["✓ “stop”", "✓ “stop”"]
    page.toggle(key="stamp").set_value(True).run()
    assert _read(page) == ["✓ “stop”", "✗ “yield”"]
    page.button(key="another").click().run()
    assert _read(page) == ["✓ “no &lt;b&gt;entry&lt;/b&gt;”", "✗ “yield”"]
    page.toggle(key="stamp").set_value(False).run()
    assert _read(page) == ["✓ “no &lt;b&gt;entry&lt;/b&gt;”"] * 2


def _read(page: AppTest) -> list[str]:
    """What the two models say."""
    found = re.findall(r'<div class="ps-answer"><span aria-label="\w+">(.)</span> (.*?)</div>', text(page))
    return [" ".join(each) for each in found]


def test_three_doors_lead_on(app: Open, showcase: Ship) -> None:
    showcase()
    page = app()
    page.button(key="go-see").click().run()
    assert not page.exception and "The attack worked" in text(page)
    page = app()
    page.button(key="go-catch").click().run()
    assert not page.exception and "Who stands apart in showcase-badnets?" in text(page)
    assert page.toggle(key="truth").value is False, "nobody tells which rows are poisons"
    page = app()
    page.button(key="go-build").click().run()
    assert not page.exception and page.query_params["preset"] in ("badnets-signs", ["badnets-signs"])


def test_images_that_were_left_out_are_drawn_beside_the_app(app: Open, showcase: Ship) -> None:
    started = showcase(without=("data", "poison"))
    page = app()
    assert not page.exception and started == [("showcase",)]
    assert "6 of 90 pictures were enough." in text(page)
    app()
    assert started == [("showcase",)], "once is enough"


def test_the_big_button_queues_the_default_and_opens_it(app: Open, store: Store) -> None:
    page = app()
    page.button(key="poison-now").click().run()
    assert not page.exception
    (run,) = store.runs()
    assert run.state == "queued" and run.spec_hash == experiment().hash()
    assert "Waiting (1st)" in text(page)


def test_pressing_it_again_while_it_runs_starts_nothing_new(app: Open, store: Store) -> None:
    for _ in range(2):
        app().button(key="poison-now").click().run()
    assert len(store.runs()) == 1


def test_after_a_finished_run_the_button_trains_with_another_seed(app: Open, store: Store, make_run: MakeRun) -> None:
    make_run("done")
    app().button(key="poison-now").click().run()
    assert [run.spec["seed"] for run in store.runs()] == [1, 0]


def test_runs_are_listed_with_state_name_and_numbers(app: Open, make_run: MakeRun) -> None:
    make_run("done")
    make_run("failed", message="Out of <memory>.")
    page = app()
    said = text(page)
    for part in (
        "Finished",
        "Failed",
        "A &lt;i&gt;stamp&lt;/i&gt;",
        "<b>99.0 %</b> → <b>0.4 %</b>",
        "Out of &lt;memory&gt;.",
    ):
        assert part in said
    assert "<i>stamp" not in said


@pytest.mark.parametrize(("seconds", "said"), [(0.03, "Finished"), (41.0, "Finished in 41 s"), (None, "Finished")])
def test_a_run_tells_its_time_where_it_took_any(seconds: float | None, said: str) -> None:
    ended: Any = SimpleNamespace(state="done", seconds=seconds, heartbeat=None, position=None, progress=1.0)
    assert chips.words(ended) == said


def test_rename_stop_resume_and_repeat(app: Open, store: Store, make_run: MakeRun) -> None:
    run_id = make_run("running")
    page = app()
    page.text_input(key=f"name-list-{run_id}").set_value("Mine")
    page.button(key=f"rename-list-{run_id}").click().run()
    assert store.run(run_id).name == "Mine"
    page.button(key=f"stop-list-{run_id}").click().run()
    assert store.run(run_id).state == "stopping"
    store.finish(run_id, "cancelled")
    page = app()
    page.button(key=f"resume-list-{run_id}").click().run()
    assert store.run(run_id).state == "queued"
    app().button(key=f"repeat-list-{run_id}").click().run()
    assert [run.spec["seed"] for run in store.runs()] == [1, 0]


def test_deleting_asks_first(app: Open, store: Store, make_run: MakeRun) -> None:
    run_id = make_run("done")
    page = app()
    page.button(key=f"delete-list-{run_id}").click().run()
    assert store.run(run_id)
    page.button(key="delete-yes").click().run()
    assert store.runs() == []


def test_an_exported_run_can_be_imported(app: Open, store: Store, make_run: MakeRun) -> None:
    buffer = io.BytesIO()
    export_run(store, make_run("done"), buffer)
    page = app()
    page.file_uploader[0].upload("run.zip", buffer.getvalue()).run()
    page.button(key="import-now").click().run()
    assert not page.exception
    assert [run.origin for run in store.runs()] == ["imported", "local"]
    assert "imported" in text(page)


def test_a_damaged_import_is_refused_in_one_sentence(app: Open, store: Store) -> None:
    page = app()
    page.file_uploader[0].upload("run.zip", b"nonsense").run()
    page.button(key="import-now").click().run()
    assert not page.exception
    assert len(page.error) == 1 and store.runs() == []


def test_the_frame_shows_device_queue_and_switches(app: Open, make_run: MakeRun) -> None:
    make_run("queued")
    page = app()
    assert "1 waiting" in text(page) and "Device:" in text(page)
    assert page.toggle(key="truth").value is True and page.toggle(key="big").value is False
    assert app("", truth="false", big="true").toggle(key="big").value is True
