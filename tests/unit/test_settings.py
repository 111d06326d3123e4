"""A form goes through a link and comes back the same; what is not legal is dropped with a sentence."""

import copy
from typing import Any

import pytest

from core import presets, settings
from core.errors import SpecError

Form = dict[str, Any]


@pytest.fixture(scope="module")
def base() -> Form:
    return settings.preset_form(presets.load(presets.DEFAULT).content)


def changed(base: Form, **parts: Any) -> Form:
    form = copy.deepcopy(base)
    for path, value in parts.items():
        place = form
        *folders, last = path.split("__")
        for folder in folders:
            place = place[0] if folder == "first" else place[folder]
        place[last] = value
    return settings.whole(form)


def test_the_preset_itself_needs_no_link(base: Form) -> None:
    assert settings.link(base, base) == {}


def test_only_what_differs_is_in_the_link(base: Form) -> None:
    form = changed(base, attack__poison_fraction=0.123, training__epochs=37, seed=7)
    assert settings.link(form, base) == {"attack.poison_fraction": "0.123", "training.epochs": "37", "seed": "7"}


@pytest.mark.parametrize(
    "parts",
    [
        {"attack__size": 15, "attack__colour": "#ff0000"},
        {"training__flip": False, "device": "cpu", "keys": 2},
        {"attack": {"name": "tran_trigger", "shape": "x"}},
        {"attack": None},
        {"defenses": []},
        {"defenses__first__assumed_count": 12, "defenses__first__multiplier": 2.0},
        {"data": {"name": "signs", "train": 500}},
    ],
)
def test_a_form_survives_its_link(base: Form, parts: dict[str, Any]) -> None:
    form = changed(base, **parts)
    assert settings.read(settings.link(form, base), base) == (form, [])


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"attack.poison_fraction": "2"}, "attack.poison_fraction=2"),
        ({"attack.poison_fraction": "NaN"}, "attack.poison_fraction"),
        ({"attack.nothing": "1"}, "attack.nothing"),
        ({"training.epochs": "many"}, "training.epochs=many"),
        ({"attack": "goodnets"}, "'goodnets'"),
        ({"defenses": "spectral_signatures,prayer"}, "'prayer'"),
        ({"attack.name": "tran_trigger"}, "attack.name"),
        ({"seed": "-1"}, "seed=-1"),
        ({"attack..": "1"}, "attack.."),
    ],
)
def test_what_is_not_legal_is_dropped_with_a_sentence(base: Form, parameters: dict[str, str], named: str) -> None:
    form, notes = settings.read({**parameters, "training.epochs": parameters.get("training.epochs", "44")}, base)
    assert len(notes) == 1 and named in notes[0]
    if "training.epochs" not in parameters:
        assert form["training"]["epochs"] == 44  # the rest of the link still counts


def test_settings_count_while_a_path_is_still_to_be_given(base: Form) -> None:
    form, notes = settings.read({"data": "folder", "attack.size": "15", "data.size": "99999"}, base)
    assert (form["data"]["path"], form["data"]["size"], form["attack"]["size"]) == ("", 32, 15)
    assert len(notes) == 1 and "data.size=99999" in notes[0]


def test_a_preset_may_wait_for_the_persons_own_data() -> None:
    form = settings.preset_form({"data": {"name": "folder", "size": 16}, "seed": 4})
    assert (form["data"]["path"], form["data"]["size"], form["seed"]) == ("", 16, 4)
    given, notes = settings.read({"data.path": "/images"}, form)
    assert given["data"]["path"] == "/images" and notes == []


def test_a_preset_that_is_wrong_elsewhere_says_so() -> None:
    with pytest.raises(SpecError, match="epochs"):
        settings.preset_form({"training": {"epochs": 0}})


def test_parameters_of_other_pages_are_left_alone(base: Form) -> None:
    assert settings.read({"run": "r-1", "truth": "false", "cls": "3"}, base) == (base, [])
    assert not settings.belongs_to_form("truth") and settings.belongs_to_form("attack.size")


@pytest.mark.parametrize("value", [3, 0.5, True, None, "plain words", "5", "true", [1, 2]])
def test_values_keep_their_type_in_a_link(value: Any) -> None:
    assert settings.decoded(settings.encoded(value)) == value


def test_the_command_line_says_only_what_differs(base: Form) -> None:
    form = changed(base, attack__size=17)
    words = settings.command(form, {presets.DEFAULT: base})
    assert words == ["python", "-m", "core", "run", presets.DEFAULT, "--set", "attack.size=17"]


def test_settings_of_a_defense_need_a_file(base: Form) -> None:
    assert settings.command(changed(base, defenses__first__multiplier=2.0), {presets.DEFAULT: base}) is None
