"""A report opens anywhere, holds every number of its run and nothing that it should not."""

import base64
import csv
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import cli
from core.errors import StoreError
from core.report import page, sheet
from core.report.make import make, narrowed
from core.report.parts import SECTIONS, Report, Wanted
from core.runs.store import Store
from core.verdict import percent
from tests.app import conftest as made
from tests.app import targeted

VOID = ("meta", "img", "link", "br", "input")
ODD = "<script>alert('name')</script> & \"co\""
BIGGEST = 6_000_000
"""Bytes; plotly.js alone has 4.8 million."""


class Parsed(HTMLParser):
    """What a browser would find in a page: tags with their attributes, texts, and the content of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            kind = self.tags[-1][1].get("type") or "text/javascript"
            self.scripts.append((kind, data))
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def figures(self) -> list[dict[str, Any]]:
        return [json.loads(content) for kind, content in self.scripts if kind == "application/json"]


def write(store: Store, state: str = "done", whole: made.Made | None = None, **changes: Any) -> str:
    """A run of the app's tests, with curves."""
    points = [
        {"arm": arm, "epoch": epoch, "clean_accuracy": 0.4 * epoch, "asr": 0.5 * epoch}
        for epoch in (1, 2)
        for arm in ("undefended", "spectral_signatures")
    ]
    whole = whole or made.Made(made.steps(), lambda step: made.arrays()[step["kind"]], points, made.result())
    return made.write_run(store, made.experiment(**{"name": ODD, **changes}), whole, state, True, {})


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


@pytest.fixture
def run_id(store: Store) -> str:
    return write(store)


@pytest.fixture
def trial_id(store: Store) -> str:
    """An attack on one chosen image."""
    whole = made.Made(targeted.steps(), targeted.content, targeted.points(), targeted.result())
    return write(store, whole=whole, **targeted.SETTINGS)


def report(store: Store, run_id: str, **wanted: Any) -> Report:
    return make(store, store.run(run_id), Wanted(**wanted))


def parsed(store: Store, run_id: str, **wanted: Any) -> Parsed:
    return Parsed(page.page(report(store, run_id, **wanted)))


