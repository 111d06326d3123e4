"""From a file that somebody sent to an answer: the whole way, on tiny data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from core import bring, cli_files
from core.attacks.badnets import Badnets
from core.attacks.base import Tools, apply
from core.check import check
from core.datasets.base import ImageSet
from core.execution import execute
from core.report import make, page, sheet
from core.runs.poisons import has_poisons
from core.runs.record import Run
from core.runs.recorder import Recorder, perform
from core.runs.store import Store
from core.runs.view import RunView
from core.spec import Experiment
from tests.brought import npz, zipped


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


@pytest.fixture
def poisoned(make_images: Callable[..., ImageSet]) -> tuple[ImageSet, list[int]]:
    """Four classes of thirty; twelve of them carry a patch and the label of class 1."""
    attack = Badnets(poison_fraction=0.1, target_class=1, size=6, colour="#ffffff")
    made = apply(attack, make_images(per_class=30), Tools(0))
    return made.data, made.rows.tolist()


def ran(store: Store, asked: Experiment) -> Run:
    run_id = store.start(asked.model_dump(mode="json"), spec_hash=asked.hash(), name=asked.name)
    perform(Recorder(store, run_id), lambda content, artifacts, events: execute(asked, artifacts, events))
    run = store.run(run_id)
    assert run.state == "done", run.message
    return run


def short(asked: Experiment) -> Experiment:
    return asked.model_copy(update={"training": asked.training.model_copy(update={"epochs": 4, "batch_size": 32})})


def test_pictures_whose_truth_nobody_knows(store: Store, poisoned: tuple[ImageSet, list[int]]) -> None:
    data, _ = poisoned
    given = bring.images(zipped(data), store.home / "uploads", size=16)
    run = ran(store, short(bring.experiment(given, name="Mine", model={"name": "small_cnn", "width": 8})))
    assert run.result is not None and run.result["control"] is None
    arms = run.result["arms"]
    assert list(arms) == ["undefended", "screening", "screening_random"]
    assert all(arm["asr"] is None for arm in arms.values())
    assert list(arms["screening"]["detection"]) == ["removed"], "what was caught, nobody knows"
    seen = RunView(store, run)
    assert seen.n == given.rows and not seen.is_poison.any()  # type: ignore[union-attr]
    assert seen.projection is not None and seen.scores("screening") is not None
    answer = check(seen)
    assert answer is not None and answer.rows == given.rows and len(answer.looks) == 4
    assert not has_poisons(store, run)
    report = make.make(store, run)
    text = page.page(report) + sheet.text(report)
    assert not report.wanted.truth and "caught" not in text and "Poisons left" not in text
    assert "There is no attack success" in text
    assert (
        json.loads(CliRunner().invoke(cli_files.app, ["check", run.id, "--json"]).stdout)["outcome"] == answer.outcome
    )
    said = CliRunner().invoke(cli_files.app, ["check", run.id]).stdout
    assert said.startswith(answer.text[:40]) and "What this cannot tell:" in said


def test_pictures_with_a_list_of_poisons(store: Store, poisoned: tuple[ImageSet, list[int]]) -> None:
    data, rows = poisoned
    given = bring.images(zipped(data, rows), store.home / "uploads", size=16)
    run = ran(store, short(bring.experiment(given, name="Mine", model={"name": "mlp", "width": 16})))
    seen = RunView(store, run)
    assert seen.is_poison is not None and seen.poison_rows is not None
    shown = {image.tobytes() for image in data.images[rows]}
    assert 0 < seen.is_poison.sum() <= len(rows)
    assert all(image.tobytes() in shown for image in seen.images(seen.poison_rows))  # type: ignore[union-attr]
    assert run.result is not None and "tpr" in run.result["arms"]["screening"]["detection"]
    report = make.make(store, run)
    assert report.wanted.truth and "Poisons caught" in sheet.text(report)
    assert "poisons" not in [section.name for section in report.sections], "nobody knows their originals"


def test_a_network_that_was_trained_elsewhere(
    store: Store, poisoned: tuple[ImageSet, list[int]], make_images: Callable[..., ImageSet]
) -> None:
    import torch
    from safetensors.torch import save

    from core import spec
    from core.train.loop import build

    data, _ = poisoned
    given = bring.images(zipped(data), store.home / "uploads", size=16)
    model: Any = spec.component("models", {"name": "mlp", "width": 8})
    net = build(model, make_images(), 3, "cpu").eval()
    kept = bring.weights(save(net.state_dict()), store.home / "uploads", model, given)  # type: ignore[arg-type]
    run = ran(store, short(bring.experiment(given, name="Mine", model=model, weights=kept)))
    seen = RunView(store, run)
    images = torch.from_numpy(np.array(seen.images(np.arange(5)))).float() / 255
    with torch.no_grad():
        expected = net.features(images).numpy()
    np.testing.assert_allclose(seen.array("features", "features")[:5], expected, atol=1e-5)  # type: ignore[index]
    assert run.result is not None and run.result["arms"]["undefended"]["seconds"] == 0.0, "it was not trained here"
    assert run.result["arms"]["screening"]["seconds"] > 0 and check(seen) is not None


def test_features_are_looked_at_as_they_are(store: Store) -> None:
    random, labels = np.random.default_rng(0), np.arange(200) % 4
    features = (6 * np.eye(8)[labels] + random.normal(size=(200, 8))).astype(np.float32)
    odd = np.flatnonzero(labels == 2)[:8]
    features[odd, 7] += 25
    poison = np.isin(np.arange(200), odd)
    given = bring.features(npz(features=features, labels=labels, poison=poison), store.home / "uploads")
    run = ran(store, bring.experiment(given, name="Features", model="small_cnn"))
    seen = RunView(store, run)
    rows = seen.array("data", "train_indices")
    assert rows is not None
    np.testing.assert_array_equal(seen.array("features", "features"), features[rows])
    assert set(rows[seen.poison_rows]) == set(odd) & set(rows)
    answer = check(seen)
    assert answer is not None and answer.outcome == "signs" and "“class 2”" in answer.text
    assert set(rows[seen.flagged("screening")]) >= set(odd) & set(rows)  # type: ignore[index]
