"""The images page: states, filters from the link, choosing a row, and the truth that can be hidden."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.runs.store import Store
from tests.app import targeted
from tests.app.conftest import POISONS, ROWS, Open, arrays, text

MakeRun = Callable[..., str]


def wall(page: Any) -> str:
    return "".join(one.proto.body for one in page.get("html") if 'class="ps-wall"' in one.proto.body)


def shown(page: Any) -> int:
    return wall(page).count("data-row=")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({}, "No run chosen"), ({"run": "r-nothere"}, "There is no such run"), ({"run": "../x"}, "There is no such run")],
)
def test_without_a_run_the_page_says_where_to_find_one(app: Open, parameters: dict[str, str], said: str) -> None:
    page = app("images", **parameters)
    assert not page.exception
    assert said in text(page)


def test_the_newest_run_opens_here(app: Open, make_run: MakeRun) -> None:
    run_id = make_run()
    page = app("images")
    page.button(key=f"newest-{run_id}").click().run()
    assert "90 of 90 rows" in text(page)


@pytest.mark.parametrize("state", ["queued", "starting", "running", "cancelled", "failed", "lost", "done"])
def test_every_state_is_designed(app: Open, make_run: MakeRun, state: str) -> None:
    page = app("images", run=make_run(state, files=False))
    assert not page.exception
    live = state in ("queued", "starting", "running")
    assert ("Not yet" if live else "not stored here") in text(page)
    assert "<i>stamp</i>" not in text(page)


def test_a_run_on_its_way_shows_its_images_without_scores(app: Open, make_targeted: MakeRun) -> None:
    page = app("images", run=make_targeted("running", files=("data", "poison")))
    assert not page.exception
    assert "90 of 90 rows" in text(page) and not page.slider


def test_the_wall_has_pages_and_marks_poisons_and_removed_rows(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run())
    assert "90 of 90 rows**, 6 of them poison" in text(page)
    assert shown(page) == 48
    assert "row 0 · yield · poison, was stop" in wall(page) and 'class="poison' in wall(page)
    assert "&lt;b&gt;entry" in wall(page) and "<b>entry" not in wall(page)


@pytest.mark.parametrize(
    ("link", "rows"),
    [
        ({"label": "1: yield"}, 36),
        ({"kind": "Poisons"}, POISONS),
        ({"kind": "Clean rows", "label": "1: yield"}, 30),
        ({"mark": "Flagged and removed"}, 9),
        ({"mark": "Flagged and removed", "kind": "Poisons"}, 6),
        ({"mark": "Removed by the random filter"}, 6),
        ({"mark": "Not flagged", "label": "2: no <b>entry</b>"}, None),
        ({"rank": "99-100"}, None),
    ],
)
def test_filters_come_from_the_link(app: Open, make_run: MakeRun, link: dict[str, str], rows: int | None) -> None:
    page = app("images", run=make_run(), **link)
    assert not page.exception
    if rows is not None:
        assert f"**{rows} of {ROWS} rows**" in text(page)
        assert shown(page) == rows


def test_the_score_range_keeps_the_most_suspicious(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run())
    page.slider(key="rank").set_range(90, 100).run()
    scores = arrays()["score"][1]["scores"]
    best = set(np.argsort(-scores)[:9].tolist())
    found = {row for row in range(ROWS) if f'data-row="{row}"' in wall(page)}
    assert found == best


def test_the_most_suspicious_come_first(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run(), order="Most suspicious first")
    top = int(np.argmax(arrays()["score"][1]["scores"]))
    assert wall(page).index("data-row=") == wall(page).index(f'data-row="{top}"')


def test_filters_that_nothing_passes_say_so(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run(), kind="Poisons", label="0: stop")
    assert not page.exception
    assert "No row passes these filters" in text(page)


def test_bad_filters_in_the_link_fall_back(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run(), label="99: x", kind="Ghosts", mark="?", rank="7", order="no", row="-5")
    assert not page.exception
    assert f"{ROWS} of {ROWS} rows" in text(page) and "No image chosen" in text(page)


def test_a_chosen_row_is_shown_large_with_all_that_is_known(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run(), row="0")
    said = text(page)
    for words in (
        "row 0, ×8",
        "Label given",
        "stop (changed)",
        "poison",
        "flagged and removed",
        "removed by the random filter",
    ):
        assert words in said
    assert "original</fig" in said and "difference ×8</fig" in said and "target" not in said
    page.number_input(key="row").set_value(1).run()
    assert "row 1, ×8" in text(page) and "Nothing was done to this image." in text(page)


def test_a_cover_is_no_poison_and_is_shown_before_and_after(app: Open, make_run: MakeRun, store: Store) -> None:
    run_id = make_run()
    poison = next(step["key"] for step in store.run(run_id).steps if step["kind"] == "poison")
    labels = np.array(store.artifacts.array(poison, "labels"))
    labels[0] = 0  # row 0 carries the trigger and keeps its label
    np.save(store.artifacts.folder(poison) / "labels.npy", labels)
    page = app("images", run=run_id, row="0")
    said = text(page)
    assert f"{POISONS - 1} of them poison" in said and "cover (changed, and keeps its label)" in said
    assert "original</fig" in said and "Nothing was done" not in said and "stop (changed)" not in said
    hidden = text(app("images", run=run_id, row="0", truth="false"))
    assert "cover" not in hidden and "original</fig" not in hidden


def test_of_a_targeted_run_the_detail_has_target_and_distances(app: Open, make_targeted: MakeRun) -> None:
    page = app("images", run=make_targeted(), row="1")
    said = text(page)
    assert "The target: a “stop”, to be read as “yield”" in said
    assert "10 → 4" in said and "row 1 · yield · poison<" in said  # its label was kept
    assert [box.key for box in page.selectbox][:2] == ["key", "victim"]
    page.selectbox(key="key").select(2).run()
    assert f"{targeted.POISONS} of them poison" in text(page) and "a “no &lt;b&gt;entry" not in text(page)


def test_with_the_truth_hidden_nothing_tells_it(app: Open, make_targeted: MakeRun) -> None:
    page = app("images", run=make_targeted(), truth="false", row="1", kind="Poisons")
    assert not page.exception
    assert f"{ROWS} of {ROWS} rows" in text(page)
    html = [one.proto.body for one in page.get("html")]
    html = [body for body in html if not any(mark in body for mark in ("<style>", "<h1", "ps-run-facts"))]
    said = "".join([*html, *(one.value for one in page.markdown)])
    assert "oison" not in said and "arget" not in said and "Label before" not in said
    assert all("poison" not in table.value.columns for table in page.dataframe)
    assert "Label given" in said and "higher than" in said


def test_the_table_holds_the_same_rows(app: Open, make_run: MakeRun) -> None:
    page = app("images", run=make_run(), mark="Flagged and removed")
    (table,) = page.dataframe
    assert len(table.value) == 9 and all(table.value["removed: spectral signatures"])
