import numpy as np
import pytest
import torch

from core import registry
from core.datasets.base import ImageSet
from core.defenses.base import Session
from core.defenses.dropping import STAYED, Dropping
from core.defenses.epic import Epic
from core.models.base import Net
from core.spec import Training
from core.train.loop import build, on_device


@pytest.fixture
def net(tiny: ImageSet) -> Net:
    return build(registry.load("models", "linear")(), tiny, 0, "cpu").eval()


def session_of(data: ImageSet, epochs: int = 8) -> Session:
    images, labels = on_device(data.images, "cpu"), on_device(data.labels, "cpu")
    return Session(images, labels, len(data.class_names), Training(epochs=epochs), False, 0)


def dropped(defense: Epic, data: ImageSet, net: Net, epochs: int = 8) -> np.ndarray:
    hooks = defense.hooks(session_of(data, epochs))
    assert isinstance(hooks, Dropping)
    for epoch in range(epochs):
        hooks.rows(epoch, torch.arange(len(data)), net)
    return hooks.dropped_at


def test_it_drops_from_the_warm_up_on_every_so_often_and_not_in_the_end(tiny: ImageSet, net: Net) -> None:
    asked: list[int] = []

    class Asked(Epic):
        def gradients(self, net: Net, session: Session) -> torch.Tensor:
            asked.append(1)
            return super().gradients(net, session)

    hooks = Asked(warm_up=2, every=3, stop=0.75).hooks(session_of(tiny, 12))
    at = []
    for epoch in range(12):
        before = len(asked)
        hooks.rows(epoch, torch.arange(80), net)
        at += [epoch] * (len(asked) - before)
    assert at == [3, 6, 9]


def test_a_row_that_stands_alone_in_its_class_is_dropped(
    tiny: ImageSet, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = np.tile(np.eye(4, dtype=np.float32)[tiny.labels], 1) * 0.01
    planted[5] += 3.0  # of class 1, far from everybody
    monkeypatch.setattr(Epic, "gradients", lambda self, net, session: torch.from_numpy(planted))
    dropped_at = dropped(Epic(share=0.1, warm_up=2, every=2), tiny, net)
    assert dropped_at[5] == 2
    assert (dropped_at != STAYED).sum() == 1  # all others stand where their class stands


def test_the_proxies_are_the_gradients_that_they_say(tiny: ImageSet, net: Net) -> None:
    session = session_of(tiny)
    pixels = session.images[:3].float() / 255
    found = {proxy: Epic(proxy=proxy).gradients(net, session) for proxy in ("logits", "without_bias", "last_layer")}
    for row in range(3):
        logits = net(pixels[row : row + 1]).detach().requires_grad_()
        loss = torch.nn.functional.cross_entropy(logits, session.labels[row : row + 1])
        assert torch.allclose(found["logits"][row], torch.autograd.grad(loss, logits)[0][0], atol=1e-6)
        loss = torch.nn.functional.cross_entropy(net(pixels[row : row + 1]), session.labels[row : row + 1])
        weight = torch.autograd.grad(loss, net.head.weight)[0]
        assert torch.allclose(found["last_layer"][row], weight.flatten(), atol=1e-5)
    with torch.no_grad():
        net.head.bias.add_(torch.tensor([5.0, 0.0, 0.0, 0.0]))
    assert torch.allclose(Epic(proxy="without_bias").gradients(net, session), found["without_bias"])
    assert not torch.allclose(Epic().gradients(net, session), found["logits"])
