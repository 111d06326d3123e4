"""The plan of an experiment: its steps in order, and keys that change with what a step depends on."""

from typing import Any

import pytest

from core.steps import plan
from tests.flows.blobs import Blobs, experiment


def test_every_step_stands_after_what_it_needs() -> None:
    found = plan(experiment(keys=2, victims=2))
    keys = [step.key for step in found]
    assert len(set(keys)) == len(keys)
    for number, step in enumerate(found):
        assert {need.key for need in step.needs} <= set(keys[:number])


def keys_of(**settings: Any) -> dict[tuple[Any, ...], str]:
    return {(step.kind, step.arm, step.poison_key, step.victim): step.key for step in plan(experiment(**settings))}


@pytest.mark.parametrize(
    "settings, changed_kinds",
    [
        ({"name": "x", "device": "auto"}, set()),
        ({"victims": 3}, set()),
        ({"training": {"epochs": 3, "batch_size": 16, "shift": 1}},
         {"train", "measure", "features", "spectral", "score", "filter"}),
        ({"defenses": [{"name": "spectral_signatures", "cap": 0.3}]}, {"score", "filter", "train"}),
    ],
)  # fmt: skip
def test_a_key_is_of_what_a_step_depends_on(settings: dict[str, Any], changed_kinds: set[str]) -> None:
    before, after = keys_of(), keys_of(**settings)
    assert {place[0] for place in before if before[place] != after[place]} == changed_kinds


def test_a_folder_that_changed_is_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys_of()
    monkeypatch.setattr(Blobs, "fingerprint", lambda self: "changed")
    after = keys_of()
    assert all(before[place] != after[place] for place in before)
