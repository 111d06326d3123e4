"""The README says what is true: the two commands, the methods, the lines to type."""

import re
import shlex
from pathlib import Path

import pytest

from core import registry

KINDS = {"attack": "attacks", "defense": "defenses", "data set": "datasets", "model": "models"}


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {heading!r}"
    return found.group(1)


def test_the_quick_start_is_the_two_commands_word_for_word(readme: str) -> None:
    assert blocks(section(readme, "Quick start"), "sh") == ["make run\n", "make test\n"]


def test_the_two_commands_are_targets_of_the_makefile(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^run:", makefile, flags=re.MULTILINE) and re.search(r"^test:", makefile, flags=re.MULTILINE)


def test_the_table_of_methods_is_the_registries(readme: str) -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| `(\w+)` \| (.+?) \|$", section(readme, "Methods"), flags=re.MULTILINE)
    true = [
        (word, name, registry.load(kind, name).title)  # type: ignore[attr-defined]
        for word, kind in KINDS.items()
        for name in registry.names(kind)
    ]
    expected = "\n".join(f"| {word} | `{name}` | {title} |" for word, name, title in true)
    assert sorted(rows) == sorted(true), f"the table of methods should be\n{expected}"


def test_every_line_of_the_command_line_is_understood(readme: str) -> None:
    import typer

    from core.cli import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    lines = section(readme, "Ten lines of command line")
    typed = [shlex.split(line, comments=True) for line in blocks(lines, "sh")[0].splitlines()]
    assert len(typed) == 10
    for line in typed:
        assert line[:3] == [".venv/bin/python", "-m", "core"]
        command = commands[line[3]]
        command.make_context(line[3], line[4:])  # parses the rest, and raises where it is not legal


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_everything_that_a_document_points_to_is_there(root: Path, document: str) -> None:
    text = (root / document).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert [target for target in targets if not (root / target).exists()] == []


def test_the_papers_are_cited(readme: str) -> None:
    citing = section(readme, "Papers to cite")
    entries = re.findall(r"@\w+\{(\w+),.*?year\s+= \{(\d{4})\}", citing, flags=re.DOTALL)
    assert {(key[: -len(key.lstrip("abcdefghijklmnopqrstuvwxyz"))], year) for key, year in entries} == {
        ("tran", "2018"),
        ("yang", "2022"),
        ("geiping", "2021"),
    }
