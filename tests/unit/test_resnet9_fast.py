"""The fast ResNet-9: its first layer whitens, is never learned, and travels with the weights."""

import numpy as np
import pytest
import torch

from core.datasets.base import ImageSet
from core.models.resnet9_fast import LEAST_VARIANCE, LivelyShift, Resnet9Fast, Whitening
from core.spec import Training
from core.train.loop import build, train


def test_patches_of_the_images_come_out_uncorrelated_with_variance_one() -> None:
    random = np.random.default_rng(0)
    images = torch.from_numpy(random.normal(size=(40, 3, 9, 9)).cumsum(axis=3)).float()  # neighbors are alike
    layer = Whitening(3)
    layer.fit(images)
    outputs = layer(images).transpose(0, 1).flatten(1).double()
    whitened, opposite = outputs[:12], outputs[12:]
    assert torch.equal(whitened, -opposite)
    spread = whitened @ whitened.T / whitened.shape[1]
    torch.testing.assert_close(spread, torch.eye(12, dtype=torch.float64), atol=0.01, rtol=0)


def test_a_direction_that_never_varies_is_not_blown_up() -> None:
    images = torch.ones(
        4, 1, 3, 3
    )  # of four directions only the mean of a patch has anything in it: 2 along (1,1,1,1)/2
    layer = Whitening(1)
    layer.fit(images)
    longest = layer.weight.flatten(1).norm(dim=1).max()
    assert longest == pytest.approx(LEAST_VARIANCE**-0.5, rel=1e-4)
    assert layer(images).abs().amax(dim=(0, 2, 3)).max() == pytest.approx(2 / (4 + LEAST_VARIANCE) ** 0.5, rel=1e-3)


def test_the_first_layer_follows_from_the_images_and_is_not_trained(tiny: ImageSet) -> None:
    net = build(Resnet9Fast(width=4), tiny, 0, "cpu")
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert before["body.0.weight"].abs().sum() > 0
    train(net, tiny, Training(epochs=1, batch_size=16), seed=0, device="cpu")
    after = net.state_dict()
    assert torch.equal(after["body.0.weight"], before["body.0.weight"])
    assert not torch.equal(after["body.2.weight"], before["body.2.weight"])
    darker = ImageSet(tiny.images // 2, tiny.labels, tiny.class_names, tiny.indices)
    darker.images[:, :, ::2] = 0
    assert not torch.equal(
        build(Resnet9Fast(width=4), darker, 0, "cpu").state_dict()["body.0.weight"], before["body.0.weight"]
    )


@pytest.mark.parametrize("size", [8, 9, 16, 28, 33])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_size_become_as_many_features(size: int, channels: int) -> None:
    net = Resnet9Fast(width=4).build(channels, size, 3, torch.zeros(channels), torch.ones(channels))
    assert net.eval().features(torch.rand(2, channels, size, size)).shape == (2, 16)


def test_nine_layers_have_weights_and_two_million_of_them() -> None:
    net = Resnet9Fast().build(3, 32, 10, torch.zeros(3), torch.ones(3))
    weighted = [each for each in net.modules() if isinstance(each, Whitening | torch.nn.Conv2d | torch.nn.Linear)]
    assert len(weighted) == 9
    assert sum(each.weight.numel() for each in weighted) == 288 + 13_824 + 2 * 36_864 + 147_456 + 3 * 589_824 + 2560


def test_convolutions_begin_by_passing_their_inputs_on() -> None:
    net = Resnet9Fast(width=32).build(3, 16, 10, torch.zeros(3), torch.ones(3))
    first = next(each for each in net.modules() if isinstance(each, torch.nn.Conv2d))  # of 24 channels 32 are made
    images = torch.rand(2, 24, 5, 5)
    assert torch.equal(first(images)[:, :24], images) and (first.weight[24:] != 0).all()


def test_a_shift_moves_64_times_as_far_as_its_gradient_says() -> None:
    shift = LivelyShift(2)
    optimiser = torch.optim.SGD(shift.parameters(), lr=0.5)
    shift(torch.zeros(1, 2, 1, 1)).sum().backward()  # the slope at each shift is 1
    optimiser.step()
    assert shift(torch.zeros(1, 2, 1, 1)).flatten().tolist() == [-32, -32]
    assert shift(torch.zeros(1, 2, 1, 1, dtype=torch.bfloat16)).dtype == torch.bfloat16
