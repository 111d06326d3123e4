"""The guide's five steps, followed word for word in a copy of the project."""

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Step:
    """One numbered step: its words and its code blocks as (language, text)."""

    text: str
    blocks: list[tuple[str, str]]


def steps(guide: str, heading: str) -> list[Step]:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## )", guide, flags=re.MULTILINE | re.DOTALL)
    assert found, f"the guide has no section {heading!r}"
    numbers = re.findall(r"^(\d)\. ", found.group(1), flags=re.MULTILINE)
    assert numbers == list("12345")
    parts = re.split(r"^\d\. ", found.group(1), flags=re.MULTILINE)[1:]
    fence = re.compile(r"^   ```(\w+)\n(.*?)^   ```", flags=re.MULTILINE | re.DOTALL)
    return [Step(part, [(lang, textwrap.dedent(code)) for lang, code in fence.findall(part)]) for part in parts]


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of what the steps touch."""
    target = tmp_path / "copy"
    for folder in ("core", "tests", "assets"):
        shutil.copytree(root / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml", "LICENSE"):
        shutil.copy(root / name, target)
    return target


def run(copy: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def follow(copy: Path, step: Step) -> str:
    """Do what a step shows: write its files, type its commands, insert its lines. Returns what the commands printed."""
    printed = ""
    for language, code in step.blocks:
        if language == "python":
            path = copy / code.splitlines()[0].removeprefix("# ")
            assert not path.exists(), f"the guide's example {path.name} is there already"
            path.write_text(code, encoding="utf-8")
        elif language == "sh":
            for line in code.splitlines():
                command = shlex.split(line)
                assert command[0] == ".venv/bin/python"
                printed += run(copy, sys.executable, *command[1:])
        elif "README.md" in step.text:
            insert(copy / "README.md", re.compile(rf"^{re.escape(code.split('`')[0])}.*\n", flags=re.MULTILINE), code)
        else:
            insert(copy / "CHANGELOG.md", re.compile(r"^### Added\n\n", flags=re.MULTILINE), code)
    return printed


def insert(path: Path, after: re.Pattern[str], line: str) -> None:
    text = path.read_text(encoding="utf-8")
    place = after.search(text)
    assert place, f"{path.name} has no place for {line!r}"
    path.write_text(text[: place.end()] + line + text[place.end() :], encoding="utf-8")


@pytest.mark.parametrize("kind, name", [("attack", "corner_dot"), ("defense", "class_distance")])
def test_a_new_method_in_five_steps(root: Path, copy: Path, kind: str, name: str) -> None:
    guide = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    article = "an" if kind == "attack" else "a"
    write, see, test, readme, changelog = steps(guide, f"Add {article} {kind} in five steps")

    follow(copy, write)
    assert name in follow(copy, see)
    assert "passed" in follow(copy, test)
    follow(copy, readme)
    follow(copy, changelog)

    # What step 5 ends with, `make test`, in the parts that see the new files.
    files = [f"core/{kind}s/{name}.py", f"tests/unit/test_{name}.py"]
    run(copy, sys.executable, "-m", "ruff", "check", *files)
    run(copy, sys.executable, "-m", "ruff", "format", "--check", *files)
    table = "tests/docs/test_readme.py::test_the_table_of_methods_is_the_registries"
    assert "1 passed" in run(copy, sys.executable, "-m", "pytest", table)
    chosen = {"attack": name} if kind == "attack" else {"defenses": [name]}
    code = f"from core.spec import parse; e = parse({chosen}); print(parse(e.model_dump(mode='json')) == e)"
    assert run(copy, sys.executable, "-c", code).strip() == "True"
