"""The Makefile's promises, with a Python that only writes down what it is asked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FAKE_PYTHON = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  -V) echo "Python 3.11.7" ;;
  *"pip"*" install "*) exit "${PIP_EXIT:-0}" ;;
  *"playwright install"*) [ -n "$OFFLINE" ] && exit 1; touch browser ;;
  tests/chromium.py) test -e browser ;;
esac
"""


class Project:
    """A folder with the Makefile, its requirements, and a .venv whose python is a script."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        for name in ("Makefile", "requirements.txt", "requirements-test.txt", "constraints.txt"):
            shutil.copy(root / name, folder)
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(FAKE_PYTHON)
        python.chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("MAKE") and key not in ("HOST", "PORT")
        }
        variables = {**inherited, "CALLS": str(self.calls), **environment}
        self.calls.write_text("")
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def installed(self) -> list[str]:
        """The requirement files that pip was last asked to install."""
        lines = [line.split() for line in self.calls.read_text().splitlines() if " install " in line]
        return [line[line.index("-r") + 1] for line in lines]

    def last_call(self) -> list[str]:
        return self.calls.read_text().splitlines()[-1].split()


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Project:
    return Project(root, tmp_path)


def test_what_is_installed_is_not_installed_again(project: Project) -> None:
    assert project.make("setup").returncode == 0
    assert project.installed() == ["requirements.txt"]
    for name in ("requirements.txt", "constraints.txt"):
        (project.folder / name).touch()  # a fresh clone or a checkout makes files newer, not different
    again = project.make("setup")
    assert again.returncode == 0 and project.installed() == []
    assert "Poisonscope: installed." in again.stdout


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_changed_requirements_are_installed(project: Project, name: str) -> None:
    project.make("setup")
    with (project.folder / name).open("a") as file:
        file.write("# changed\n")
    project.make("setup")
    assert project.installed() == ["requirements.txt"]


def test_a_failed_installation_is_said_and_done_again(project: Project) -> None:
    project.make("setup")
    (project.folder / "constraints.txt").write_text("")
    failed = project.make("setup", PIP_EXIT="1")
    assert failed.returncode != 0 and "did not finish" in failed.stderr
    project.make("setup")
    assert project.installed() == ["requirements.txt"]


def test_tools_for_tests_are_installed_apart(project: Project) -> None:
    project.make("tools")
    assert project.installed() == ["requirements.txt", "requirements-test.txt"]
    project.make("tools")
    assert project.installed() == []


@pytest.mark.parametrize(
    "given, address, port, hosts",
    [
        ([], "127.0.0.1", "8501", []),
        (["PORT=8600"], "127.0.0.1", "8600", []),
        (["HOST=0.0.0.0"], "0.0.0.0", "8501", ["--server.allowedHosts=*"]),
        (["HOST=lab"], "lab", "8501", [f"--server.allowedHosts={name}" for name in ("localhost", "127.0.0.1", "lab")]),
    ],
)
def test_run_opens_the_dashboard(project: Project, given: list[str], address: str, port: str, hosts: list[str]) -> None:
    done = project.make("run", *given)
    assert done.returncode == 0, done.stderr
    call = project.last_call()
    assert call[:4] == ["-m", "streamlit", "run", "app/main.py"]
    assert call[call.index("--server.address") + 1] == address and call[call.index("--server.port") + 1] == port
    assert [word for word in call if word.startswith("--server.allowedHosts")] == hosts


def test_host_and_port_may_stand_in_the_environment(project: Project) -> None:
    project.make("run", HOST="localhost", PORT="9000")
    assert project.last_call()[4:] == ["--server.address", "localhost", "--server.port", "9000"]


@pytest.fixture
def nobody(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which whoever asks is neither root nor allowed to become it."""
    folder = tmp_path_factory.mktemp("nobody")
    script_file(folder / "id", "echo 1000")
    script_file(folder / "sudo", "exit 1")
    return f"{folder}:{os.environ['PATH']}"


def test_a_browser_that_is_there_is_taken(project: Project, nobody: str) -> None:
    (project.folder / "browser").touch()
    assert project.make("browser", PATH=nobody).returncode == 0
    assert "playwright" not in project.calls.read_text()


def test_without_a_browser_and_rights_playwright_brings_its_own(project: Project, nobody: str) -> None:
    done = project.make("browser", PATH=nobody)
    assert done.returncode == 0, done.stderr
    assert "-m playwright install chromium\n" in project.calls.read_text()


def test_a_browser_that_cannot_be_had_is_one_sentence(project: Project, nobody: str) -> None:
    done = project.make("browser", PATH=nobody, OFFLINE="1")
    assert done.returncode != 0 and "need Chromium" in done.stderr.splitlines()[0]


def script_file(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_is_one_sentence(project: Project) -> None:
    shutil.rmtree(project.folder / ".venv")
    old = script_file(project.folder / "old", '[ "$1" = -V ] && echo "Python 3.9.2" && exit 0; exit 1')
    done = project.make("setup", f"PYTHON={old}")
    assert done.returncode != 0 and not (project.folder / ".venv").exists()
    sentence = done.stderr.splitlines()[0]
    assert "needs Python 3.11 or newer" in sentence and "Python 3.9.2" in sentence


def test_a_python_without_its_venv_package_is_one_sentence(project: Project) -> None:
    shutil.rmtree(project.folder / ".venv")
    bare = script_file(project.folder / "python3", 'case "$*" in *ensurepip*) exit 1 ;; esac')
    done = project.make("setup", f"PYTHON={bare}")
    assert done.returncode != 0 and not (project.folder / ".venv").exists()
    assert "python3-venv" in done.stderr.splitlines()[0]


def test_make_alone_says_what_there_is(project: Project) -> None:
    text = project.make().stdout
    assert "make run" in text and "make test" in text and project.calls.read_text() == ""


def test_continuous_integration_runs_make_test_and_nothing_more(root: Path) -> None:
    lines = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(root / ".ci" / "run", os.X_OK)
