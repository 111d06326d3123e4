"""Which arithmetic is chosen, what is kept of a trial, and how many steps run at the same time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import torch

from core import device
from core.device import Arithmetic
from core.errors import SpecError
from core.train import loop, predict, trial
from core.train.trial import _Step, choose, enough

OTHER = Arithmetic(bfloat16=not device.by_rule("cpu").bfloat16, channels_last=False, threads=2, why="for a test")


@pytest.fixture
def trials(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of trials, in a home folder where trials count."""
    monkeypatch.delenv(device.TRIAL)
    monkeypatch.setattr("core.device.cores", lambda: 2)
    return home / device.TRIALS


def test_a_rule_decides_until_something_was_tried_out(trials: Path) -> None:
    assert device.tried("cpu") is None and device.arithmetic("cpu") == device.by_rule("cpu")
    device.remember("cpu", OTHER)
    assert device.arithmetic("cpu") == OTHER and device.threads() == 2
    assert device.layout("cpu") is torch.contiguous_format
    assert device.has_bfloat16("cpu") is OTHER.bfloat16
    assert device.describe("cpu") == "cpu (2 cores)"
    named = "bfloat16" if OTHER.bfloat16 else "float32"
    assert device.described_with_arithmetic("cpu") == f"cpu (2 cores, {named})"


def test_trials_that_are_switched_off_do_not_count(trials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device.remember("cpu", OTHER)
    monkeypatch.setenv(device.TRIAL, "off")
    assert device.arithmetic("cpu") == device.by_rule("cpu")


def test_a_trial_is_kept_beside_those_of_other_machines(trials: Path) -> None:
    trials.write_text(json.dumps({"another machine": {"bfloat16": True}}))
    device.remember("cpu", OTHER)
    kept = json.loads(trials.read_text())
    assert kept == {"another machine": {"bfloat16": True}, device.tried_on("cpu"): OTHER.model_dump()}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-2],
        lambda text: "[]",
        lambda text: text.replace('"threads": 2', '"threads": "2"'),
        lambda text: text.replace('"threads": 2', '"cores": 2'),
        lambda text: text.replace("torch", "an older torch"),
    ],
)
def test_a_file_that_is_none_of_this_machine_is_a_trial_again(trials: Path, change) -> None:  # type: ignore[no-untyped-def]
    device.remember("cpu", OTHER)
    trials.write_text(change(trials.read_text()))
    device._tried.cache_clear()
    assert device.tried("cpu") is None
    device.remember("cpu", OTHER)  # by another process, perhaps
    assert device.tried("cpu") == OTHER


