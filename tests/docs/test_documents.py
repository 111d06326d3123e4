"""The changelog, the licence and the code's own documentation are complete."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import core


def test_the_changelog_has_the_version(root: Path) -> None:
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([\d.]+)\] - (?:unreleased|\d{4}-\d\d-\d\d)$", changelog, flags=re.MULTILINE)
    assert versions[0] == core.__version__


def test_the_licence_is_mit(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licence = (root / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "MIT" and licence.startswith("MIT License\n")
    assert "Permission is hereby granted, free of charge" in licence and 'THE SOFTWARE IS PROVIDED "AS IS"' in licence


def undocumented(path: Path) -> Iterator[str]:
    """The module, and its public classes and functions, that say nothing about themselves."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body and not ast.get_docstring(tree):  # an empty __init__.py has nothing to say
        yield path.name
    for node in tree.body:
        public = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith(
            "_"
        )
        if public and not ast.get_docstring(node):
            yield f"{path.name}:{node.lineno} {node.name}"


def test_every_public_name_of_core_has_a_docstring(root: Path) -> None:
    silent = [name for path in sorted((root / "core").rglob("*.py")) for name in undocumented(path)]
    assert silent == []


def test_a_silent_function_is_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""Said."""\ndef heard():\n    """Said."""\ndef silent(): ...\ndef _private(): ...\n')
    assert list(undocumented(path)) == ["module.py:4 silent"]


def test_every_command_and_every_option_has_help() -> None:
    import typer

    from core.cli import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert len(commands) >= 8
    silent = [name for name, command in commands.items() if not command.help]
    silent += [
        f"{name} {parameter.name}"
        for name, command in commands.items()
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]
    assert silent == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_documents_spell_defense_as_the_code_does(root: Path, name: str) -> None:
    assert not re.search(r"\bdefence", (root / name).read_text(encoding="utf-8"), flags=re.IGNORECASE)
