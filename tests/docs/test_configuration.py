"""Configuration files that no other test would notice when they go wrong."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

# Distributions whose module has another name.
MODULES = {"scikit-learn": "sklearn", "umap-learn": "umap", "pillow": "PIL", "SQLAlchemy": "sqlalchemy"}


def requirements(path: Path) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def imported(folder: Path) -> set[str]:
    """Top-level modules that the Python files below a folder import."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def test_no_dependency_without_a_use(root: Path) -> None:
    used = imported(root / "core") | imported(root / "app")
    listed = {requirement.name for requirement in requirements(root / "requirements.txt")}
    # Opacus is imported by name, when a training needs it.
    assert {name for name in listed if MODULES.get(name, name) not in used} <= {"opacus"}


def test_no_use_without_a_dependency(root: Path) -> None:
    listed = {MODULES.get(item.name, item.name) for item in requirements(root / "requirements.txt")}
    used = imported(root / "core") | imported(root / "app")
    assert used - listed - set(sys.stdlib_module_names) == {"core", "app"}


def test_the_last_requirement_is_the_project_itself(root: Path) -> None:
    assert (root / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1] == "-e ."


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_what_was_tested_is_pinned_and_within_its_range(root: Path, name: str) -> None:
    pins = {re.sub("[-_.]+", "-", pin.name).lower(): pin.specifier for pin in requirements(root / "constraints.txt")}
    for requirement in requirements(root / name):
        (pin,) = pins[requirement.name.lower()]
        assert pin.operator == "==" and requirement.specifier.contains(pin.version), requirement.name


def test_constraints_leave_the_cuda_packages_to_torch(root: Path) -> None:
    names = [pin.name for pin in requirements(root / "constraints.txt")]
    assert "torch" in names and not [name for name in names if re.match("nvidia|cuda|triton", name)]


@pytest.fixture
def streamlit(root: Path) -> dict[str, dict]:
    return tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_both_themes_name_ten_different_chart_colours(streamlit: dict[str, dict]) -> None:
    for theme in (streamlit["theme"], streamlit["theme"]["dark"]):
        assert len(set(theme["chartCategoricalColors"])) == len(theme["chartCategoricalColors"]) == 10


def test_the_dashboard_answers_this_machine_and_asks_no_other(streamlit: dict[str, dict]) -> None:
    assert streamlit["server"]["address"] == "127.0.0.1"
    assert set(streamlit["server"]["allowedHosts"]) == {"localhost", "127.0.0.1", "::1"}
    assert streamlit["browser"]["gatherUsageStats"] is False
    assert streamlit["client"]["showErrorDetails"] == "none" and streamlit["client"]["showErrorLinks"] is False


def test_the_image_holds_what_it_copies(root: Path) -> None:
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    needed = {"app", "core", "assets", ".streamlit", "requirements.txt", "constraints.txt", "pyproject.toml"}
    assert not needed & set(ignored)
    assert all((root / name).exists() for name in needed)
