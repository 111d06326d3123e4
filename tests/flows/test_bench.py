"""`python -m core bench`: what it prints, and that both ways that it times compute the same."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import benchmarks
from benchmarks import adversarial_poisoning, epic, gradient_matching, harness
from benchmarks.gradient_matching import Plain, Size, agreement, moves
from core import cli, registry
from core import device as devices
from core.attacks.base import Tools
from core.attacks.targeted import Problem
from core.datasets.base import ImageSet
from core.defenses.adversarial_poisoning import AdversarialPoisoning
from core.train.augment import augmented
from core.train.loop import build, on_device

WHEEL = sys.platform in ("linux", "darwin") and sys.version_info < (3, 13)

NAMES = (
    "adversarial-poisoning", "epic", "gradient-matching", "growth", "lesson", "pages", "spectral",
    "train-preact-resnet18", "train-resnet18", "train-small-cnn",
)  # fmt: skip
LEGAL = f"legal are {', '.join(NAMES)}.\n"


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The command sets the threads of its process, which is this one."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    """Calls the command line in this process: exit status, standard output, standard error."""

    def command(*words: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m core", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return command


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (Size("small_cnn", 3, steps=1), Size("linear", 2, restarts=2, surrogates=2, steps=1))
    monkeypatch.setattr(gradient_matching, "SIZES", sizes)
    monkeypatch.setattr(gradient_matching, "IMAGES", 50)
    monkeypatch.setattr(harness, "ROUNDS", 2)


@pytest.mark.usefixtures("small")
def test_one_json_object_per_entry(call: Callable[..., tuple[Any, str, str]]) -> None:
    status, out, err = call("bench", "gradient-matching", "--json", "--device", "cpu")
    results = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert [result["name"] for result in results] == [
        "small_cnn, 3 poisons, 1 restart, 1 surrogate",
        "linear, 2 poisons, 2 restarts, 2 surrogates",
    ]
    for result in results:
        assert {"name", "ours", "reference", "ratio", "device", "agreement"} <= set(result)
        for way in (result["ours"], result["reference"]):
            assert 0 < way["low"] <= way["median"] <= way["high"]
        assert result["ratio"] == result["reference"]["median"] / result["ours"]["median"]
        assert result["agreement"]["cosine"] > 0.98 and 0.9 < result["agreement"]["equal_signs"] <= 1
        assert result["device"].startswith("cpu") and result["threads"] == devices.threads() and result["rounds"] == 2


@pytest.mark.usefixtures("small")
def test_people_read_the_ratio_and_the_agreement(call: Callable[..., tuple[Any, str, str]]) -> None:
    status, out, _ = call("bench", "gradient-matching")
    assert status == 0 and out.count("times as fast; agreement: cosine ") == 2 and " ms per step and restart  [" in out


@pytest.mark.parametrize("words", [["bench"], ["bench", "gradient-machine"], ["bench", "harness", "--json"]])
def test_without_a_legal_name_one_sentence_lists_them(
    words: list[str], call: Callable[..., tuple[Any, str, str]]
) -> None:
    status, out, err = call(*words)
    assert (status, out) == (2, "") and err.count("\n") == 1 and err.endswith(LEGAL)
    assert all(repr(word) in err for word in words[1:2])


def test_a_device_that_is_not_there_is_named(call: Callable[..., tuple[Any, str, str]]) -> None:
    status, out, err = call("bench", "gradient-matching", "--device", "abacus")
    assert (status, out) == (2, "") and "'abacus'" in err and err.count("\n") == 1


def test_outside_of_the_repository_one_sentence_says_so(
    call: Callable[..., tuple[Any, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks", None)  # what Python remembers of a module that cannot be imported
    status, out, err = call("bench", "gradient-matching")
    assert (status, out) == (2, "") and "repository" in err and err.count("\n") == 1


def test_the_clock_counts_units_of_work_and_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    now = [0.0]

    def work(name: str, seconds: float) -> Callable[[], None]:
        def step() -> None:
            done.append(name)
            now[0] += seconds

        return step

    monkeypatch.setattr(harness.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(harness, "ROUNDS", 3)
    ours, reference = work("ours", 2.0), work("reference", 6.0)
    result = harness.timed(harness.Entry("x", "seconds per step", ours, reference, 4, "cpu", lambda: {"cosine": 1.0}))
    assert result["ours"] == {"median": 0.5, "low": 0.5, "high": 0.5}
    assert result["reference"]["median"] == 1.5 and result["ratio"] == 3
    assert done == ["ours", "reference"] * 4  # the first pair does not count


def test_what_takes_long_is_timed_as_often_as_the_entry_says(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    entry = harness.Entry(
        name="x", unit="seconds", ours=lambda: done.append("ours"), reference=lambda: done.append("reference"), count=1,
        device="cpu", agreement=dict, turns=(3, 1), facts=lambda result: {"halves": result["rounds"] * 2}, note="Slow.",
    )  # fmt: skip
    result = harness.timed(entry)
    assert done == ["ours", "reference", "ours", "ours"]
    assert (result["rounds"], result["reference_rounds"], result["facts"]) == (3, 1, {"halves": 6})
    alone = harness.timed(replace(entry, reference=None))
    assert alone["reference"] is None and alone["ratio"] is None and alone["note"] == "Slow."


# ---- EPIC


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "ROWS": 200,
        "MODEL": "linear",
        "IMAGES": 60,
        "EPOCHS": 8,
        "TURNS": 2,
        "PUBLIC_TURNS": 1,
        "TRAINING_TURNS": 2,
    }
    for name, value in small.items():
        monkeypatch.setattr(epic, name, value)
    monkeypatch.setattr(epic, "_alone", lambda rows: {"compile_seconds": 1.0, "peak_megabytes": 2.0})


@pytest.mark.usefixtures("few")
@pytest.mark.skipif(not WHEEL, reason="submodlib-py has no wheel for this Python")
def test_the_selection_represents_rows_as_well_as_the_public_one(call: Callable[..., tuple[Any, str, str]]) -> None:
    status, out, err = call("bench", "epic", "--json", "--device", "cpu")
    selection, training = (json.loads(line) for line in out.splitlines())
    assert (status, err) == (0, "")
    assert selection["name"].startswith("medoids of 200 x 10 gradients") and selection["note"] == ""
    assert (selection["rounds"], selection["reference_rounds"]) == (2, 1)
    assert selection["ratio"] == selection["reference"]["median"] / selection["ours"]["median"]
    assert selection["facts"] == {"compile_seconds": 1.0, "peak_megabytes": 2.0}
    assert selection["agreement"]["equal_medoids"] >= 0.9  # among equal gains each takes its own
    assert selection["agreement"]["represented"] == pytest.approx(1, abs=1e-5)
    facts = training["facts"]
    assert facts["overhead"] == pytest.approx(training["ours"]["median"] / training["reference"]["median"] - 1)
    assert facts["selections"] == 1 and 0 < facts["dropped"] < 1  # of 8 epochs only the seventh begins with one
    assert facts["overhead_undropped"] == pytest.approx(facts["epochs_per_selection"] / 8)


@pytest.mark.usefixtures("few")
def test_without_the_public_implementation_a_sentence_says_that_only_ours_is_timed(
    call: Callable[..., tuple[Any, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epic.importlib.util, "find_spec", lambda name: None)
    status, out, _ = call("bench", "epic", "--device", "cpu")
    assert status == 0 and "only ours is timed" in " ".join(out.split())
    assert out.count(" ms per selection") == 1 and out.count("times as fast") == 1  # of the trainings


@pytest.mark.slow
def test_in_a_process_of_its_own_the_selection_is_compiled_anew() -> None:
    found = epic._alone(100)
    assert found["compile_seconds"] > 0.1 and 50 < found["peak_megabytes"] < 10_000


@pytest.mark.parametrize("rows", [40, 1000])
def test_gradients_are_those_of_a_network_that_has_learned_some_rows(rows: int) -> None:
    found, labels = epic.gradients(rows)
    assert found.dtype == np.float32 and np.abs(found.sum(axis=1)).max() < 1e-5
    assert (np.bincount(labels) == rows // 10).all()
    own = found[np.arange(rows), labels]
    assert (own <= 0).all() and 0.2 < (own > -0.01).mean() < 0.8


def test_represented_similarity_by_hand() -> None:
    rows = np.array([[0, 0], [3, 4], [0, 0], [6, 8]], np.float32)
    case = epic.Case(rows, np.array([0, 0, 1, 1]))
    assert case.represented(np.array([0, 3])) == pytest.approx(1 + np.exp(-5 / 2) + np.exp(-10 / 2) + 1)


# ---- gradient matching: ours and the plain way


def problem(data: ImageSet, flip: bool = False, surrogates: int = 1) -> Problem:
    model = registry.load("models", "small_cnn")(width=4)
    nets = tuple(build(model, data, seed, "cpu").eval() for seed in range(surrogates))
    rows = np.flatnonzero(data.labels == 1)[:5]
    images = on_device(data.images, "cpu").float() / 255
    return Problem(
        nets=nets, bases=images[rows], labels=on_device(data.labels[rows], "cpu"), target=images[:1], target_class=1,
        epsilon=16 / 255, shift=3, flip=flip, data=data, rows=rows, tools=Tools(0),
    )  # fmt: skip


@pytest.mark.parametrize("flip", [False, True])
def test_the_plain_way_moves_images_as_training_does(flip: bool, tiny: ImageSet) -> None:
    given = problem(tiny, flip)
    expected = augmented(given.bases, torch.arange(5), 3, flip, torch.Generator().manual_seed(1))
    found = moves(given, torch.Generator().manual_seed(1))(given.bases)
    assert (found - expected).abs().max() < 1e-4 and (found - given.bases).abs().max() > 0.1


@pytest.mark.parametrize("surrogates", [1, 2])
def test_in_the_same_arithmetic_both_gradients_are_the_same(
    surrogates: int, tiny: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: False)
    found = agreement(problem(tiny, flip=True, surrogates=surrogates))
    assert found["cosine"] > 0.9999 and found["equal_signs"] > 0.99


def test_the_plain_way_crafts_within_epsilon_and_lowers_its_loss(tiny: ImageSet) -> None:
    given = replace(problem(tiny), shift=0)
    plain = Plain(given)
    crafted = plain.craft(restarts=1, steps=12)
    assert (crafted - given.bases).abs().max() < 16 / 255 + 1e-6 and 0 <= crafted.min() <= crafted.max() <= 1
    before, after = (plain.loss(images, plain.targets()).item() for images in (given.bases, crafted))
    assert after < before


def test_every_benchmark_has_entries() -> None:
    assert tuple(benchmarks.names()) == NAMES


# ---- adversarial poisoning


def test_the_plain_defended_epoch_is_the_one_of_the_defense(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same noise, the same matching: poisons that differ in few pixels, by what bfloat16 rounds."""
    data = registry.load("datasets", "signs")(train=60, test=10).load(lambda *_: None).train
    net = build(registry.load("models", "small_cnn")(width=8), data, 0, "cpu")
    net.train()
    images, labels = on_device(data.images[:20], "cpu").float() / 255, on_device(data.labels[:20], "cpu")
    defense = AdversarialPoisoning(part=0.5, steps=2)
    case = adversarial_poisoning.Case("small_cnn", defense, data, "cpu")
    ours, plain = defense.hooks(case.session()), adversarial_poisoning.Plain(defense)
    ours.random = plain.random = torch.Generator().manual_seed(1)  # type: ignore[attr-defined]
    one = ours.batch(images, labels, torch.arange(20), net)[0]
    plain.random = torch.Generator().manual_seed(1)
    other = plain.batch(images, labels, torch.arange(20), net)[0]
    assert torch.equal(one[10:], images[10:]) and torch.equal(other[10:], images[10:])
    assert ((one - other).abs() < 1e-6).float().mean() > 0.9


def test_what_a_defended_epoch_costs_is_said(
    monkeypatch: pytest.MonkeyPatch, call: Callable[..., tuple[Any, str, str]]
) -> None:
    monkeypatch.setattr(adversarial_poisoning, "IMAGES", 40)
    monkeypatch.setattr(adversarial_poisoning, "TURNS", 1)
    status, out, _ = call("bench", "adversarial-poisoning", "--json", "--device", "cpu")
    results = [json.loads(line) for line in out.splitlines()]
    assert status == 0 and len(results) == 8
    assert all(result["facts"]["epochs"] > 0 for result in results)
    assert [result["reference"] is None for result in results] == [False] * 3 + [True] * 5
