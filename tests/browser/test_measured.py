"""`python -m core bench pages` finds on the pages what it measures. How long that takes is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import json
from benchmarks.pages import browser_side, chromium
from benchmarks.pages.site import site

browser_side.POINTS, browser_side.TURNS = 3, 1
with site(chromium()) as found:
    for kind in (browser_side.click, browser_side.lasso):
        for each in kind(found):
            print(json.dumps(each.result()))
"""
"""What the command does for two of its parts, with fewer turns and one server for both."""


@pytest.mark.slow
def test_the_benchmark_of_pages_measures(root: Path, chromium: str) -> None:
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    click, lasso = (json.loads(line) for line in done.stdout.splitlines())
    assert click["name"].startswith("click") and click["rounds"] == 2
    assert lasso["name"].startswith("lasso") and lasso["rounds"] == 1
    for result in (click, lasso):
        assert 0 < result["ours"]["low"] <= result["ours"]["median"] <= result["ours"]["high"]
    assert "10,000 of 10,000 selected" in lasso["note"]