def arms(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [result["control"], *result["arms"].values()]


def rates(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for arm in arms(result):
        yield from (arm[name] for name in ("clean_accuracy", "asr", "target_probability") if arm.get(name))


# ---- what is on it


@pytest.mark.parametrize("which", ["run_id", "trial_id"])
def test_every_number_of_the_result_is_on_it(store: Store, which: str, request: pytest.FixtureRequest) -> None:
    run = store.run(request.getfixturevalue(which))
    assert run.result is not None
    said = parsed(store, run.id).text
    for rate in rates(run.result):
        assert percent(rate["mean"]) in said
        assert f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f} %, n = {rate['n']:,}" in said
    for arm in arms(run.result):
        assert f"{arm['seconds']:,.1f}" in said and f"{arm['passes']:,.0f}" in said
    found = [arm["detection"] for arm in arms(run.result) if arm.get("detection")]
    assert len(found) == 2
    for numbers in found:
        poisons = round(numbers["precision"] * numbers["removed"])
        for words in (f"{poisons} of ", percent(numbers["tpr"]), percent(numbers["fpr"]), f"{numbers['auroc']:.3f}"):
            assert words in said
    for flag in run.result["flags"]:
        assert flag["message"] in said


def test_verdict_settings_methods_and_how_to_repeat_it_are_on_it(store: Store, run_id: str) -> None:
    said = parsed(store, run_id, author="A. Author", notes="First.\n\nSecond.").text
    for part in (
        "The attack worked: 99.0 %",
        "Spectral signatures caught 6 of 6 poisons",
        "attack.poison_fraction 0.01",
        "defenses.spectral_signatures.multiplier 1.5",
        "Fails when: Poisons do not shift the features",
        "Was told: how many rows are poisoned (6)",
        "Source: Tran, Li, Madry (2018), arXiv:1811.00636",
        "python -m core run badnets-signs",
        store.run(run_id).spec_hash,
        "cpu (2 cores)",
        "A. Author",
        "First. Second.",
    ):
        assert part in said, part


def test_versions_are_those_of_the_run(store: Store) -> None:
    whole = made.Made(made.steps(), lambda step: made.arrays()[step["kind"]], [], made.result())
    old = parsed(store, write(store, whole=whole)).text
    assert "not recorded: this run was made before versions were" in old
    whole.result["versions"] = {"poisonscope": "0.0.9", "torch": "2.1"}
    assert "poisonscope 0.0.9, torch 2.1" in parsed(store, write(store, whole=whole, seed=1)).text


def test_every_chart_is_drawn_from_its_own_numbers_and_has_a_table(store: Store, run_id: str) -> None:
    found = parsed(store, run_id)
    titles = [made.NAMES[made.TARGET], "Singular values", "Suspicion scores", "Clean accuracy and attack success"]
    assert all(title in found.text for title in titles) and len(found.figures) == 4
    names = {trace.get("name", "") for figure in found.figures for trace in figure["data"]}
    assert {"Poisons (6)", "This class", "No defense: accuracy"} <= names
    assert sum(tag == "details" for tag, _ in found.tags) == 4 + 1  # and the configuration
    images = [attributes["src"] or "" for tag, attributes in found.tags if tag == "img"]
    assert len(images) == 3 * made.POISONS and all(source.startswith("data:image/png;base64,") for source in images)


def test_trials_are_on_it_pair_by_pair(store: Store, trial_id: str) -> None:
    found = parsed(store, trial_id)
    for draw, victim in targeted.trials():
        assert f"{draw + 1} · {victim + 1} {targeted.TARGETS[draw]} " in found.text
    assert "yield · 80.0 %" in found.text and "Click a mark" not in found.text
    assert "Who won: No defense" in found.text and "Crafting loss" in found.text
    assert "the target: a “stop”, to be read as “yield”" in found.text


def test_sections_can_be_left_out(store: Store, run_id: str) -> None:
    only = report(store, run_id, sections=("numbers", "again"))
    assert [section.name for section in only.sections] == ["numbers", "again"]
    found = Parsed(page.page(only))
    assert found.figures == [] and found.scripts == [] and "The attack worked" in found.text
    whole = report(store, run_id)
    assert page.page(narrowed(whole, store.run(run_id), only.wanted)) == page.page(only)
    assert set(SECTIONS) - {section.name for section in whole.sections} == {"trials", "gradients", "sweep"}


def test_what_is_not_stored_is_said_to_be_missing(store: Store, run_id: str) -> None:
    for step in store.run(run_id).steps:
        store.artifacts.remove(step["key"])
    found = parsed(store, run_id)
    assert "not stored here; resume or repeat the run to see it" in found.text
    assert "The attack worked" in found.text and len(found.figures) == 1  # the curves are in the store


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
def test_without_a_result_there_is_no_report(store: Store, state: str) -> None:
    with pytest.raises(StoreError, match=f"is {state} and has no result"):
        report(store, write(store, state))


def test_a_result_of_another_shape_is_refused_in_one_sentence(store: Store) -> None:
    whole = made.Made([], lambda step: ({}, {}), [], {"arms": {"undefended": {"asr": {"mean": "high"}}}})
    with pytest.raises(StoreError, match="is not one of this version"):
        report(store, write(store, whole=whole))


# ---- safe to open


def test_it_asks_for_nothing_from_anywhere(store: Store, run_id: str) -> None:
    text = page.page(report(store, run_id))
    found = Parsed(text)
    for tag, attributes in found.tags:
        assert "srcset" not in attributes and "background" not in attributes and tag not in ("link", "iframe", "base")
        if (source := attributes.get("src")) is not None:
            assert tag == "img" and source.startswith("data:")
        if tag == "a":
            target = attributes["href"] or ""
            assert target.startswith(("#", "https://arxiv.org/abs/"))
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert len(text.encode()) < BIGGEST


def test_only_our_two_scripts_may_run(store: Store, run_id: str) -> None:
    found = parsed(store, run_id)
    running = [content for kind, content in found.scripts if kind == "text/javascript"]
    assert len(running) == 2 and "plotly.js v" in running[0][:400]
    (policy,) = [a["content"] or "" for tag, a in found.tags if tag == "meta" and a.get("http-equiv")]
    assert policy.startswith("default-src 'none'")
    for script in running:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "script-src 'none'" in page.page(report(store, run_id, sections=("numbers",)))


@pytest.mark.parametrize("which", ["run_id", "trial_id"])
def test_names_and_notes_are_text(store: Store, which: str, request: pytest.FixtureRequest) -> None:
    bad = "</script><script>alert('notes')</script><img src=x onerror=alert(1)>"
    text = page.page(report(store, request.getfixturevalue(which), title=bad, author=bad, notes=bad))
    found = Parsed(text)
    assert "alert('notes')" in found.text  # it is shown as it was typed
    assert not any("alert" in content for kind, content in found.scripts if kind == "text/javascript")
    assert not any("onerror" in attributes for _, attributes in found.tags)
    outside = text
    for _, content in found.scripts:
        outside = outside.replace(content, "")
    assert "<script>alert" not in outside and "no <b>entry</b>" not in outside


# ---- without the truth


def kept_labels(poisons: list[int], caught: int) -> made.Made:
    """A clean-label attack that changed nothing visible: which rows are its poisons is all that differs."""
    arrays = made.arrays()
    data, poison = arrays["data"][1], arrays["poison"]
    rows = np.array(poisons)
    same = {
        "rows": rows,
        "images": data["train_images"][rows],
        "originals": data["train_images"][rows],
        "labels": data["train_labels"][rows],
        "original_labels": data["train_labels"][rows],
    }
    arrays["poison"] = ({**poison[0], "changes_labels": False}, {**poison[1], **same})
    arrays["filter"] = ({**arrays["filter"][0], "knows": {"poison_count": len(rows)}}, arrays["filter"][1])
    result = made.result()
    result["arms"]["spectral_signatures"]["detection"] = made.detection(caught, len(rows), 9, made.ROWS - len(rows))
    result["flags"].append({"code": "told_budget", "message": f"Was told the true number ({len(rows)})."})
    return made.Made(made.steps(), lambda step: arrays[step["kind"]], [], result)


@pytest.mark.parametrize("written", [page.page, sheet.text])
def test_without_the_truth_two_runs_that_differ_in_it_alone_read_the_same(
    tmp_path: Path, written: Callable[[Report], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.time()
    monkeypatch.setattr(time, "time", lambda: begun)  # when they ran, and for how long, is no truth
    told, hidden = [], []
    for name, poisons, caught in (("a", [0, 3, 6, 9], 4), ("b", [1, 4, 7, 10, 13], 1)):
        store = Store(tmp_path / name)
        run_id = write(
            store, whole=kept_labels(poisons, caught), attack={"name": "badnets", "target_class": len(poisons)}
        )
        for texts, truth in ((told, True), (hidden, False)):
            text = written(report(store, run_id, truth=truth))
            texts.append(text.replace(run_id, "RUN").replace(store.run(run_id).spec_hash, "HASH"))
    assert told[0] != told[1]  # the test can tell them apart
    assert hidden[0] == hidden[1]


def test_without_the_truth_no_poison_is_marked_or_counted(store: Store, run_id: str, trial_id: str) -> None:
    for which in (run_id, trial_id):
        found = parsed(store, which, truth=False)
        drawn = json.dumps(found.figures)
        assert "oison" not in drawn and not any(tag == "img" for tag, _ in found.tags)
        for word in ("caught", "Precision", "AUROC", "poison_fraction", "target_class", "python -m core run", "Trials"):
            assert word not in found.text
        assert "What only the attacker knows was left out of this file." in found.text
        assert "Spectral signatures removed 9 rows" in found.text
        assert "poison" not in sheet.text(report(store, which, truth=False)).lower().replace("poisonscope", "")


# ---- as numbers


def lines(store: Store, run_id: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.text(report(store, run_id)))))


@pytest.mark.parametrize("which", ["run_id", "trial_id"])
def test_the_csv_has_every_rate_with_its_interval(store: Store, which: str, request: pytest.FixtureRequest) -> None:
    run = store.run(request.getfixturevalue(which))
    told = {
        (row["value"], row["low"], row["high"], row["n"], row["models"]) for row in lines(store, run.id) if row["n"]
    }
    assert run.result is not None
    for rate in rates(run.result):
        assert tuple(str(rate[name]) for name in ("mean", "low", "high", "n", "seeds")) in told


def test_the_csv_has_the_numbers_behind_every_chart(store: Store, run_id: str) -> None:
    rows = [row for row in lines(store, run_id) if row["table"].endswith("on its singular vectors")]
    scores = {row["row"]: float(row["value"]) for row in rows if row["column"] == "suspicion score"}
    labels = np.arange(made.ROWS) % 3
    poisons = np.flatnonzero(labels == 0)[: made.POISONS]
    members = np.union1d(np.flatnonzero(labels == made.TARGET), poisons)
    true = made.arrays()["score"][1]["scores"]
    assert scores == {str(row): true[row] for row in members}
    marked = {row["row"] for row in rows if row["column"] == "poison" and row["value"] == "1"}
    assert marked == {str(row) for row in poisons}


def test_the_csv_holds_no_formula(store: Store) -> None:
    run_id = write(store, data={"name": "folder", "path": "=HYPERLINK(1)"})
    (path,) = [row["value"] for row in lines(store, run_id) if row["row"] == "data.path"]
    assert path == "'=HYPERLINK(1)"


# ---- from the command line


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Calls the command line in this process, in an empty folder; (status, standard output, errors)."""
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m core", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return command


def test_the_command_writes_page_and_numbers(call: Any, store: Store, run_id: str, tmp_path: Path) -> None:
    status, out, err = call("report", run_id)
    assert (status, out, err) == (0, f"report-{run_id}.html\n", "")
    assert "The attack worked" in Parsed((tmp_path / f"report-{run_id}.html").read_text(encoding="utf-8")).text
    words = ["--output", "mine.html", "--csv", "mine.csv", "--no-truth", "--title", "My <title>", "--json"]
    status, out, _ = call("report", run_id, *words)
    assert status == 0
    told = json.loads(out)
    assert told["report"]["bytes"] == (tmp_path / "mine.html").stat().st_size
    text = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert "<h1>My &lt;title&gt;</h1>" in text and "Poisons caught" not in text
    assert (tmp_path / "mine.csv").read_text(encoding="utf-8") == sheet.text(report(store, run_id, truth=False))


def test_the_command_never_overwrites(call: Any, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("mine")
    status, out, err = call("report", run_id, "--output", "new.html", "--csv", "there.csv")
    assert (status, out) == (2, "") and err == "'there.csv' is there already; choose another name.\n"
    assert not (tmp_path / "new.html").exists() and (tmp_path / "there.csv").read_text() == "mine"


def test_the_command_says_why_it_cannot(call: Any, store: Store) -> None:
    for words, said in (
        ((write(store, "failed"),), "is failed and has no result; a report needs one."),
        (("r-nothere",), "There is no run 'r-nothere'."),
        ((write(store), "--output", "no/such/folder.html"), "Cannot write 'no/such/folder.html'"),
    ):
        status, out, err = call("report", *words)
        assert (status, out) == (2, "") and said in err and err.count("\n") == 1
