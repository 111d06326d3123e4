"""Group normalisation in the place of batch normalisation."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from core import registry
from core.models.base import Net
from core.models.grouped import as_saved, grouped


def make(body: nn.Module, width: int = 4) -> Net:
    return Net(body, width, 2, torch.zeros(3), torch.ones(3))


def built(name: str) -> Net:
    net = registry.load("models", name)().build(3, 16, 4, torch.zeros(3), torch.ones(3))
    assert isinstance(net, Net)
    return net


@pytest.mark.parametrize("channels, groups", [(32, 2), (16, 1), (8, 1), (24, 3), (9, 9)])
def test_sixteen_channels_a_group_where_they_can_be_divided_so(channels: int, groups: int) -> None:
    (norm,) = grouped(make(nn.Sequential(nn.BatchNorm2d(channels)))).body
    assert isinstance(norm, nn.GroupNorm) and (norm.num_groups, norm.num_channels) == (groups, channels)


def test_a_group_by_hand_and_scale_and_shift_stay() -> None:
    before = nn.BatchNorm2d(2)
    nn.init.constant_(before.weight, 3.0)
    nn.init.constant_(before.bias, 1.0)
    net = grouped(make(nn.Sequential(before)))
    # 1 and 3 in one channel, 5 and 7 in the other: mean 4, variance 5
    image = torch.tensor([[[[1.0, 3.0]], [[5.0, 7.0]]]])
    expected = 1 + 3 * torch.tensor([-3.0, -1.0, 1.0, 3.0]) / 5**0.5
    assert torch.allclose(net.body(image).flatten(), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["small_cnn", "resnet_small", "preact_resnet18"])
def test_no_image_depends_on_its_batch_any_more(name: str) -> None:
    images = torch.rand(4, 3, 16, 16)
    net = built(name)
    assert not torch.allclose(net(images)[:1], net(images[:1].repeat(2, 1, 1, 1))[:1], atol=1e-4)
    net = grouped(net)
    assert torch.allclose(net(images)[:1], net(images[:1]), atol=1e-5)
    assert not any("running" in name for name in net.state_dict())


@pytest.mark.parametrize("name", ["small_cnn", "mlp", "linear"])
@pytest.mark.parametrize("change", [grouped, lambda net: net])
def test_weights_find_the_form_in_which_they_were_saved(name: str, change: Callable[[Net], Net]) -> None:
    saved = change(built(name)).eval()
    net = as_saved(built(name), saved.state_dict())
    net.load_state_dict(saved.state_dict())
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(net.eval()(image), saved(image))
