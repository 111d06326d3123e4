"""Files of steps: whole or not at all, mapped instead of loaded, never pickled."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import StoreError
from core.runs.artifacts import Artifacts, save

KEY, OTHER = "0123456789abcdef0123", "f" * 20


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "steps")


def test_a_step_appears_when_its_block_ends(artifacts: Artifacts) -> None:
    with artifacts.write(KEY) as folder:
        save(folder, {"epochs": 3, "mean": np.float32(0.5), "ok": np.bool_(True)}, labels=np.array([2, 0, 1]))
        assert not artifacts.has(KEY)
    assert artifacts.has(KEY)
    assert artifacts.meta(KEY) == {"epochs": 3, "mean": 0.5, "ok": True}
    assert artifacts.array(KEY, "labels").tolist() == [2, 0, 1]
    assert sorted(os.listdir(artifacts.root)) == [KEY]


def test_a_step_that_fails_leaves_nothing(artifacts: Artifacts) -> None:
    with pytest.raises(RuntimeError, match="halfway"), artifacts.write(KEY) as folder:
        save(folder, {}, labels=np.zeros(2))
        raise RuntimeError("halfway")
    assert not artifacts.has(KEY)
    assert os.listdir(artifacts.root) == []


def test_a_step_without_meta_is_refused(artifacts: Artifacts) -> None:
    with pytest.raises(StoreError, match=r"meta\.json"), artifacts.write(KEY) as folder:
        np.save(folder / "labels.npy", np.zeros(2))
    assert os.listdir(artifacts.root) == []


def test_who_was_first_stays(artifacts: Artifacts) -> None:
    with artifacts.write(KEY) as slow:
        with artifacts.write(KEY) as quick:
            save(quick, {"by": "quick"})
        save(slow, {"by": "slow"})
    assert artifacts.meta(KEY) == {"by": "quick"}
    assert os.listdir(artifacts.root) == [KEY]


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", KEY[:-1], KEY + "0", KEY.upper(), "g" * 20])
def test_only_keys_are_keys(artifacts: Artifacts, key: str) -> None:
    assert not artifacts.has(key)
    with pytest.raises(StoreError):
        artifacts.folder(key)
    with pytest.raises(StoreError, match="20 hexadecimal digits"), artifacts.write(key):
        pytest.fail("the block must not run")


def test_missing_steps_and_arrays_are_named(artifacts: Artifacts) -> None:
    with pytest.raises(StoreError, match=KEY):
        artifacts.meta(KEY)
    with artifacts.write(KEY) as folder:
        save(folder, {})
    with pytest.raises(StoreError, match="'scores'"):
        artifacts.array(KEY, "scores")
    with pytest.raises(StoreError, match="meta"):
        artifacts.array(KEY, "../" + KEY + "/meta")


def test_arrays_are_mapped_and_read_only(artifacts: Artifacts) -> None:
    with artifacts.write(KEY) as folder:
        save(folder, {}, images=np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2), rows=np.empty(0, np.int64))
    images = artifacts.array(KEY, "images")
    assert isinstance(images, np.memmap) and images.dtype == np.uint8 and images[1, 2, 1, 1] == 23
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0
    assert artifacts.array(KEY, "rows").shape == (0,)


def test_objects_are_neither_written_nor_read(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"), artifacts.write(KEY) as folder:
        save(folder, {}, names=np.array([{}], dtype=object))
    assert not artifacts.has(KEY)
    with pytest.raises(TypeError, match="set"), artifacts.write(KEY) as folder:
        save(folder, {"wrong": {1}})
    with artifacts.write(KEY) as folder:
        save(folder, {})
        np.save(folder / "names.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StoreError, match="damaged"):
        artifacts.array(KEY, "names")


def test_a_cut_array_is_damaged(artifacts: Artifacts) -> None:
    with artifacts.write(KEY) as folder:
        save(folder, {}, scores=np.zeros(100))
        whole = (folder / "scores.npy").read_bytes()
        (folder / "scores.npy").write_bytes(whole[:-8])
    with pytest.raises(StoreError, match="'scores'"):
        artifacts.array(KEY, "scores")


def test_remove_takes_one_step(artifacts: Artifacts) -> None:
    for key in (KEY, OTHER):
        with artifacts.write(key) as folder:
            save(folder, {})
    artifacts.remove(KEY)
    artifacts.remove(KEY)  # a second time is nothing
    assert os.listdir(artifacts.root) == [OTHER]


def test_sweep_takes_only_what_lies_idle(artifacts: Artifacts) -> None:
    with artifacts.write(KEY) as folder:
        save(folder, {})
    old, fresh = artifacts.root / ".old", artifacts.root / ".fresh"
    yesterday = time.time() - 90_000
    for abandoned in (old, fresh):
        abandoned.mkdir()
        (abandoned / "meta.json").write_text(json.dumps({}))
        os.utime(abandoned / "meta.json", (yesterday, yesterday))
    os.utime(old, (yesterday, yesterday))
    artifacts.sweep()
    assert sorted(os.listdir(artifacts.root)) == [".fresh", KEY]


def test_reading_runs_needs_neither_torch_nor_streamlit(root: Path) -> None:
    code = (
        "import sys, core.runs.store, core.runs.artifacts, core.runs.archive, core.runs.view, core.runs.worker\n"
        "print([name for name in ('torch', 'streamlit', 'sklearn', 'umap') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
