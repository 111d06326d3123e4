"""Networks of a finished run: read from their files, and asked about images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core import networks
from core.errors import StoreError
from core.runs.artifacts import save
from core.runs.store import Store
from core.runs.view import RunView
from core.spec import parse

KEYS = {"data": "a" * 20, "train": "b" * 20}


def step(kind: str, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("arm", "poison_key", "victim", "defense"))
    return {"key": KEYS[kind], "kind": kind, "label": kind, **empty, **more}


@pytest.fixture
def seen(tmp_path: Path) -> Any:
    """A run on two grey images of 2 x 2 pixels, whose undefended network adds up the upper and the lower pixels."""
    store = Store(tmp_path)
    with store.artifacts.write(KEYS["data"]) as folder:
        images = np.array([[[[0, 0], [255, 255]]], [[[255, 255], [0, 0]]]], np.uint8)
        arrays = {"images": images, "labels": np.array([0, 1]), "indices": np.arange(2)}
        both = {f"{part}_{name}": array for part in ("train", "test") for name, array in arrays.items()}
        save(folder, {"class_names": ["up", "down"], "flip": False, "notes": []}, **both)
    with store.artifacts.write(KEYS["train"]) as folder:
        weight = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
        ours = {"normalise.mean": torch.zeros(1, 1, 1, 1), "normalise.std": torch.ones(1, 1, 1, 1)}
        save_file({**ours, "head.weight": weight, "head.bias": torch.zeros(2)}, folder / "weights.safetensors")
        save(folder, {})
    content = parse({"model": "linear", "defenses": []}).model_dump(mode="json")
    run_id = store.start(content, spec_hash="0", name="Tiny")
    store.begin(run_id, 1, "cpu", [step("data"), step("train", arm="undefended", poison_key=0, victim=0)])
    store.finish(run_id, "done", result={"arms": {}})
    yield RunView(store, store.run(run_id))
    store.close()


def test_a_network_answers_as_its_weights_say(seen: RunView) -> None:
    net = networks.load(seen, "undefended")
    bright_above = np.array([[[[255, 255], [0, 0]]]], np.uint8)
    found = networks.probabilities(net, np.concatenate([bright_above, 255 - bright_above]))
    sure = np.exp(2) / (np.exp(2) + 1)  # logits 2 and 0
    assert found == pytest.approx(np.array([[sure, 1 - sure], [1 - sure, sure]]), abs=1e-6)
    assert not net.training


def test_what_is_not_stored_is_said(seen: RunView) -> None:
    assert seen.has_network("undefended") and not seen.has_network("control")
    with pytest.raises(StoreError, match="'control'.* is not stored here; repeat the run"):
        networks.load(seen, "control")


@pytest.mark.parametrize("content", [{"head.weight": torch.zeros(3, 4)}, {"other": torch.zeros(1)}, None])
def test_foreign_weights_are_refused(seen: RunView, content: dict[str, torch.Tensor] | None) -> None:
    path = seen.store.artifacts.folder(KEYS["train"]) / "weights.safetensors"
    if content is None:
        path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not a header....")
    else:
        save_file(content, path)
    with pytest.raises(StoreError, match="The weights of the network 'undefended' do not fit"):
        networks.load(seen, "undefended")
