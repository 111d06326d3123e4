"""A compiled body: the same bytes, one graph for all steps, and eager where compiling fails."""

import logging
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounter

from core import estimate
from core.datasets.base import ImageSet
from core.models.base import Net
from core.models.small_cnn import SmallCnn
from core.spec import Training, parse
from core.train import compiling, loop
from core.train.compiling import Compiled
from core.train.hooks import Hooks

CONFIG = Training(epochs=2, batch_size=32, precision="float32")  # 80 rows: two full batches, and one of 16


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Compiled]:
    """Networks that the loop compiles, without a compiler."""
    torch._dynamo.reset()
    compiled: list[Compiled] = []

    def make(net: Net, batch_size: int) -> Compiled:
        compiled.append(Compiled(net, batch_size, backend="eager"))
        return compiled[-1]

    monkeypatch.setattr(loop, "Compiled", make)
    return compiled


def fit(data: ImageSet, **options: Any) -> loop.Trained:
    net = loop.build(SmallCnn(width=8), data, 0, "cpu")
    return loop.train(net, data, CONFIG, seed=0, device="cpu", **options)


def test_compiled_or_not_is_the_same(tiny: ImageSet, made: list[Compiled], home: Any) -> None:
    plain, fast = fit(tiny), fit(tiny, compiles=True)
    assert len(made) == 1 and made[0].fast is not None
    assert fast.passes == plain.passes == 160 and "forward" not in vars(fast.net.body)
    expected, found = plain.net.state_dict(), fast.net.state_dict()
    assert list(expected) == list(found) and all(torch.equal(expected[name], found[name]) for name in expected)


def test_all_steps_share_one_graph(tiny: ImageSet) -> None:
    torch._dynamo.reset()
    graphs = CompileCounter()
    net = loop.build(SmallCnn(width=8), tiny, 0, "cpu").train()
    fast = Compiled(net, 8, backend=graphs)
    for size in (8, 8, 8, 5):
        fast(torch.rand(size, 3, 16, 16)).sum().backward()
        net.eval()
        net(torch.rand(8, 3, 16, 16))  # as it is measured between epochs
        net.train()
    assert graphs.frame_count == 1 and net.passes == 8 * 3 + 5 + 8 * 4


def test_what_cannot_be_compiled_is_eager_and_said(tiny: ImageSet, caplog: pytest.LogCaptureFixture) -> None:
    torch._dynamo.reset()

    def broken(graph: torch.fx.GraphModule, example: list[Tensor]) -> Any:
        raise RuntimeError("no compiler here")

    net = loop.build(SmallCnn(width=8), tiny, 0, "cpu").train()
    fast = Compiled(net, 4, backend=broken)
    with caplog.at_level(logging.WARNING, logger=compiling.__name__):
        for _ in range(2):
            assert fast(torch.rand(4, 3, 16, 16)).shape == (4, 4)
    assert net.passes == 8 and fast.fast is None and "forward" not in vars(net.body)
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]
    assert "no compiler here" in caplog.text


def test_a_way_back_that_cannot_be_compiled_leaves_no_trace(
    tiny: ImageSet, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch._dynamo.reset()

    def broken(graph: torch.fx.GraphModule, example: list[Tensor]) -> Any:
        raise RuntimeError("no way back")

    backend = aot_autograd(fw_compiler=lambda graph, example: make_boxed_func(graph.forward), bw_compiler=broken)
    monkeypatch.setattr(loop, "Compiled", lambda net, batch_size: Compiled(net, batch_size, backend=backend))
    with caplog.at_level(logging.WARNING, logger=compiling.__name__):
        found, plain = fit(tiny, compiles=True), fit(tiny)
    assert "no way back" in caplog.text and found.passes == plain.passes == 160
    expected = plain.net.state_dict()
    assert all(torch.equal(expected[name], weight) for name, weight in found.net.state_dict().items())


def test_a_training_that_a_defense_takes_part_in_is_not_compiled(tiny: ImageSet, made: list[Compiled]) -> None:
    class Watching(Hooks):
        """It might differentiate twice, or note what layers see."""

    fit(tiny, compiles=True, hooks=Watching())
    assert made == []


def test_only_long_trainings_on_cuda_repay_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = parse({"defenses": [], "victims": 2})
    assert estimate.trainings(experiment) == 4
    for seconds, repays in ((70.0, False), (80.0, True)):
        monkeypatch.setattr(estimate, "_guessed", lambda *_, each=seconds: each)
        assert estimate.repays_compiling(experiment, "cuda") is repays
        assert not estimate.repays_compiling(experiment, "cpu")
