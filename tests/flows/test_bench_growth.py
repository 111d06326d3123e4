"""`python -m core bench growth`: exponents by hand, what is kept, and a chart that says the same."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from benchmarks import growth, growth_chart, spectral, training
from core.errors import SpecError


@pytest.mark.parametrize(("seconds", "expected"), [([1, 2, 4], 1.0), ([1, 4, 16], 2.0), ([3, 3, 3], 0.0)])
def test_the_exponent_is_the_power_of_the_rows(seconds: list[float], expected: float) -> None:
    assert growth.exponent(dict(zip(("10", "20", "40"), seconds, strict=True))) == pytest.approx(expected)
    assert growth.exponent({"10": 3.0}) == 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(growth, "FOLDER", tmp_path)
    monkeypatch.setattr(growth, "ROWS", (40, 80))
    monkeypatch.setattr(growth, "TURNS", {40: 2, 80: 1})
    return tmp_path


def test_every_kind_is_timed_at_every_size_and_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int]] = []
    kinds = {kind: lambda rows, kind=kind: lambda: done.append((kind, rows)) for kind in growth.KINDS}
    monkeypatch.setattr(growth, "KINDS", kinds)
    results = list(growth.measured(None))
    assert [result["name"] for result in results[:2]] == ["training, 40 rows", "training, 80 rows"]
    assert [result["rounds"] for result in results[:2]] == [2, 1] and len(results) == 8
    assert done[:3] == [("training", 40), ("training", 40), ("training", 80)]
    kept = json.loads((folder / "growth.json").read_text())
    assert list(kept) == list(growth.KINDS) and kept["umap"]["80"] == results[-1]["ours"]["median"]
    assert (folder / "growth.svg").read_text().count("<polyline") == 4


def test_what_is_measured_again_stands_beside_what_was_measured_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "growth.json").write_text(json.dumps({"epic": {"80": 8.0}, "umap": {"40": 1.0, "80": 3.0}}))
    monkeypatch.setattr(growth, "KINDS", {**growth.KINDS, "epic": lambda rows: lambda: None})
    assert [result["name"] for result in growth.measured("epic, 40")] == ["epic, 40 rows"]
    kept = json.loads((folder / "growth.json").read_text())
    assert list(kept["epic"]) == ["40", "80"] and kept["epic"]["80"] == 8 and kept["umap"] == {"40": 1, "80": 3}


def test_what_there_is_not_is_named_with_what_there_is(folder: Path) -> None:
    with pytest.raises(SpecError, match="'mapping' .* training, 40 rows, .* umap, 80 rows"):
        next(growth.measured("mapping"))
    assert not list(folder.iterdir())


def test_each_kind_works_on_as_many_rows_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    monkeypatch.setattr(training.Case, "ours", lambda case, trainings, threads: trained.append(len(case.data)))
    monkeypatch.setattr(growth, "DRAWN", 20)
    growth.KINDS["training"](50)()
    assert trained == [20, 50]  # once before the clock runs
    assert len(growth.KINDS["spectral"](50)()) == 50  # type: ignore[arg-type]
    assert len(growth.KINDS["epic"](200)().medoids) == 20  # type: ignore[attr-defined]


def test_features_hold_poisons_that_stand_out() -> None:
    features, labels = spectral.features(2000)
    assert features.shape == (2000, 512) and features.dtype == np.float32 and features.min() == 0
    assert (np.bincount(labels) == 200).all()
    case = spectral.Case(features, labels)
    assert spectral.agreement(case)["largest_difference"] < 1e-3


# ---- the chart


def test_a_line_goes_through_what_was_measured() -> None:
    lines = [growth_chart.Line("work", {"100": 1.0, "1000": 10.0, "10000": 100.0}, 1.0)]
    tree = ElementTree.fromstring(growth_chart.drawn(lines))
    space = "{http://www.w3.org/2000/svg}"
    points = [tuple(map(float, each.split(","))) for each in tree.find(f"{space}polyline").attrib["points"].split()]  # type: ignore[union-attr]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.2) and y1 == pytest.approx((y0 + y2) / 2, abs=0.2) and y2 < y0
    texts = [each.text for each in tree.iter(f"{space}text")]
    assert "work: rows^1.00" in texts and "10,000" in texts and "100 s" in texts


def test_names_that_would_lie_on_each_other_move_apart() -> None:
    assert growth_chart._apart([100.0, 102.0, 50.0]) == [100.0, 100 + growth_chart.LINE_HEIGHT, 50.0]