def test_threads_can_be_named(trials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(device.THREADS, "2")
    assert device.threads() == 2 and device.lanes(10, "cpu") == 1
    for wrong in ("0", "3", "many", "-1"):
        monkeypatch.setenv(device.THREADS, wrong)
        with pytest.raises(SpecError, match=f"{wrong}.*from 1 to 2"):
            device.threads()


@pytest.mark.parametrize(
    "bfloat16, chosen",
    [(1.0, (False, True)), (0.95, (False, True)), (0.9, (True, True))],
)
def test_the_rule_is_left_by_a_clear_margin_only(bfloat16: float, chosen: tuple[bool, bool]) -> None:
    taken = {(True, True): bfloat16, (True, False): 1.2, (False, True): 1.0, (False, False): 1.1}
    assert choose(taken, (False, True)) == chosen


def test_a_way_that_is_missing_is_not_chosen() -> None:
    assert choose({(False, True): 1.0}, (False, True)) == (False, True)


@pytest.mark.parametrize("seconds, expected", [({1: 8.0, 2: 4.0, 4: 2.1}, 4), ({1: 3.0, 2: 2.2, 4: 2.0}, 2)])
def test_threads_that_gain_little_are_left_to_others(seconds: dict[int, float], expected: int) -> None:
    assert enough(4, seconds.__getitem__) == expected


def test_a_trial_is_made_once(
    trials: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def short(name: str) -> Arithmetic:
        made.append(name)
        return OTHER

    monkeypatch.setattr(trial, "trial", short)
    trial.ensure("cpu")
    trial.ensure("cpu")
    assert made == ["cpu"] and device.tried("cpu") == OTHER
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "for a test" in said.err


def test_a_trial_names_what_it_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.0)
    monkeypatch.setitem(trial.BATCH, "cpu", 2)
    found = trial.trial("cpu")
    assert found.threads == 1 and found.why.startswith("bfloat16" if found.bfloat16 else "float32")
    assert " ms" in found.why


def test_ways_that_fail_or_are_hopeless_are_left_out() -> None:
    seconds = {(False, True): 1.0, (False, False): 4.0, (True, True): 6.0}

    def fails(count: int) -> float:
        raise RuntimeError("no bfloat16 here")

    ways = {way: (lambda count, took=took: took) for way, took in seconds.items()} | {(True, False): fails}
    trial_seconds, trial.SECONDS = trial.SECONDS, 0.0
    try:
        assert trial._turns(ways, (False, True)) == {(False, True): 1.0, (False, False): 4.0}
    finally:
        trial.SECONDS = trial_seconds


def test_where_the_rules_own_way_fails_the_fastest_of_the_others_is_taken() -> None:
    assert trial.choose({(False, True): 2.0, (False, False): 1.0}, (True, True)) == (False, False)


def test_a_device_that_cannot_be_tried_is_tried_again_by_the_next_run(
    trials: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: _Step, count: int) -> float:
        raise torch.OutOfMemoryError("no memory left")

    monkeypatch.setattr(_Step, "seconds", full)
    trial.ensure("cpu")
    assert device.tried("cpu") is None and not trials.exists()
    assert capsys.readouterr().err.strip().endswith("by rule: no arithmetic works on it.")


def test_a_step_of_the_trial_computes_as_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trial.BATCH, "cpu", 2)
    seen: list[tuple[torch.dtype, bool]] = []
    for way in trial.WAYS:
        step = _Step("cpu", way)
        step.net.register_forward_hook(
            lambda _net, _images, made: seen.append((made.dtype, made.is_contiguous(memory_format=torch.channels_last)))
        )
        assert step.seconds(0) > 0
    assert seen == [(torch.bfloat16 if half else torch.float32, last) for half, last in trial.WAYS]


@pytest.mark.parametrize("gigabytes, lanes", [(4, 1), (24, 3), (80, 4)])
def test_a_gpu_takes_as_many_steps_as_it_has_room_for(
    gigabytes: int, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_memory", lambda: gigabytes * 2**30)
    assert (device.lanes(10, "cuda"), device.lanes(2, "cuda")) == (lanes, min(lanes, 2))


def test_networks_and_images_lie_as_the_trial_found_best(trials: Path, tiny) -> None:  # type: ignore[no-untyped-def]
    from core.models.small_cnn import SmallCnn
    from core.spec import Training
    from core.train.hooks import Hooks

    device.remember("cpu", OTHER)
    net = loop.build(SmallCnn(width=8), tiny, 0, "cpu")
    seen: list[torch.Tensor] = []

    class Spy(Hooks):
        def batch(self, images: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, net):  # type: ignore[no-untyped-def]
            seen.append(images)
            return images, labels

    loop.train(net, tiny, Training(epochs=1), seed=0, device="cpu", hooks=Spy())
    net.register_forward_pre_hook(lambda _net, given: seen.append(given[0]))
    predict.logits(net, torch.from_numpy(tiny.images))
    assert len(seen) == 2 and all(images.is_contiguous() for images in seen)
    assert all(weights.is_contiguous() for weights in net.parameters())


def test_a_lane_on_the_cpu_changes_nothing_and_threads_on_cuda_have_a_stream_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    entered: list[object] = []

    class Stream:
        def __init__(self) -> None:
            made.append(self)

    @contextmanager
    def stream(own: object) -> Iterator[None]:
        entered.append(own)
        yield

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(device, "_streams", device.threading.local())
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    with device.lane("cpu"):
        assert made == []
    for _ in range(2):
        with device.lane("cuda"):
            assert entered[-1] is made[0]
    assert len(made) == 1 and len(entered) == 2


def test_memory_is_counted_anew_by_a_step_that_begins_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    resets: list[int] = []
    monkeypatch.setattr(torch.cuda, "Stream", object)
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: resets.append(1))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 700)
    monkeypatch.setattr(device, "_streams", device.threading.local())
    assert device.peak("cpu") is None and device.peak("cuda") == 700
    with device.lane("cuda"), device.lane("cuda"):
        assert len(resets) == 1
    with pytest.raises(ValueError), device.lane("cuda"):
        raise ValueError
    with device.lane("cuda"):
        assert len(resets) == 3
