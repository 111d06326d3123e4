"""Is it poisoned?: the page in every state, and every other page where nobody knows the truth."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.runs.store import Store
from core.spec import parse
from tests.app.conftest import Made, Open, reference, text, write_run
from tests.inspected import NAMES, asked, found, result

Make = Callable[..., str]
APART = {"groups": 0.6, "direction": 0.9}
N = 250


def steps() -> list[dict[str, Any]]:
    place = {"poison_key": 0, "victim": 0}
    screened = {**place, "defense": "screening"}
    return [
        reference("data", "Prepare the images"),
        reference("poison", "Poison the training set", poison_key=0),
        reference("train", "Train on the set as it came", arm="undefended", **place),
        reference("features", "Read the features", arm="undefended", **place),
        reference("spectral", "Find singular directions", arm="undefended", **place),
        reference("score", "Score every row", arm="screening", **screened),
        reference("filter", "Flag rows", arm="screening", **screened),
        reference("train", "Retrain after Screening", arm="screening", **screened),
        reference("train", "Retrain after random removal (control)", arm="screening_random", **screened),
        reference("inspection", "Compare with controls", arm="undefended", **place),
    ]


def content(kind: str, meta: dict[str, Any], poisons: int = 0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Meta and arrays of a step; the first rows are listed as poisons."""
    random, labels, rows = np.random.default_rng(0), np.arange(N) % 5, np.arange(poisons)
    images = random.integers(0, 256, (N, 3, 8, 8), dtype=np.uint8)
    both = {f"{part}_{name}": array for part in ("train", "test")
            for name, array in (("images", images), ("labels", labels), ("indices", np.arange(N)))}  # fmt: skip
    none = np.empty(0, np.int64)
    told = {"rows": rows, "images": images[rows], "labels": labels[rows], "originals": images[rows],
            "original_labels": labels[rows], "eval_images": images[:0], "eval_wanted": none, "eval_true": none,
            "eval_indices": none}  # fmt: skip
    flagged = np.arange(N) < 60
    return {
        "data": ({"class_names": NAMES, "flip": False, "notes": []}, both),
        "poison": ({"n": N, "changes_labels": False, "targeted": False, "epsilon": None, "attack": "as_given"}, told),
        "train": ({"epochs": []}, {"test_predictions": labels}),
        "features": ({}, {"features": random.normal(size=(N, 4)).astype(np.float32)}),
        "spectral": ({}, {"projection": random.normal(size=(N, 3)).astype(np.float32),
                          "singular_values": np.ones((5, 4), np.float32)}),
        "score": ({}, {"scores": random.random(N)}),
        "filter": ({"knows": {}, "detection": {"removed": 60}, "random_detection": {"removed": 60},
                    "removed_shares": [0.2] * 5}, {"flagged": flagged, "random_flagged": flagged[::-1]}),
        "inspection": (meta, {}),
    }[kind]  # fmt: skip


@pytest.fixture
def make(store: Store) -> Make:
    """Writes a run that looked at data as they came."""

    def write(
        state: str = "done", *, meta: dict[str, Any] | None = None, accuracy: float = 0.9, files: Any = True,
        poisons: int = 0, **changes: Any,
    ) -> str:  # fmt: skip
        if poisons:
            changes["attack"] = {"name": "as_given", "truth": "listed", "poisons": f"0-{poisons - 1}"}
        spec = asked(**changes)
        made = Made(
            steps(),
            lambda step: content(step["kind"], meta or found(), poisons),
            [{"arm": "undefended", "epoch": 1, "clean_accuracy": 0.5, "asr": None}],
            result(accuracy, spec),
        )
        return write_run(store, parse(spec), made, state, files, {})

    return write


@pytest.mark.parametrize(
    "told, headline, words",
    [
        ({"meta": found(outlier=APART, misread={3: 11})}, "Signs found.", "Rows of “dog” do not look like what they"),
        ({}, "Nothing unusual found.", "In what was looked at."),
        ({"meta": found(outlier=APART)}, "Can’t tell.", "“dog” stands apart, but its odd rows are read as they are"),
        ({"accuracy": 0.4}, "Can’t tell.", "The network reads only 40.0 % of the held-back rows"),
    ],
)
def test_three_answers(told: dict[str, Any], headline: str, words: str, app: Open, make: Make) -> None:
    page = app("check", run=make(**told))
    assert not page.exception
    said = text(page)
    assert f"<b>{headline}</b>" in said and words in said
    assert 'class="ps-verdict plain"' in said, "no traffic light"
    assert "What this cannot tell" in said and "adaptive" in said
    assert len(page.get("plotly_chart")) == 4 and len(page.dataframe) == 2
    assert "My data poisoned?" in said and "90 of 100" in said or "40 of 100" in said


def test_the_rows_that_it_is_about_are_shown(app: Open, make: Make) -> None:
    said = text(app("check", run=make(meta=found(misread={3: 11}))))
    shown = re.findall(r'alt="Row (\d+), labelled (\w+)"', said)
    # the first sixty rows are suspects, and row r is of class r % 5
    assert sorted(int(row) for row, _ in shown) == list(range(3, 60, 5)) and {name for _, name in shown} == {"dog"}
    assert "12 of the 12 suspects that are labelled “dog”" in said


