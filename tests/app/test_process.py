"""What the process of the dashboard must never do, looked at in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SCRIPT = """
import gc
import sys
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import core.runs.worker
from app import cache
core.runs.worker.ensure_worker = lambda store, *rest: False
for page in ("", "lab", "attacker", "play", "duel", "runs", "result", "spectral", "images", "report"):
    test = AppTest.from_file("app/main.py", default_timeout=60)
    test._page_hash = calc_hash(page)
    test.query_params["run"] = sys.argv[1]
    test.run()
    assert not test.exception, test.exception
print(sorted({"umap", "numba", "kaleido"} & set(sys.modules)))
cache.machine().ready.wait(60)
print(gc.get_freeze_count())
"""


def test_no_page_imports_umap_and_what_was_imported_is_not_searched_for_garbage(
    make_run: Callable[..., str], home: Path, root: Path
) -> None:
    environment = {**os.environ, "POISONSCOPE_HOME": str(home), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, make_run()],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    imported, frozen = done.stdout.splitlines()
    assert imported == "[]" and int(frozen) > 100_000


def test_pages_are_not_where_streamlit_looks_for_its_own(root: Path) -> None:
    assert not (root / "app" / "pages").exists()


def test_nothing_on_a_page_comes_from_another_host(root: Path) -> None:
    for path in (*(root / "app").rglob("*"), *(root / "core" / "figures").rglob("*.py"), root / "assets" / "style.css"):
        if path.suffix in (".py", ".js", ".css"):
            addresses = [
                line
                for line in path.read_text(encoding="utf-8").splitlines()
                if "http://" in line or "https://" in line
            ]
            assert all("www.w3.org/2000/svg" in line for line in addresses), f"{path}: {addresses}"
