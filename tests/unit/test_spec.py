"""Experiments are checked, normalised and hashed; what is wrong is said in one sentence."""

import json
from pathlib import Path

import pytest

from core import presets, spec
from core.errors import SpecError
from core.spec import Experiment


def test_names_become_components_with_all_their_settings() -> None:
    experiment = spec.parse({"attack": "badnets", "defenses": "[spectral_signatures]"})
    dump = experiment.model_dump(mode="json")
    assert dump["attack"]["name"] == "badnets" and dump["attack"]["opacity"] == 1.0
    assert [defense["name"] for defense in dump["defenses"]] == ["spectral_signatures"]
    assert spec.parse(json.loads(json.dumps(dump))) == experiment


def test_an_experiment_cannot_be_changed() -> None:
    with pytest.raises(ValueError):
        spec.parse({}).seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "content, words",
    [
        ({"attack": "badnet"}, ["badnet", "badnets", "tran_trigger", "Did you mean"]),
        ({"attack": {"name": "badnets", "poison_fraction": 7}}, ["poison_fraction", "0.5", "7"]),
        ({"attack": {"name": "badnets", "colour": "red"}}, ["colour", "red"]),
        ({"attack": 5}, ["5", "attacks", "badnets"]),
        ({"training": {"epochs": 0}}, ["training.epochs", "1", "0"]),
        ({"training": {"epoch": 3}}, ["training.epoch", "no such setting"]),
        ({"defenses": ["spectral_signatures", "spectral_signatures"]}, ["spectral_signatures", "once"]),
        ({"device": "tpu"}, ["device", "tpu", "cpu"]),
        ({"model": None}, ["model"]),
    ],
)
def test_what_is_wrong_is_one_sentence(content: dict[str, object], words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        spec.parse(content)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_the_hash_is_of_what_is_computed() -> None:
    base = spec.parse({"name": "a", "device": "auto"})
    assert base.hash() == spec.parse({"name": "b", "device": "cpu"}).hash()
    assert base.hash() != spec.parse({"seed": 1}).hash()
    assert base.hash() == spec.parse(json.loads(base.model_dump_json())).hash()


def test_assignments_reach_into_tables() -> None:
    content = {"attack": "badnets", "training": {"epochs": 3}}
    result = spec.changed(content, ["attack.size=5", "training.epochs=9", "seed=2", "data=digits", "model.width=8"])
    assert result["attack"] == {"name": "badnets", "size": 5}
    assert result["training"]["epochs"] == 9 and result["seed"] == 2 and result["data"] == "digits"
    assert content == {"attack": "badnets", "training": {"epochs": 3}}


@pytest.mark.parametrize("assignment", ["seed", "=3", "seed.deeper=1"])
def test_assignments_that_mean_nothing_are_refused(assignment: str) -> None:
    with pytest.raises(SpecError, match=assignment.split("=")[0].split(".")[0] or "="):
        spec.changed({"seed": 1}, [assignment])


@pytest.mark.parametrize("text", ["epochs = ", '["a list"]', None])
def test_unreadable_files_are_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / ("x.json" if text and text.startswith("[") else "x.toml")
    if text is not None:
        path.write_text(text)
    with pytest.raises(SpecError, match="x."):
        spec.read(path)


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_an_experiment(name: str, tmp_path: Path) -> None:
    preset = presets.load(name)
    assert preset.title and preset.summary
    content = spec.changed(preset.content, [f"{path}={tmp_path}" for path in preset.needs])
    assert isinstance(spec.parse(content), Experiment)


def test_an_unknown_preset_names_the_legal_ones() -> None:
    with pytest.raises(SpecError, match="badnets-signs"):
        presets.load("../secrets")
