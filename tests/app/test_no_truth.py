"""With Reveal truth off, nothing that any page sends depends on who is a poison.

The strong form: a run is told twice, each time with other rows as its poisons while every row looks the same, and both
times the page sends the same bytes. The plain form: nothing has a poison's name, and no list is the list of poisons.
"""

import itertools
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from app import cache, routes
from app.components import row_filter
from app.components.slides import SLIDES
from core import row_list
from core.runs.store import Store
from core.runs.view import RunView
from core.showcase import draw, load
from tests.app import gradients, inside, lesson_runs
from tests.app.conftest import Made, Open, experiment, write_run
from tests.app.sent import Files, elements, record_files, sent
from tests.app.test_learn import PLACES, Place
from tests.app.truths import TwoTruths

HIDDEN = {"truth": "false"}
ABOUT_A_RUN = ("result", "spectral", "gradients", "inside", "images", "compare", "report")
PASSING = re.compile(r"just now|\d+ (s|min) ago")
"""What may differ between two pages: how long ago something was, as it is said in words."""
KINDS = ("backdoor", "targeted", "gradients", "inside")


@pytest.fixture(autouse=True)
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait for PyTorch to know its device."""
    ready = threading.Event()
    ready.set()
    monkeypatch.setattr("app.cache.machine", lambda: cache.Machine("cpu", None, ready))


@pytest.fixture(params=KINDS)
def told(request: pytest.FixtureRequest, store: Store) -> TwoTruths:
    """A made-up run of each kind that pages treat apart."""
    return TwoTruths(store, _made(request.param, store, request.getfixturevalue))


def _made(kind: str, store: Store, fixture: Callable[[str], Any]) -> str:
    if kind == "backdoor":
        return str(fixture("make_run")())
    if kind == "targeted":
        return str(fixture("make_targeted")())
    if kind == "gradients":
        made = Made(gradients.steps(), gradients.content, gradients.points(), gradients.result())
        return write_run(store, experiment(name="A walk", **gradients.SETTINGS), made, "done", True, {})
    made = Made(inside.steps(), lambda step: inside.content(step, "trigger", True), [], inside.result())
    settings = inside.settings(proxy="trigger")
    return write_run(store, experiment(name="A step", **settings), made, "done", True, {})


def prying(told: TwoTruths) -> dict[str, str]:
    """What a link may hold that asks for the truth, or for rows that are poisons under one truth only."""
    of_both = sorted({*told.rows[0].tolist(), *told.rows[1].tolist()})
    return {
        "row": str(told.rows[0][0]),
        "kind": row_filter.TRUTHS[1],
        "colour": "truth",
        "sel": row_list.written(told.rows[0]).replace(",", "."),
        "near": "0.2",
        "map": "PCA",
        "tell": "true",
        "epoch": "4",
        "among": "All classes",
        "cls": str(told.labels[of_both[0]]),
    }


def pages(app: Open, told: TwoTruths, page: str, **parameters: str) -> list[list[str]]:
    """What the page sends under both truths."""
    found = []
    for which in (0, 1):
        told.tell(which)
        st.cache_resource.clear()
        with pytest.MonkeyPatch.context() as patch:
            files = record_files(patch)
            found.append(shown(app, page, files, **parameters))
    return found


def shown(app: Open, page: str, files: Files, **parameters: str) -> list[str]:
    opened = app(page, **parameters)
    assert not opened.exception, [error.value for error in opened.exception]
    return [PASSING.sub("AGE", line) for line in sent(opened, files)]


def alike(first: list[str], second: list[str]) -> None:
    """Fails with the place where two pages part."""
    for one, other in itertools.zip_longest(first, second, fillvalue="nothing"):
        if one != other:  # not an assert of pytest's, which would look for the smallest difference of two megabytes
            parted = (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
            at = next(parted, min(len(one), len(other)))
            here = slice(max(0, at - 80), at + 80)
            raise AssertionError(f"{one[:50]} … {one[here]!r} or {other[here]!r}")


# ---- the strong form


@pytest.mark.parametrize("page", routes.PAGES)
def test_a_page_is_the_same_whoever_is_a_poison(app: Open, store: Store, make_run: Any, page: str) -> None:
    told = TwoTruths(store, make_run())
    alike(*pages(app, told, page, run=told.run_id, **HIDDEN))
    assert set(told.rows[0]).isdisjoint(told.rows[1])


@pytest.mark.parametrize("page", ABOUT_A_RUN)
def test_a_link_that_asks_for_the_truth_is_not_heard(app: Open, told: TwoTruths, page: str) -> None:
    alike(*pages(app, told, page, run=told.run_id, **HIDDEN, **prying(told)))


@pytest.mark.parametrize("page", ["result", "spectral", "images", "report"])
def test_a_class_link_hides_it_though_the_switch_asks_for_it(app: Open, store: Store, make_run: Any, page: str) -> None:
    told = TwoTruths(store, make_run())
    alike(*pages(app, told, page, run=told.run_id, hide="truth", truth="true", **prying(told)))


def test_files_are_made_and_read(app: Open, store: Store, make_run: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        files = record_files(patch)
        shown(app, "report", files, run=make_run(), **HIDDEN)
    assert {name.rsplit(".")[-1] for name in files} == {"html", "csv"}


@pytest.mark.parametrize("page", ["result", "runs", "start"])
def test_files_that_tell_it_are_shut_and_come_with_the_truth(app: Open, make_run: Any, page: str) -> None:
    run_id = make_run()
    with pytest.MonkeyPatch.context() as patch:
        files = record_files(patch)
        page_hidden = app(page, run=run_id, **HIDDEN)
        assert not any(files.values())
        assert all(button.proto.disabled for button in page_hidden.get("download_button"))
        page_told = app(page, run=run_id)
        if page != "runs":  # where none is chosen yet
            assert files[f"poisonscope-{run_id}.zip"] and files[f"poisons-{run_id}.zip"]
            assert not any(button.proto.disabled for button in page_told.get("download_button"))


# ---- a leak is found


def _reordered(patch: pytest.MonkeyPatch) -> None:
    """Poisons come last, as they would where somebody draws them on top."""
    rows = cache.class_rows

    def sorted_by_truth(*args: Any) -> cache.ClassRows:
        found = rows(*args)
        order = found.poison.argsort(kind="stable")
        return cache.ClassRows(
            *(part if part is None else part[order] for part in vars(found).values())  # fields in their order
        )

    patch.setattr(cache, "class_rows", sorted_by_truth)


def _told_in(module: str) -> Callable[[pytest.MonkeyPatch], None]:
    """One part of the page believes that the truth may be shown."""
    shown = SimpleNamespace(truth=lambda: True, hidden=lambda: False, big=lambda: False)
    return lambda patch: patch.setattr(f"{module}.frame", shown)


def _in_the_address(patch: pytest.MonkeyPatch) -> None:
    draw = cache.all_rows

    def written(seen: RunView) -> cache.AllRows | None:
        found = draw(seen)
        assert found is not None
        st.query_params["first"] = str(int(found.poison.argmax()))
        return found

    patch.setattr(cache, "all_rows", written)


@pytest.mark.parametrize(
    ("page", "leak", "where"),
    [
        ("spectral", _reordered, "plotly_chart"),
        ("images", _told_in("app.views.images"), "html"),
        ("result", _told_in("app.components.actions"), "file poisons-"),
        ("result", _told_in("app.components.lens_controls"), "plotly_chart"),
        ("images", _in_the_address, "address"),
        ("report", _told_in("app.views.report"), "iframe"),
    ],
)
def test_a_leak_is_found(
    app: Open, store: Store, make_run: Any, page: str, leak: Callable[..., None], where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told = TwoTruths(store, make_run())
    leak(monkeypatch)
    with pytest.raises(AssertionError, match=f"^({where})"):
        alike(*pages(app, told, page, run=told.run_id, **HIDDEN))


# ---- lessons before their reveal, and the story


@pytest.fixture
def shipped(showcase: Callable[..., Any], store: Store) -> list[TwoTruths]:
    """The made-up runs that lessons and the story show, each to be told twice."""
    showcase()
    load(store)
    lesson_runs.clean_label(store)
    lesson_runs.robust(store)
    return [TwoTruths(store, run) for run in ("showcase-badnets", lesson_runs.EPIC, lesson_runs.ROBUST)]


def all_told(app: Open, runs: list[TwoTruths], judged: bool, page: str, **parameters: str) -> list[list[str]]:
    found = []
    for which in (0, 1):
        for run in runs:
            run.tell(which, judged=judged)
        st.cache_resource.clear()
        found.append(shown(app, page, {}, **parameters))
    return found


PICKED = {
    "class_wall": "some poisons among clean pictures, in no order: who looks for them has to find them there",
    "recipe": "pictures as they were before they became poisons; which rows they became is not said",
    "puzzle": "a poison beside its original: which of the two it is has to be guessed",
    "distances": "base images as they were before they became poisons",
}
"""Widgets whose pictures have to be chosen by the truth, and what of it that tells."""
PICTURE = re.compile(r"data:image/[^\"\\\\ ]+|[Rr]ow \d+")


@pytest.mark.parametrize("place", PLACES, ids=[place.key for place in PLACES])
def test_a_step_of_a_lesson_is_the_same_until_it_is_revealed(app: Open, shipped: list[TwoTruths], place: Place) -> None:
    one, other = all_told(app, shipped, True, "learn", lesson=str(place.lesson.number), step=str(place.number))
    if place.step.widget in PICKED:
        assert one != other
        one, other = ([PICTURE.sub("PICTURE", line) for line in lines] for lines in (one, other))
    alike(one, other)


@pytest.mark.parametrize("step", range(1, len(SLIDES) + 1))
def test_a_screen_of_the_story_is_the_same(app: Open, shipped: list[TwoTruths], step: int) -> None:
    # How many were caught belongs to the story: a count names nobody.
    alike(*all_told(app, shipped, False, "story", step=str(step), **HIDDEN))


def test_the_story_marks_nobody_while_the_truth_is_hidden(app: Open, shipped: list[TwoTruths]) -> None:
    for step, switch in (("3", "marked"), ("5", "odd")):
        hidden, told = app("story", step=step, **HIDDEN), app("story", step=step)
        assert hidden.toggle(key=switch).disabled and not told.toggle(key=switch).disabled
        told.toggle(key=switch).set_value(True).run()
        assert any("An altered picture" in line for line in sent(told))


# ---- the plain form, on the runs that ship


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A home folder with the shipped runs; the images of those that are looked at are drawn."""
    folder = tmp_path_factory.mktemp("shipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POISONSCOPE_SHOWCASE", str(root / "assets" / "showcase"))
        store = Store(folder)
        assert load(store) == []
        for run_id in REAL:
            draw._draw(store, store.run(run_id))
        store.close()
    return folder


