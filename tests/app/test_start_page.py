"""The start page: one button, and what can be done with the runs."""

import io
from collections.abc import Callable

from core.runs.archive import export_run
from core.runs.store import Store
from tests.app.conftest import Open, experiment, text

MakeRun = Callable[..., str]


def test_an_empty_store_is_a_designed_page(app: Open) -> None:
    page = app()
    assert not page.exception
    assert "No runs yet" in text(page) and "ps-hero-art" in text(page)


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
        "Finished in",
        "Failed",
        "A &lt;i&gt;stamp&lt;/i&gt;",
        "<b>99.0 %</b> → <b>0.4 %</b>",
        "Out of &lt;memory&gt;.",
    ):
        assert part in said
    assert "<i>stamp" not in said


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
