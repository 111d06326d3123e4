import numpy as np
import pytest
import torch

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.dropping import STAYED, Dropping, twin
from core.models.base import Net
from core.spec import Training
from core.train.loop import build, on_device


def session_of(data: ImageSet) -> Session:
    return Session(
        on_device(data.images, "cpu"),
        on_device(data.labels, "cpu"),
        len(data.class_names),
        Training(epochs=8),
        False,
        0,
    )


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    return build(registry.load("models", "linear")(), tiny, 0, "cpu").eval()


def test_what_has_left_never_comes_back(tiny: ImageSet, net: Net) -> None:
    wanted = {1: [3, 4], 3: [4, 9]}  # row 4 is named twice; it left before epoch 1

    def choose(epoch: int, net: Net, staying: np.ndarray) -> np.ndarray:
        return np.isin(np.arange(len(staying)), wanted.get(epoch, []))

    hooks, every = Dropping(session_of(tiny), choose), torch.arange(80)
    lengths = [len(hooks.rows(epoch, every, net)) for epoch in range(5)]
    assert lengths == [80, 78, 78, 77, 77]
    assert {row: int(hooks.dropped_at[row]) for row in (3, 4, 9, 10)} == {3: 1, 4: 1, 9: 3, 10: STAYED}


@pytest.mark.parametrize("criterion", ["random", "loss", "confidence"])
def test_a_twin_drops_as_many_of_each_class_at_the_same_epochs(criterion: str, tiny: ImageSet, net: Net) -> None:
    dropped_at = np.full(80, STAYED, dtype=np.int16)
    dropped_at[[0, 4, 8, 1]] = 2  # three of class 0, one of class 1
    dropped_at[[12, 3]] = 4
    hooks = twin(session_of(tiny), dropped_at, criterion)  # type: ignore[arg-type]
    for epoch in range(6):
        hooks.rows(epoch, torch.arange(80), net)
    for epoch in (2, 4):
        theirs, ours = (tiny.labels[at == epoch].tolist() for at in (dropped_at, hooks.dropped_at))
        assert sorted(ours) == sorted(theirs)
    assert (hooks.dropped_at != STAYED).sum() == 6
    assert not np.array_equal(hooks.dropped_at, dropped_at)


def test_by_loss_the_worst_go_first(tiny: ImageSet, net: Net) -> None:
    logits = net(on_device(tiny.images, "cpu").float() / 255)
    losses = torch.nn.functional.cross_entropy(logits, on_device(tiny.labels, "cpu"), reduction="none").detach().numpy()
    dropped_at = np.full(80, STAYED, dtype=np.int16)
    dropped_at[[0, 4]] = 1
    hooks = twin(session_of(tiny), dropped_at, "loss")
    hooks.rows(1, torch.arange(80), net)
    own = np.flatnonzero(tiny.labels == 0)
    worst = own[np.argsort(-losses[own])[:2]]
    assert sorted(np.flatnonzero(hooks.dropped_at == 1)) == sorted(worst)
