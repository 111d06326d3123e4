"""The Lab: a form made from the specs, kept in the link, with a preview that follows."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.components import lab_attack
from app.components.images import png
from core import presets, registry
from core.attacks.base import Tools
from core.attacks.targeted import Targeted
from core.datasets.base import ImageSet
from core.runs.artifacts import save
from core.runs.store import Store
from core.steps import plan
from tests.app.conftest import Open, experiment, shown, text


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


def test_a_network_on_which_published_results_break_says_so(app: Open) -> None:
    page = app("lab")
    assert not any("24.88 %" in note.value for note in page.info)
    widget(page, "selectbox", "model:name").set_value("resnet9_fast").run()
    assert any("24.88 %" in note.value and "expected to carry over" in note.value for note in page.info)


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
    assert any(named in note for note in shown(page.warning))
    assert told(page) == {"preset": "badnets-signs"}


def test_another_data_set_brings_its_own_class_names_at_once(app: Open) -> None:
    page = app("lab")
    widget(page, "selectbox", "data:name").set_value("digits").run()
    assert "7: 7" in [option[:4] for option in widget(page, "selectbox", "badnets.target_class").options]


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


# ---- attacks on one image, scenarios, keys and victims


def labels(page: AppTest) -> list[str]:
    return [element.label for kind in ("selectbox", "slider", "number_input", "radio") for element in page.get(kind)]


def test_attacks_are_offered_by_family_and_then_by_title(app: Open) -> None:
    names = widget(app("lab"), "selectbox", "attack:name").options
    families = [registry.load("attacks", name).family for name in lab_attack.ordered()]  # type: ignore[attr-defined]
    assert names[:3] == ["No attack", "Adaptive blend", "BadNets patch"]
    assert families == sorted(families, key=list(lab_attack.FAMILIES).index)
    assert len(names) == 1 + len(families) and names[-2:] == ["Imported poisons", "As given"]


def test_a_targeted_attack_shows_its_key_and_crafts_nothing(app: Open) -> None:
    page = app("lab", attack="gradient_matching")
    assert not page.exception
    said = text(page)
    assert "The test image that is to be misread" in said and "to be read as" in said
    assert "60 training images like these will be changed" in said  # 1 % of 6,000 that nobody has read yet
    assert "no pixel moves by more than 16 of 255" in said and "These are examples" in said
    assert "5 models to train" in said  # the default preset's four, and a surrogate


def test_images_that_a_run_has_read_give_the_very_key_of_the_run(app: Open, store: Store) -> None:
    asked = experiment(attack={"name": "gradient_matching", "poison_fraction": 0.1}, seed=5)
    step = next(step for step in plan(asked) if step.kind == "data")
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8), np.arange(40) % 4
    parts = {"images": images, "labels": labels, "indices": np.arange(40)}
    arrays = {f"{part}_{name}": array for part in ("train", "test") for name, array in parts.items()}
    with store.artifacts.write(step.key) as folder:
        save(folder, {"class_names": ["ant", "bee", "cow", "<b>dog"], "flip": False, "notes": []}, **arrays)
    data = ImageSet(images, labels, ("ant", "bee", "cow", "<b>dog"), np.arange(40))
    assert isinstance(asked.attack, Targeted)
    key = asked.attack.key(data, Tools(seed=5, test=data))
    page = app("lab", attack="gradient_matching", seed="5", **{"attack.poison_fraction": "0.1"})
    said = text(page)
    assert png(images[key.target]) in said and all(png(images[row]) in said for row in key.rows)
    assert "The training images that will be changed" in said and "These are examples" not in said


def test_a_class_that_is_drawn_says_so_and_can_be_chosen(app: Open, store: Store) -> None:
    page = app("lab", attack="gradient_matching")
    box = widget(page, "selectbox", "gradient_matching.target_class")
    assert box.options[0] == "drawn for every key" and box.value == -1
    box.set_value(2).run()
    assert told(page)["attack.target_class"] == "2"
    assert queued(page, store)["attack"]["target_class"] == 2


def test_fields_of_an_attack_on_one_image_stand_in_groups(app: Open) -> None:
    page = app("lab", attack="gradient_matching")
    said = text(page)
    for title in ("What the attacker knows", "How the poisons are crafted"):
        assert f"**{title}**" in said
    assert "Epsilon (/255)" in labels(page) and "Surrogate networks" in labels(page)
    assert "Kind of surrogate" not in labels(page)  # it matters to a black box only
    widget(page, "selectbox", "gradient_matching.knowledge").set_value("black_box").run()
    assert "Kind of surrogate" in labels(page)


def test_an_attack_without_surrogates_asks_for_none(app: Open) -> None:
    page = app("lab", attack="watermark")
    assert not page.exception
    assert "Surrogate networks" not in labels(page) and "What the attacker knows" not in text(page)


def test_what_does_not_go_together_is_said_where_it_was_chosen(app: Open, store: Store) -> None:
    page = app("lab", attack="gradient_matching")
    widget(page, "selectbox", "gradient_matching.knowledge").set_value("white_box").run()
    clashes = shown(page.error)
    assert len(clashes) == 3  # at the attack, at the scenario and beside the button
    assert all("white_box" in sentence for sentence in clashes)
    assert widget(page, "selectbox", "gradient_matching.target_class").options[0] == "drawn for every key"
    widget(page, "radio", "scenario").set_value("transfer").run()
    assert [error.value for error in page.error] == []
    spec = queued(page, store)
    assert (spec["scenario"], spec["attack"]["knowledge"]) == ("transfer", "white_box")


def test_a_defense_poisons_a_part_of_a_batch_and_pretrains_on_nothing(app: Open) -> None:
    page = app("lab", preset="robust-signs")
    assert widget(page, "select_slider", "adversarial_poisoning.part").label == "Part of each batch (%)"


def test_pretraining_is_asked_for_only_where_something_is_pretrained(app: Open, store: Store) -> None:
    page = app("lab")
    assert "Pretrained on" not in labels(page)
    widget(page, "radio", "scenario").set_value("fine_tune").run()
    assert "Pretrained on" in labels(page)
    assert widget(page, "select_slider", "pretraining.part").label == "Part to pretrain on (%)"
    widget(page, "select_slider", "pretraining.part").set_value(0.25)
    widget(page, "number_input", "pretraining.training.epochs").set_value(3)
    page.run()
    assert told(page) == {
        "preset": "badnets-signs",
        "scenario": "fine_tune",
        "pretraining.part": "0.25",
        "pretraining.training.epochs": "3",
    }
    assert "1 % = 45 of 4,500 images" in widget(page, "select_slider", "attack.badnets.poison_fraction").proto.options
    spec = queued(page, store)
    assert (spec["pretraining"]["part"], spec["pretraining"]["training"]["epochs"]) == (0.25, 3)


def test_the_network_that_arms_start_from_can_be_defended_too(app: Open, store: Store) -> None:
    page = app("lab", scenario="transfer")
    widget(page, "selectbox", "pretraining.defended").set_value("also").run()
    link = told(page)
    assert link["pretraining.defended"] == "also"
    again = app("lab", **link)
    assert widget(again, "selectbox", "pretraining.defended").value == "also"
    assert queued(again, store)["pretraining"]["defended"] == "also"


def test_other_images_to_pretrain_on_have_their_own_settings(app: Open, store: Store) -> None:
    page = app("lab", scenario="transfer")
    widget(page, "selectbox", "pretraining.data:name").set_value("digits").run()
    assert all(element.key is None or not element.key.endswith("pretraining.part") for element in page.select_slider)
    link = told(page)
    assert link["pretraining.data"].startswith('{"name":"digits"')
    again = app("lab", **link)
    assert widget(again, "selectbox", "pretraining.data:name").value == "digits"
    assert queued(again, store)["pretraining"]["data"]["name"] == "digits"


def test_from_scratch_forgotten_pretraining_makes_no_other_experiment(app: Open, make_run) -> None:
    make_run("done")
    page = app("lab", **{"pretraining.part": "0.25"})
    assert "finished" in page.info[0].value


def test_keys_and_victims_are_typed_and_counted(app: Open, store: Store) -> None:
    page = app("lab", attack="gradient_matching")
    widget(page, "number_input", "form:1.keys").set_value(10)
    widget(page, "number_input", "form:1.victims").set_value(2)
    page.run()
    assert "10 keys × 2 victims: success is counted over 20 trials." in text(page)
    spec = queued(page, store)
    assert (spec["keys"], spec["victims"]) == (10, 2)


def test_few_trials_are_called_few_and_triggers_are_counted_otherwise(app: Open) -> None:
    assert "1 key × 1 victim: success is counted over 1 trial. Below 20 it says little." in text(
        app("lab", attack="gradient_matching")
    )
    assert "1 key × 2 victims: 2 models per arm" in text(app("lab", victims="2"))


def test_without_an_attack_there_are_no_keys(app: Open) -> None:
    page = app("lab", attack="none")
    assert "Keys (draws)" not in labels(page) and "Victims (models)" in labels(page)


def test_flipped_labels_are_shown_as_labels(app: Open) -> None:
    page = app("lab", attack="label_flip")
    assert not page.exception
    said = text(page)
    assert "Target class" not in labels(page)  # it matters to one mode only
    widget(page, "selectbox", "label_flip.mode").set_value("fixed").run()
    assert "Target class" in labels(page)
    assert "Training images and their new labels" in said and "ps-triple" not in said.split("</style>")[-1]


def test_imported_poisons_wait_for_their_path(app: Open) -> None:
    page = app("lab")
    widget(page, "selectbox", "attack:name").set_value("imported").run()
    assert not page.exception
    assert any("Still to be given" in error.value for error in page.error)
    assert page.button[-1].disabled or any("path" in error.value for error in page.error)


def test_a_drawn_trigger_comes_with_a_link_and_stays_in_the_form(app: Open) -> None:
    drawn = "drawn:ff0000------.------0000ff"
    page = app("lab", **{"preset": "badnets-signs", "attack.pattern": drawn})
    assert not page.exception
    (box,) = [one for one in page.selectbox if one.label == "Pattern"]
    assert box.value == drawn and "drawing, 2 × 2" in box.options
    assert page.query_params["attack.pattern"] == drawn
    box.set_value("checker").run()
    assert page.query_params["attack.pattern"] == "checker" and not page.exception
