"""How the time of what is slow grows with the rows: a training epoch, spectral scores, EPIC's selection, a UMAP map.

What was measured last of each size stands in `growth.json`, from which `growth.svg` is drawn anew; both are committed.
The exponent of a kind is the power of the rows that fits its times best.
"""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import epic, growth_chart, memory, spectral, training
from benchmarks.measure import Measure
from core import device as devices
from core.analysis import embedding
from core.errors import SpecError
from core.train import trial

ROWS = (5000, 10_000, 20_000, 50_000)
TURNS = {5000: 3, 10_000: 3, 20_000: 2, 50_000: 1}
DRAWN = 2000
"""Signs that are drawn for training; rows beyond them are the same ones again, which takes as long."""
MODEL = "small_cnn"
FOLDER = Path(__file__).parent

Work = Callable[[], object]
Times = dict[str, dict[str, float]]
"""{kind: {rows, as text: seconds}}, as JSON has it."""


def measured(only: str | None) -> Iterator[dict[str, Any]]:
    """Time every kind at every size, and draw the chart.

    Args:
        only: time what has this in its name and nothing else, such as `umap` or `umap, 5000 rows`.

    Yields:
        Results like those of `harness.timed`; the fact `exponent` is of all sizes up to this one.

    Raises:
        SpecError: nothing has that name.
    """
    names = {f"{kind}, {rows} rows": (kind, rows) for kind in KINDS for rows in ROWS}
    chosen = {name: each for name, each in names.items() if only is None or only in name}
    if not chosen:
        raise SpecError(f"Nothing of growth has {only!r} in its name; there are {', '.join(names)}.")
    for name, (kind, rows) in chosen.items():
        work, peak = KINDS[kind](rows), memory.Peak("cpu")
        peak.start()
        seconds = [_seconds(work) for _ in range(TURNS[rows])]
        peak.stop()
        times = _noted(kind, rows, float(np.median(seconds)))
        yield Measure(
            name, "seconds", seconds, None, {"exponent": exponent(times)}, peak=peak.megabytes["process"]
        ).result()


def exponent(times: dict[str, float]) -> float:
    """Slope of the line through the logarithms of rows and seconds that fits best; 0 of a single time."""
    if len(times) == 1:
        return 0.0
    rows = np.array([int(rows) for rows in times], dtype=np.float64)
    return float(np.polyfit(np.log(rows), np.log(list(times.values())), 1)[0])


def _noted(kind: str, rows: int, seconds: float) -> dict[str, float]:
    """Write a time beside those that were measured before, and draw all; returns those of this kind."""
    path = FOLDER / "growth.json"
    found: Times = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    merged = {**found.get(kind, {}), str(rows): seconds}
    found[kind] = {each: merged[each] for each in sorted(merged, key=int)}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    lines = [growth_chart.Line(TITLES[each], found[each], exponent(found[each])) for each in KINDS if each in found]
    (FOLDER / "growth.svg").write_text(growth_chart.drawn(lines), encoding="utf-8")
    return found[kind]


def _seconds(work: Work) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _training(rows: int) -> Work:
    """One epoch of one network, as the product trains it."""
    data, device = training.signs(DRAWN), devices.pick("auto")
    trial.ensure(device)
    case = training.Case(MODEL, data.rows(np.arange(rows) % DRAWN), device)
    training.Case(MODEL, data, device).ours(1, devices.threads())  # compiles
    return partial(case.ours, 1, devices.threads())


def _spectral(rows: int) -> Work:
    return spectral.Case(*spectral.features(rows)).ours


def _epic(rows: int) -> Work:
    epic.Case(*epic.gradients(1000)).select("cpu")  # compiles
    return partial(epic.Case(*epic.gradients(rows)).select, "cpu")


def _umap(rows: int) -> Work:
    """One map; the product draws at most 5,000 rows of a set."""
    embedding.maps(epic.gradients(100)[0][None], seed=epic.SEED)  # compiles
    return partial(embedding.maps, epic.gradients(rows)[0][None], seed=epic.SEED)


KINDS: dict[str, Callable[[int], Work]] = {
    "training": _training, "spectral": _spectral, "epic": _epic, "umap": _umap
}  # fmt: skip
"""What makes the work of a size ready."""
TITLES = {
    "training": "training epoch", "spectral": "spectral scores", "epic": "EPIC's selection", "umap": "UMAP map"
}  # fmt: skip
