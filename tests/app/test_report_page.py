"""The report page in every state: what may be on the report, and the files to take away."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.views import report as view
from core.report import page as written
from core.runs.store import Store
from tests.app.conftest import Open, text

MakeRun = Callable[..., str]


def preview(page: Any) -> str:
    """The HTML in the frame."""
    (frame,) = page.get("iframe")
    return str(frame.proto.srcdoc)


def files(page: Any) -> dict[str, Any]:
    """Download buttons by label."""
    return {button.label: button for button in page.get("download_button")}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({}, "No run chosen"), ({"run": "r-nothere"}, "There is no such run"), ({"run": "<b>"}, "There is no such run")],
)
def test_without_a_run_the_page_says_where_to_find_one(app: Open, parameters: dict[str, str], said: str) -> None:
    page = app("report", **parameters)
    assert not page.exception and said in text(page) and not page.get("iframe")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "No report yet"),
        ("starting", "No report yet"),
        ("running", "Train on the poisoned set: epoch 2 of 8"),
        ("stopping", "No report yet"),
        ("cancelled", "came to no result. Resume it"),
        ("failed", "came to no result. Resume it"),
        ("lost", "came to no result. Resume it"),
    ],
)
def test_a_run_without_a_result_has_no_report(app: Open, make_run: MakeRun, state: str, said: str) -> None:
    page = app("report", run=make_run(state))
    assert not page.exception and said in text(page)
    assert not page.get("iframe") and not files(page)


def test_a_run_whose_maps_are_still_drawn_has_one(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run("running")
    from tests.app.conftest import result

    store.conclude(run_id, result())
    page = app("report", run=run_id)
    assert not page.exception and "The attack worked" in preview(page)


def test_a_finished_run_is_previewed_and_can_be_taken_away(app: Open, make_run: MakeRun) -> None:
    page = app("report", run=make_run())
    assert not page.exception
    shown = preview(page)
    assert shown.startswith("<!doctype html>") and "Poisons caught" in shown and "A &lt;i&gt;stamp&lt;/i&gt;" in shown
    assert set(files(page)) == {"Download report", "Numbers as CSV", "Export zip", "Configuration as TOML"}
    assert "big=true&truth=false" in page.get("code")[0].value


def test_words_and_sections_reach_the_report(app: Open, make_run: MakeRun) -> None:
    run_id = make_run()
    page = app("report", run=run_id)
    page.text_input(key="title").set_value("A <title>")
    page.text_input(key="author").set_value("Me & you")
    page.text_area(key="notes").set_value("One.\n\nTwo.").run()
    (sections,) = page.get("button_group")
    assert sections.options[:2] == ["Numbers", "What the defenses removed"] and "Trial by trial" not in sections.options
    sections.set_value([sections.options[0]]).run()
    shown = preview(page)
    assert "<h1>A &lt;title&gt;</h1>" in shown and "Me &amp; you" in shown and "<p>Two.</p>" in shown
    assert shown.count("<section") == 1 and '<section id="numbers">' in shown


@pytest.mark.parametrize("parameters", [{"truth": "false"}, {"tell": "false"}])
def test_without_the_truth_nothing_that_tells_it_is_offered(
    app: Open, make_run: MakeRun, make_targeted: MakeRun, parameters: dict[str, str]
) -> None:
    for run_id in (make_run(), make_targeted()):
        page = app("report", run=run_id, **parameters)
        assert not page.exception
        shown = preview(page)
        assert "What only the attacker knows was left out" in shown and "Poisons caught" not in shown
        assert '"Poisons' not in shown and "poison_fraction" not in shown
        assert set(files(page)) == {"Download report", "Numbers as CSV"}
        assert page.toggle(key="tell").disabled == ("truth" in parameters)


def test_missing_files_are_said_and_the_rest_is_there(app: Open, make_run: MakeRun) -> None:
    page = app("report", run=make_run(files=False))
    assert not page.exception
    assert "The files of 7 of 7 steps are not stored here" in text(page) and "The attack worked" in preview(page)


def test_a_result_that_cannot_be_read_is_one_sentence(app: Open, make_run: MakeRun) -> None:
    page = app("report", run=make_run("done", result={"arms": {"undefended": {"asr": {"mean": None}}}}))
    assert not page.exception and "is not one of this version" in text(page) and not page.get("iframe")


def test_typing_a_title_computes_nothing_again(app: Open, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    page = app("report", run=make_run())
    monkeypatch.setattr(view.make, "make", None)  # whoever calls it now fails
    page.text_input(key="title").set_value("Another").run()
    assert not page.exception and "<h1>Another</h1>" in preview(page)


def test_the_preview_is_the_file(app: Open, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(written, "page", lambda report: made.append(report) or json.dumps(report.title))
    page = app("report", run=make_run())
    assert preview(page) == json.dumps("A <i>stamp</i>") and len(made) == 1
