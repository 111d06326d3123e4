"""`python -m core bench lesson` and the memory of every benchmark: what is counted from when to when."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from benchmarks import lesson, memory
from core.errors import PoisonscopeError, SpecError
from core.runs.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def test_each_turn_has_a_new_home_and_what_was_promised_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    homes: list[Path] = []
    took = iter([20.0, 40.0, 30.0])

    def warm(store: Store) -> lesson.Seen:
        homes.append(store.home)
        return lesson.Seen({"the first point of a curve": 1.0, "its result": next(took)}, 100.0 * len(homes))

    monkeypatch.setattr(lesson, "warm", warm)
    first, result = lesson.measured("warm")
    assert len(set(homes)) == 3 and not any(home.exists() for home in homes)
    assert (first["name"], first["kept"]) == ("warm, to the first point of a curve", True)
    assert (result["ours"]["median"], result["budget"], result["kept"]) == (30, 25, False)
    assert result["memory"] == {"ours": {"process": 300}, "alone": True}


def test_what_there_is_not_is_named_with_what_there_is() -> None:
    with pytest.raises(SpecError, match="no 'hot'; legal are cold, warm"):
        next(lesson.measured("hot"))


def test_epoch_0_is_the_first_point_and_a_trained_one_comes_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    run = store.start({}, spec_hash="0", name="x")
    point: dict[str, Any] = {"arm": "control", "poison_key": 0, "victim": 0, "loss": None, "clean_accuracy": 0.1}
    happening = {
        1: lambda: store.add_point(run, epoch=0, asr=None, seconds=0.0, **point),
        3: lambda: store.add_point(run, epoch=1, asr=None, seconds=1.0, **point),
    }

    def sleep(seconds: float) -> None:
        now[0] += 1
        happening.get(int(now[0]), lambda: None)()

    monkeypatch.setattr(lesson.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(lesson.time, "sleep", sleep)
    seen = lesson.Seen()
    lesson._watch(store, 0.0, seen, lambda: now[0] < 6, psutil.Process())
    assert seen.seconds == {"the first point of a curve": 1, "the first trained epoch": 3} and seen.megabytes > 10
    with pytest.raises(PoisonscopeError, match="more than 300 seconds"):
        lesson._watch(store, -400.0, seen, lambda: True, psutil.Process())


def test_a_run_that_failed_is_no_measurement(store: Store) -> None:
    run = store.start({}, spec_hash="0", name="x")
    store.finish(run, "failed", "The disk is full.")
    with pytest.raises(PoisonscopeError, match="failed: The disk is full"):
        lesson._ended_well(store, lesson.Seen())


# ---- memory


@pytest.mark.skipif(not memory._started_anew(), reason="this system does not count a peak anew")
def test_the_peak_is_of_the_work_alone() -> None:
    large, small = memory.Peak("cpu"), memory.Peak("cpu")
    large.start()
    np.ones(30_000_000)
    large.stop()
    small.start()
    small.stop()
    assert large.alone and large.megabytes["process"] > small.megabytes["process"] + 200
    large.start()
    large.stop()
    told = memory.told({"ours": large})
    assert told["ours"]["process"] > small.megabytes["process"] + 200 and told["alone"]  # the largest of both


def test_where_a_peak_cannot_be_counted_anew_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PROCESS", Path("/nowhere"))
    peak = memory.Peak("cpu")
    peak.start()
    peak.stop()
    assert not memory.told({"ours": peak})["alone"] and peak.megabytes["process"] > 10


def test_the_memory_of_another_process_and_of_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.resident(os.getpid()) == pytest.approx(memory.resident(), rel=0.1)
    monkeypatch.setattr(memory, "PROCESSES", Path("/nowhere"))
    assert memory.resident(os.getpid()) > 10
    monkeypatch.setattr(psutil, "Process", lambda pid: (_ for _ in ()).throw(psutil.NoSuchProcess(pid)))
    assert memory.resident(1) == 0
