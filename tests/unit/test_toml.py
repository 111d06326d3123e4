"""What is written as TOML is read back as it was."""

import tomllib
from typing import Any

import pytest

from core import presets, settings, toml
from core.spec import parse


@pytest.mark.parametrize(
    "content",
    [
        {"seed": 3, "rate": 1e-05, "on": True, "words": 'a "b"\\ \n\t\x7f ☂ 😀', "empty": [], "many": [1, 2.5, "x"]},
        {"last": {"of": {"all": 1}}, "first": 2},
        {"defenses": [{"name": "a", "inner": {"x": 1}}, {"name": "b"}], "odd key": {"with.dot": 1}},
    ],
)
def test_a_mapping_comes_back(content: dict[str, Any]) -> None:
    assert tomllib.loads(toml.text(content)) == content


def test_the_text_is_what_a_person_would_write() -> None:
    content = {"attack": {"name": "badnets", "source": None}, "seed": 1, "defenses": [{"name": "epic"}]}
    assert toml.text(content) == 'seed = 1\n\n[attack]\nname = "badnets"\n\n[[defenses]]\nname = "epic"\n'


def test_what_toml_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="TOML cannot hold a set"):
        toml.text({"a": {1}})


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_survives(name: str) -> None:
    form = settings.preset_form(presets.load(name).content)
    form["data"] = {**form["data"], **{key: "/images" for key, value in form["data"].items() if value == ""}}
    assert settings.whole(tomllib.loads(settings.as_toml(form))) == settings.whole(form)


def test_no_attack_survives() -> None:
    form = settings.whole({"attack": None})
    assert 'attack = "none"' in settings.as_toml(form)
    assert parse(tomllib.loads(settings.as_toml(form))).attack is None
