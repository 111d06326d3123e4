"""The Lab: a form made from the specs, kept in the link, with a preview that follows."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import presets
from core.runs.store import Store
from tests.app.conftest import Open, experiment, text


def widget(page: AppTest, kind: str, path: str):
    found = [element for element in page.get(kind) if element.key and element.key.endswith(path)]
    assert len(found) == 1, f"{path}: {[element.key for element in page.get(kind)]}"
    return found[0]


def queued(page: AppTest, store: Store) -> dict:
    page.button(key="run").click().run()
    (run,) = store.runs()
    return run.spec


def told(page: AppTest) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in page.query_params.items()}


def test_it_opens_on_the_default_preset_with_preview_time_and_button(app: Open, store: Store) -> None:
    page = app("lab")
    assert not page.exception
    said = text(page)
    assert "ps-triple" in said and "labelled" in said and "to be read as" in said
    assert "4 models to train" in said
    assert told(page) == {"preset": "badnets-signs"}
    spec = queued(page, store)
    assert {**spec, "name": ""} == {**experiment().model_dump(mode="json"), "name": ""}


def test_a_link_restores_the_form(app: Open, store: Store) -> None:
    page = app("lab", **{"preset": "badnets-signs", "attack.poison_fraction": "0.4", "attack.size": "15", "seed": "3"})
    assert widget(page, "select_slider", "attack.badnets.poison_fraction").value == 0.4
    spec = queued(page, store)
    assert (spec["attack"]["poison_fraction"], spec["attack"]["size"], spec["seed"]) == (0.4, 15, 3)


def test_a_change_goes_into_the_link_and_back(app: Open) -> None:
    page = app("lab")
    widget(page, "slider", "attack.badnets.size").set_value(16)
    widget(page, "number_input", "training.epochs").set_value(33)
    page.run()
    link = told(page)
    assert link == {"preset": "badnets-signs", "attack.size": "16", "training.epochs": "33"}
    again = app("lab", **link)
    assert widget(again, "slider", "attack.badnets.size").value == 16
    assert widget(again, "number_input", "training.epochs").value == 33
    assert told(again) == link


def test_another_preset_replaces_the_form(app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(presets.FOLDER, tmp_path / "presets")
    small = '[preset]\ntitle = "Small"\nsummary = "Less of it."\n[attack]\nname = "badnets"\nsize = 13\n'
    (tmp_path / "presets" / "small.toml").write_text(small)
    monkeypatch.setattr(presets, "FOLDER", tmp_path / "presets")
    page = app("lab", **{"attack.size": "15"})
    page.selectbox[0].set_value("small").run()
    assert widget(page, "slider", "attack.badnets.size").value == 13
    assert told(page) == {"preset": "small"}


def test_the_preview_follows_the_sliders(app: Open) -> None:
    page = app("lab")
    before = text(page)
    widget(page, "slider", "attack.badnets.size").set_value(19).run()
    after = text(page)
    assert before.count("ps-triple") == after.count("ps-triple") and before != after


def test_another_attack_brings_its_own_settings(app: Open) -> None:
    page = app("lab")
    widget(page, "selectbox", "attack:name").set_value("tran_trigger").run()
    assert widget(page, "selectbox", "attack.tran_trigger.shape").value == "pixel"
    assert told(page)["attack"] == "tran_trigger"


def test_no_attack_and_no_defense_leave_the_baseline(app: Open, store: Store) -> None:
    page = app("lab", attack="none", defenses="none")
    assert "No attack chosen" in text(page) and "1 model to train" in text(page)
    spec = queued(page, store)
    assert spec["attack"] is None and spec["defenses"] == []


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"attack.poison_fraction": "7"}, "attack.poison_fraction=7"),
        ({"attack": "<b>x</b>"}, "among the attacks"),
        ({"preset": "../../etc/passwd"}, "There is no preset"),
        ({"training.epochs": "[1]"}, "training.epochs"),
    ],
)
def test_bad_values_in_a_link_are_dropped_with_a_note(app: Open, parameters: dict[str, str], named: str) -> None:
    page = app("lab", **parameters)
    assert not page.exception
    assert any(named in warning.value for warning in page.warning)
    assert told(page) == {"preset": "badnets-signs"}


def test_a_patch_that_does_not_fit_is_said_in_one_sentence(app: Open) -> None:
    page = app("lab", **{"attack.size": "60"})
    assert any("does not fit" in error.value for error in page.error)


def test_the_same_experiment_is_offered_instead_of_run_again(app: Open, store: Store, make_run) -> None:
    run_id = make_run("done")
    page = app("lab")
    assert "finished" in page.info[0].value
    assert all(button.key != "run" for button in page.button)
    page.button(key="same").click().run()
    assert run_id in page.query_params["run"] or page.query_params["run"] == run_id


def test_an_image_folder_needs_a_path_and_takes_a_zip(app: Open, store: Store) -> None:
    page = app("lab")
    widget(page, "selectbox", "data:name").set_value("folder").run()
    assert any("Choose a folder" in error.value for error in page.error)
    buffer = io.BytesIO()
    random = np.random.default_rng(0)
    with zipfile.ZipFile(buffer, "w") as archive:
        for part in ("train", "test"):
            for name in ("ant", "bee", "cow", "dog"):
                for i in range(5):
                    picture = io.BytesIO()
                    Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(picture, "PNG")
                    archive.writestr(f"mine/{part}/{name}/{i}.png", picture.getvalue())
    page.file_uploader[0].upload("mine.zip", buffer.getvalue()).run()
    assert not page.exception
    assert [error.value for error in page.error] == []
    assert "ant" in text(page)
    path = widget(page, "text_input", "data.folder.path").value
    assert path.startswith(str(store.home / "uploads"))


def test_a_zip_that_is_none_is_refused_in_one_sentence(app: Open) -> None:
    page = app("lab")
    widget(page, "selectbox", "data:name").set_value("folder").run()
    page.file_uploader[0].upload("mine.zip", b"this is no zip").run()
    assert not page.exception
    assert any("zip" in error.value for error in page.error)


def test_nothing_is_downloaded_for_a_preview(app: Open) -> None:
    page = app("lab")
    widget(page, "selectbox", "data:name").set_value("torchvision_set").run()
    assert not page.exception
    assert "No preview yet" in text(page)
