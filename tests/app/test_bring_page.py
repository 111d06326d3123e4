"""Bring your own: what comes is checked and shown, becomes a run, and is refused in one sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.datasets.base import ImageSet
from core.runs.store import Store
from tests.app.conftest import Open, text
from tests.brought import npz, zipped


@pytest.fixture
def pictures(make_images: Callable[..., ImageSet]) -> ImageSet:
    return make_images(classes=4, per_class=30)


def test_before_anything_is_brought_the_page_says_what_a_zip_looks_like(app: Open) -> None:
    page = app("bring")
    assert not page.exception
    assert "Nothing brought yet" in text(page) and "poisons.csv" in page.code[0].value
    assert [button.label for button in page.button] == [], "nothing to press yet"


def test_a_zip_is_shown_and_becomes_a_run(app: Open, store: Store, pictures: ImageSet) -> None:
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(pictures)).run()
    assert not page.exception
    assert "108 pictures in 4 classes to look at" in text(page) and "Nobody knows" in text(page)
    page.button(key="bring-run").click().run()
    run = store.runs()[0]
    assert run.spec["attack"]["name"] == "as_given" and run.spec["attack"]["truth"] == "unknown"
    assert run.spec["defenses"][0]["name"] == "screening" and run.spec["data"]["path"].startswith(str(store.home))
    assert "Is Brought: 108 rows, 4 classes poisoned?" in text(page), "the answer's page is where one waits"
