"""A shipped run from its list to another machine: computed, packed, loaded, and its images drawn again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import showcase
from core.errors import PoisonscopeError
from core.runs.recorder import Recorder
from core.runs.store import Store
from core.runs.view import RunView
from core.showcase import draw, make

TINY = ["data.train=60", "data.test=40", "training.epochs=1", "attack.poison_fraction=0.1"]
LIST = f"""
[[runs]]
id = "stamped"
title = "Stamped"
preset = "badnets-signs"
set = {TINY}
weights = ["undefended"]
pictures = true

[[runs]]
id = "more"
title = "More"
preset = "badnets-signs"
set = {[*TINY, "attack.poison_fraction=0.2"]}
""".replace("'", '"')


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two shipped runs: the store that they were made in, a fresh one, and what was said."""
    place = tmp_path / "shipped"
    place.mkdir()
    (place / "showcase.toml").write_text(LIST)
    monkeypatch.setenv("POISONSCOPE_SHOWCASE", str(place))
    maker, fresh, said = Store(tmp_path / "maker"), Store(tmp_path / "fresh"), list[str]()
    make.make(maker, showcase.entries(), said.append, Recorder)
    assert showcase.load(fresh) == []
    yield maker, fresh, said
    maker.close()
    fresh.close()


def kinds(store: Store, run_id: str) -> set[tuple[str, str | None]]:
    return {(s["kind"], s["arm"]) for s in store.run(run_id).steps if store.artifacts.has(s["key"])}


@pytest.mark.slow
def test_from_the_list_to_another_machine(made: tuple[Store, Store, list[str]]) -> None:
    maker, fresh, said = made
    assert [line.split(":")[0] for line in said[:2]] == ["stamped", "more"] and said[2].startswith("Together")
    _what_travels(maker, fresh)
    assert [run.id for run in showcase.undrawn(fresh)] == ["stamped", "more"]
    assert draw.draw(fresh) == [] and showcase.undrawn(fresh) == []
    _drawn_the_same(maker, fresh)
    _noticed(fresh)


def _what_travels(maker: Store, fresh: Store) -> None:
    found = kinds(fresh, "stamped")
    assert found.isdisjoint({("data", None), ("poison", None), ("features", "undefended")})
    assert {("train", "control"), ("train", "undefended"), ("measure", "control"), ("shipped", None)} <= found
    seen = RunView(fresh, fresh.run("stamped"))
    keys = {step["arm"]: step["key"] for step in seen.run.steps if step["kind"] == "train"}
    whole = [step["key"] for step in maker.runs()[-1].steps]
    weights = {arm for arm, key in keys.items() if (fresh.artifacts.folder(key) / "weights.safetensors").exists()}
    assert weights == {"undefended"} and keys["undefended"] in whole
    assert keys["spectral_signatures"] not in whole, "a step without its weights must not be taken for the whole one"
    assert seen.run.message.startswith("Shipped with Poisonscope")
    meta = seen.meta("shipped") or {}
    assert (meta["rows"], meta["poisons"], meta["arms"]) == (60, 6, ["control", "undefended", "spectral_signatures"])
    answers, pictures = seen.array("shipped", "stamped_answers"), seen.array("shipped", "stamped")
    assert answers is not None and pictures is not None and answers.shape == (3, len(pictures), 10)
    assert np.allclose(answers.sum(axis=2), 1, atol=1e-5)
    assert (RunView(fresh, fresh.run("more")).meta("shipped") or {})["poisons"] == 12


def _drawn_the_same(maker: Store, fresh: Store) -> None:
    for theirs in maker.runs():
        before = RunView(maker, theirs)
        after = RunView(fresh, fresh.run({"Stamped": "stamped", "More": "more"}[theirs.name]))
        rows = np.arange(60)
        for name in ("images", "originals", "true_labels"):
            old, new = getattr(before, name)(rows), getattr(after, name)(rows)
            assert np.array_equal(old, new), name
        shown = before.predictions("undefended"), after.predictions("undefended")
        assert shown[0] and shown[1] and np.array_equal(shown[0]["eval"], shown[1]["eval"])


def _noticed(fresh: Store) -> None:
    """Other images than those that were measured are said to be others."""
    run = fresh.run("stamped")
    poison = next(step["key"] for step in run.steps if step["kind"] == "poison")
    data = next(step["key"] for step in run.steps if step["kind"] == "data")
    images = np.load(fresh.artifacts.folder(data) / "test_images.npy")
    np.save(fresh.artifacts.folder(data) / "test_images.npy", 255 - images)
    fresh.artifacts.remove(poison)
    assert "stamped: its data step differs from the one that was measured." in draw.draw(fresh)


@pytest.mark.slow
def test_a_zip_that_is_too_large_is_refused(made: tuple[Store, Store, list[str]], monkeypatch: Any) -> None:
    maker, _, _ = made
    monkeypatch.setattr(make, "LARGEST", 1000)
    with pytest.raises(PoisonscopeError, match=r"stamped\.zip has \d+ bytes; at most 1000"):
        make.make(maker, showcase.entries()[:1], lambda line: None, Recorder)


@pytest.mark.slow
def test_a_run_that_relies_on_another_says_so(made: tuple[Store, Store, list[str]]) -> None:
    maker, _, _ = made
    first, second = showcase.entries()
    first.path.unlink()
    with pytest.raises(PoisonscopeError, match=r"more relies on stamped\.zip"):
        make.make(maker, [second], lambda line: None, Recorder)
