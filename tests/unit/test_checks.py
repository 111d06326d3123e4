"""Broken installations, played by modules that fail as the real ones do."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from core import checks


def machine(**modules: Any) -> Callable[[str], Any]:
    """An importer that knows `modules` only; a module that is an exception is raised."""

    def load(name: str) -> Any:
        module = modules.get(name, ModuleNotFoundError(f"No module named {name!r}", name=name))
        if isinstance(module, Exception):
            raise module
        return module

    return load


class FakeModule(ModuleType):
    __version__ = "9.9.9+cpu"


TORCH, VISION = FakeModule("torch"), FakeModule("torchvision")


def test_nothing_is_wrong_with_a_pair_that_can_be_imported() -> None:
    assert checks.torch_problem(machine(torch=TORCH, torchvision=VISION)) is None


@pytest.mark.parametrize("present, missing", [({}, "torch"), ({"torch": TORCH}, "torchvision")])
def test_a_missing_package_is_named_with_the_command_that_installs_it(present: dict[str, Any], missing: str) -> None:
    problem = checks.torch_problem(machine(**present))
    assert problem == f"The package {missing} is not installed: run `make setup`."


def test_two_builds_that_do_not_fit_are_one_sentence_with_the_mend() -> None:
    mismatch = RuntimeError("operator torchvision::nms does not exist")
    problem = checks.torch_problem(machine(torch=TORCH, torchvision=mismatch))
    assert problem is not None
    assert "torch 9.9.9+cpu" in problem and "do not fit" in problem and "make setup" in problem
    assert "nms" not in problem and "\n" not in problem


@pytest.mark.parametrize(
    "error", [OSError("libcudart.so:\n  cannot open shared object"), ImportError("undefined symbol: x")]
)
def test_a_library_that_does_not_load_says_what_the_loader_said_on_one_line(error: Exception) -> None:
    problem = checks.torch_problem(machine(torch=error, torchvision=VISION))
    assert problem is not None
    assert str(error).split()[-1] in problem and "make setup" in problem and "\n" not in problem


def test_errors_of_another_kind_are_not_hidden() -> None:
    with pytest.raises(KeyError):
        checks.torch_problem(machine(torch=SimpleNamespace(__version__="2"), torchvision=KeyError("a bug")))


def test_this_installation_is_well() -> None:
    assert checks.torch_problem() is None
    assert checks.python_problem() is None


def test_an_old_python_is_named() -> None:
    problem = checks.python_problem((3, 9, 2))
    assert problem is not None and "3.11" in problem and "3.9.2" in problem
    assert checks.python_problem((3, 11, 0)) is None
    assert checks.python_problem((4, 0, 0)) is None
