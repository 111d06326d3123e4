"""Bring your own: what comes is checked and shown, becomes a run, and is refused in one sentence."""

from collections.abc import Callable
from dataclasses import replace
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


def alone() -> bytes:
    """A zip of one class."""
    data = ImageSet(np.zeros((4, 3, 8, 8), np.uint8), np.zeros(4, np.int64), ("ant",), np.arange(4))
    return zipped(data)


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


def test_pressing_once_more_leads_to_the_same_run(app: Open, store: Store, pictures: ImageSet) -> None:
    content = zipped(pictures)  # once: a zip tells the second that it was made in
    for button in ("bring-run", "bring-same"):
        page = app("bring")
        page.file_uploader(key="bring-zip").upload("mine.zip", content).run()
        page.button(key=button).click().run()
        assert not page.exception
    assert len(store.runs()) == 1


def test_listed_poisons_may_be_left_out(app: Open, store: Store, pictures: ImageSet) -> None:
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(pictures, [2, 7, 9])).run()
    assert "3 of all rows are listed as poisons" in text(page)
    page.toggle(key="bring-blind").set_value(True).run()
    page.text_input(key="bring-name").set_value("Blind").run()
    page.button(key="bring-run").click().run()
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(pictures, [2, 7, 9])).run()
    page.button(key="bring-run").click().run()
    told, blind = store.runs()
    assert (blind.name, blind.spec["attack"]["truth"], blind.spec["attack"]["poisons"]) == ("Blind", "unknown", "")
    assert told.spec["attack"]["truth"] == "listed" and told.spec["attack"]["poisons"]


def test_a_list_can_be_typed(app: Open, pictures: ImageSet) -> None:
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(pictures)).run()
    page.text_area(key="bring-truth").set_value("0.png\n5.png").run()
    assert "2 of all rows are listed as poisons" in text(page)
    page.text_area(key="bring-truth").set_value("nobody.png").run()
    assert not page.exception and "names 'nobody.png', and there is no such image" in page.error[0].value


def test_the_lab_takes_the_same_pictures(app: Open, store: Store, pictures: ImageSet) -> None:
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(pictures)).run()
    page.button(key="bring-lab").click().run()
    assert not page.exception and page.title[0].value == "Lab"
    assert page.query_params["data"] == "folder"
    assert page.query_params["data.path"].startswith(str(store.home / "uploads"))


def test_features_become_a_run_without_a_network_of_ones_choice(app: Open, store: Store) -> None:
    page = app("bring", bring="Features")
    assert "numpy.savez" in page.code[0].value and not page.selectbox
    content = npz(features=np.random.default_rng(0).normal(size=(60, 8)), labels=np.arange(60) % 3)
    page.file_uploader(key="bring-npz").upload("f.npz", content).run()
    assert "54 rows of features in 3 classes to look at" in text(page)
    page.button(key="bring-run").click().run()
    assert not page.exception
    run = store.runs()[0]
    assert (run.spec["data"]["name"], run.spec["model"]["name"]) == ("feature_file", "linear")


def test_a_network_is_waited_for_and_then_looked_at(app: Open, store: Store, pictures: ImageSet) -> None:
    from safetensors.torch import save

    from core import registry
    from core.train.loop import build

    page = app("bring", bring="Pictures and a network")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(pictures)).run()
    assert page.button(key="bring-run").disabled and "Waiting for the weights" in text(page)
    page.file_uploader(key="bring-weights").upload("w.safetensors", b"nonsense").run()
    assert "no safetensors file" in page.error[0].value and page.button(key="bring-run").disabled
    large = replace(pictures, images=np.zeros((len(pictures), 3, 32, 32), np.uint8))  # the side that is offered
    net = build(registry.load("models", "small_cnn")(), large, 0, "cpu")
    weights = {name: each.contiguous() for name, each in net.state_dict().items()}
    page.file_uploader(key="bring-weights").upload("w.safetensors", save(weights)).run()
    assert not page.error
    page.button(key="bring-run").click().run()
    assert not page.exception and Path(store.runs()[0].spec["attack"]["weights"]).parent == store.home / "uploads"


@pytest.mark.parametrize(
    "content, words", [(b"no zip", "is no zip that can be read"), (alone(), "gives only the class")]
)
def test_what_is_refused_says_why_and_leaves_nothing(content: bytes, words: str, app: Open, store: Store) -> None:
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", content).run()
    assert not page.exception and words in page.error[0].value and "Nothing brought yet" in text(page)
    assert list((store.home / "uploads").iterdir()) == [] and not store.runs()


def test_a_class_with_a_hostile_name_is_only_text(app: Open, make_images: Callable[..., ImageSet]) -> None:
    data = make_images(classes=2, per_class=10)
    named = ImageSet(data.images, data.labels, ("<b>bold<script>", "plain"), data.indices)
    page = app("bring")
    page.file_uploader(key="bring-zip").upload("mine.zip", zipped(named)).run()
    assert not page.exception and "<script>" not in text(page) and "&lt;b&gt;bold&lt;script&gt;" in text(page)


def test_a_link_brings_no_path(app: Open, store: Store) -> None:
    page = app("bring", bring="Nonsense", path="/etc", zip="/etc/passwd")
    assert not page.exception and "Nothing brought yet" in text(page) and not (store.home / "uploads").exists()
