"""`python -m core bench pages` finds on the pages what it measures. How long that takes is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "turns"), [("click", 11), ("lasso", 4)])
@pytest.mark.timeout(240)
def test_the_benchmark_of_pages_measures(kind: str, turns: int, root: Path, chromium: str) -> None:
    command = [sys.executable, "-m", "core", "bench", "pages", "--only", kind, "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    (result,) = (json.loads(line) for line in done.stdout.splitlines())
    assert result["name"].startswith(kind) and result["rounds"] == turns
    assert 0 < result["ours"]["low"] <= result["ours"]["median"] <= result["ours"]["high"]
    if kind == "lasso":
        assert "10,000 of 10,000 selected" in result["note"]