REAL = ("showcase-badnets", "showcase-clean-label")
NAMED = re.compile(r"(is_)?(poisons?|covers?|truth|effective)( \([\d,]+\))?", re.I)
"""Names of a column or of a group in a legend."""


@pytest.fixture
def real(drawn: Path, app: Open, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens pages over the shipped runs."""
    monkeypatch.setenv("POISONSCOPE_HOME", str(drawn))
    monkeypatch.setattr("core.runs.worker.beside", lambda *rest: None)
    return app


def names_and_lists(content: Any) -> Iterator[str | list[Any]]:
    """Names of traces and columns, and every list of numbers, at any depth."""
    if isinstance(content, dict):
        for key, part in content.items():
            if isinstance(part, list):
                yield str(key)
            if key in ("name", "legendgroup", "text") and isinstance(part, str):
                yield part
            yield from names_and_lists(part)
    elif isinstance(content, list):
        if content and all(isinstance(part, int | float) for part in content):
            yield content
        for part in content:
            yield from names_and_lists(part)


@pytest.mark.parametrize("run_id", REAL)
@pytest.mark.parametrize("page", ABOUT_A_RUN)
def test_no_name_and_no_list_is_that_of_the_poisons(real: Open, drawn: Path, page: str, run_id: str) -> None:
    store = Store(drawn)
    poisons = RunView(store, store.run(run_id)).poison_rows
    assert poisons is not None and len(poisons) > 20
    rows = set(poisons.tolist())
    opened = real(page, run=run_id, **HIDDEN)
    assert not opened.exception
    for kind, content in elements(opened):
        for found in names_and_lists(content):
            if isinstance(found, str):
                assert not NAMED.fullmatch(found), f"{kind} has {found!r}"
            else:
                assert set(found) != rows, f"{kind} lists the poisons"
    store.close()


@pytest.mark.parametrize("run_id", REAL)
@pytest.mark.parametrize("page", ABOUT_A_RUN)
def test_a_shipped_run_is_the_same_whoever_is_a_poison(
    real: Open, drawn: Path, tmp_path: Path, page: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(drawn, tmp_path / "copy")
    monkeypatch.setenv("POISONSCOPE_HOME", str(tmp_path / "copy"))
    told = TwoTruths(Store(tmp_path / "copy"), run_id)
    alike(*pages(real, told, page, run=run_id, **HIDDEN, **prying(told)))
    told.store.close()
