"""Broken installations, played by modules that fail as the real ones do."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from core import checks


class FakeTorch(ModuleType):
    __version__ = "9.9.9+cpu"


def missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def problem(torch: Exception | None = None, torchvision: Exception | None = None) -> str | None:
    """What is said of a machine on which these are raised."""

    def load(name: str) -> ModuleType:
        assert name == "torch"
        if torch:
            raise torch
        return FakeTorch("torch")

    def link() -> None:
        if torchvision:
            raise torchvision

    return checks.torch_problem(load, link)


def test_nothing_is_wrong_with_a_pair_that_can_be_loaded() -> None:
    assert problem() is None


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(name: str) -> None:
    assert problem(**{name: missing(name)}) == f"The package {name} is not installed: run `make setup`."


def test_two_builds_that_do_not_fit_are_one_sentence_with_the_mend() -> None:
    said = problem(torchvision=OSError("_C.so: undefined symbol: _ZN3c10\n"))
    assert said is not None
    assert "torch 9.9.9+cpu" in said and "do not fit" in said and "make setup" in said
    assert "symbol" not in said and "\n" not in said


@pytest.mark.parametrize(
    "error", [OSError("libcudart.so:\n  cannot open shared object"), ImportError("undefined symbol: x")]
)
def test_a_library_that_does_not_load_says_what_the_loader_said_on_one_line(error: Exception) -> None:
    said = problem(torch=error)
    assert said is not None
    assert str(error).split()[-1] in said and "make setup" in said and "\n" not in said


def test_errors_of_another_kind_are_not_hidden() -> None:
    with pytest.raises(KeyError):
        problem(torchvision=KeyError("a bug"))


def test_a_library_of_another_build_does_not_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('it is not imported')")
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    checks.link_torchvision()
    (package / "_C.so").write_bytes(b"no library")
    with pytest.raises(OSError, match="_C.so"):
        checks.link_torchvision()


def test_this_installation_is_well() -> None:
    assert checks.torch_problem() is None
    assert checks.python_problem() is None


def test_an_old_python_is_named() -> None:
    problem = checks.python_problem((3, 9, 2))
    assert problem is not None and "3.11" in problem and "3.9.2" in problem
    assert checks.python_problem((3, 11, 0)) is None
    assert checks.python_problem((4, 0, 0)) is None
