"""Names are files: what is found, what is refused, and what is said then."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from core import registry
from core.errors import SpecError
from core.spec import Component

Write = Callable[..., None]


@pytest.fixture
def gadgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A kind of component of its own; call it with file names and their text."""
    package = ModuleType("core.gadgets")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "core.gadgets", package)
    monkeypatch.setattr(registry, "KINDS", (*registry.KINDS, "gadgets"))

    def write(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)

    yield write
    for name in [name for name in sys.modules if name.startswith("core.gadgets.")]:
        del sys.modules[name]
    registry.names.cache_clear()
    registry.load.cache_clear()


@pytest.fixture(autouse=True)
def fresh() -> None:
    registry.names.cache_clear()
    registry.load.cache_clear()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_name_is_a_file_with_one_component(kind: str, root: Path) -> None:
    names = registry.names(kind)
    assert names and list(names) == sorted(names)
    assert set(names) <= {path.stem for path in (root / "core" / kind).glob("*.py")} - {"__init__", "base"}
    for name in names:
        found = registry.load(kind, name)
        assert issubclass(found, Component) and found.__module__ == f"core.{kind}.{name}"


@pytest.mark.parametrize(
    "kind, name, words",
    [
        ("attacks", "badnet", ["'badnet'", "attacks", "legal are", "tran_trigger", "Did you mean 'badnets'?"]),
        ("defenses", "spectral_signature", ["spectral_signatures", "Did you mean 'spectral_signatures'?"]),
        ("models", "small_cnm", ["Did you mean 'small_cnn'?"]),
        ("datasets", "sings", ["Did you mean 'signs'?"]),
        ("attack", "badnets", ["'attack'", "datasets, models, attacks, defenses"]),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_one(kind: str, name: str, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        registry.load(kind, name)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("name", ["", "zzzzzzzz", "base", "stamping", "__init__", "../errors", "badnets.Badnets"])
def test_what_is_no_component_is_not_loaded(name: str) -> None:
    with pytest.raises(SpecError, match="There is no") as caught:
        registry.load("attacks", name)
    assert "Did you mean 'base'" not in str(caught.value)


def test_a_file_is_enough(gadgets: Write) -> None:
    gadgets(
        lamp="class Lamp:\n    title = 'Lamp'\n",
        base="COMPONENT = False\nraise_if_loaded = 1\n",
    )
    assert registry.names("gadgets") == ("lamp",)
    assert registry.load("gadgets", "lamp").__name__ == "Lamp"


def test_helpers_and_imported_components_do_not_count(gadgets: Write) -> None:
    gadgets(
        lamp="class Lamp:\n    title = 'Lamp'\n",
        torch_lamp=(
            "from core.gadgets.lamp import Lamp\n"
            "class Helper: pass\n"
            "class Colour(str): pass\n"  # a str has a method called title
            "class TorchLamp(Lamp):\n    title = 'Torch'\n"
        ),
    )
    assert registry.load("gadgets", "torch_lamp").__name__ == "TorchLamp"


@pytest.mark.parametrize("text, number", [("x = 1\n", 0), ("class A:\n  title='a'\nclass B:\n  title='b'\n", 2)])
def test_a_file_holds_exactly_one_component(gadgets: Write, text: str, number: int) -> None:
    gadgets(thing=text)
    with pytest.raises(SpecError, match=f"core.gadgets.thing must define exactly one component, not {number}"):
        registry.load("gadgets", "thing")