def test_where_nothing_is_unusual_nobody_is_shown(app: Open, make: Make) -> None:
    assert "Look at them" not in text(app("check", run=make()))


def test_every_class_is_in_the_tables_and_names_are_only_text(app: Open, make: Make) -> None:
    page = app("check", run=make(meta=found(misread={2: 12})))
    assert sorted(page.dataframe[0].value["Class"]) == sorted(NAMES)
    assert page.dataframe[0].value["Class"][0] == "<cat>", "the most telling class first"
    assert "<cat>" not in text(page) and "&lt;cat&gt;" in text(page)


def test_the_figures_show_the_set_and_both_controls(app: Open, make: Make) -> None:
    page = app("check", run=make(meta=found(outlier=APART, misread={3: 11})))
    traces = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert [trace["name"] for trace in traces] == [
        "as it came", "without its suspects", "without random rows", "stands out most",
    ]  # fmt: skip
    assert traces[3]["text"] == ["dog"] and traces[3]["marker"]["symbol"] == "star"


@pytest.mark.parametrize("state", ["queued", "starting", "running"])
def test_a_run_on_its_way_is_watched(state: str, app: Open, make: Make) -> None:
    page = app("check", run=make(state))
    assert not page.exception and 'class="ps-verdict' not in text(page)


@pytest.mark.parametrize("state", ["failed", "cancelled", "lost"])
def test_a_run_that_ended_early_can_be_resumed(state: str, app: Open, make: Make) -> None:
    page = app("check", run=make(state, files=("data",)))
    assert not page.exception and "No answer yet" in text(page)
    assert any(button.label == "Resume" for button in page.button)


def test_files_that_are_gone_or_strange_leave_no_answer(app: Open, make: Make) -> None:
    page = app("check", run=make(files=("data", "poison")))
    assert not page.exception and "What was measured is not stored here" in text(page)
    page = app("check", run=make(meta={"looks": {}}))
    assert not page.exception and "are not those of this version" in text(page)


def test_other_runs_are_not_asked(app: Open, make_run: Make) -> None:
    page = app("check", run=make_run())
    assert not page.exception and "poisons its data itself" in text(page)


@pytest.mark.parametrize("link, words", [({}, "No run chosen"), ({"run": "../x"}, "There is no such run")])
def test_no_run_and_a_bad_link(link: dict[str, str], words: str, app: Open, store: Store) -> None:
    page = app("check", **link)
    assert not page.exception and words in text(page)


# ---- where nobody knows, no page counts poisons

PAGES = (
    "result",
    "spectral",
    "images",
    "gradients",
    "inside",
    "report",
    "check",
    "compare",
    "runs",
    "attacker",
    "start",
)
COUNTED = re.compile(r"\d+ (of \d+ )?(poisons?\b|of them poison)|poisons? caught|clean rows lost", re.IGNORECASE)


def everything(page: AppTest) -> str:
    """Words, tables and figures of a page."""
    parts = [text(page), *(str(table.value) for table in page.dataframe)]
    parts += [chart.proto.spec for chart in page.get("plotly_chart")]
    parts += [frame.proto.srcdoc for frame in page.get("iframe")]
    return "\n".join(parts)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_tells_what_nobody_knows(name: str, app: Open, make: Make) -> None:
    page = app(name, run=make(), truth="true")
    assert not page.exception
    said = everything(page)
    assert not COUNTED.search(said), COUNTED.search(said)
    assert "Poisons" not in re.findall(r'"name":\s*"([^"]*)"', said)


def test_the_run_page_says_that_there_is_no_attack_success(app: Open, make: Make) -> None:
    said = text(app("result", run=make()))
    assert "There is no attack success: nobody knows what an attacker would show the model." in said
    assert "Screening removed 60 rows." in said and "Nobody knows" in said and "Not measured in this run." in said
    assert "More trials" not in said and "switch on “Reveal truth”" not in said


def test_after_it_other_runs_show_their_truth_again(app: Open, make: Make, make_run: Make) -> None:
    known = make_run()
    page = app("images", run=make())
    assert "of them poison" not in text(page)
    page.query_params["run"] = known
    page.run()
    assert "of them poison" in text(page)


@pytest.mark.parametrize("name", ["result", "images", "spectral", "report"])
def test_a_list_of_poisons_is_the_truth(name: str, app: Open, make: Make) -> None:
    page = app(name, run=make(poisons=10))
    assert not page.exception
    if name == "images":
        assert "10 of them poison" in text(page)
    hidden = app(name, run=make(poisons=10, seed=1), truth="false")
    assert not hidden.exception and not COUNTED.search(everything(hidden))


def test_a_row_has_no_original(app: Open, make: Make) -> None:
    page = app("images", run=make(poisons=10), row="3")
    assert "what was done to a row, nobody here knows" in text(page) and "nobody knows" in text(page)
