"""What holds for every network: weights from a seed, passes counted, sizes that it reads or refuses in one sentence."""

import json

import numpy as np
import pytest
import torch

from core import registry, spec
from core.datasets.base import ImageSet
from core.errors import SpecError
from core.models.base import Model, Net
from core.models.torchvision_net import TorchvisionNet
from core.train.loop import build

SMALL = {"width": 4}
NARROW = ("small_cnn", "resnet_small", "resnet9_fast", "resnet18", "preact_resnet18", "mlp")
SETTINGS = {name: SMALL for name in NARROW}
"""Narrow, so that the tests are fast; a network that is not here is tried as it comes."""

each_model = pytest.mark.parametrize("name", registry.names("models"))


def made(name: str, data: ImageSet, seed: int = 0) -> Net:
    return build(registry.load("models", name)(**SETTINGS.get(name, {})), data, seed, "cpu")


def weights(net: Net) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in net.state_dict().values())


@each_model
def test_a_model_says_what_it_is(name: str) -> None:
    model = registry.load("models", name)
    assert issubclass(model, Model) and model.__doc__ and model.title and model.summary.endswith(".")
    for field, facts in model.model_fields.items():
        assert facts.description and facts.description.endswith("."), f"{name}.{field} has no sentence of help"
    experiment = spec.parse({"model": {"name": name, **SETTINGS.get(name, {})}})
    assert spec.parse(json.loads(experiment.model_dump_json())) == experiment


@each_model
def test_weights_follow_from_the_seed_and_leave_torchs_stream_alone(name: str, tiny: ImageSet) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = weights(made(name, tiny, seed=1))
    assert torch.equal(torch.rand(1), expected)
    assert first == weights(made(name, tiny, seed=1)) != weights(made(name, tiny, seed=2))


@each_model
def test_passes_begin_at_zero_and_a_forward_pass_counts_a_third(name: str, tiny: ImageSet) -> None:
    net = made(name, tiny)
    assert net.passes == 0 and net.training
    images = torch.from_numpy(tiny.images[:6]).float() / 255
    with torch.no_grad():
        net.eval()(images)
    assert net.passes == pytest.approx(2)
    net(images).sum().backward()
    assert net.passes == pytest.approx(8)
    gradients = [parameter.grad for parameter in net.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


@each_model
def test_weights_fit_into_another_network_of_the_same_settings(name: str, tiny: ImageSet) -> None:
    one, other = made(name, tiny, seed=1).eval(), made(name, tiny, seed=2).eval()
    other.load_state_dict(one.state_dict())
    images = torch.from_numpy(tiny.images[:3]).float() / 255
    with torch.no_grad():
        np.testing.assert_array_equal(one(images).numpy(), other(images).numpy())


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torchvision's own, about how googlenet draws its weights
@pytest.mark.parametrize(
    "architecture, words",
    [("alexnet", "alexnet.*32 pixels"), ("vit_b_32", "vit_b_32.*32 pixels.*224"), ("googlenet", "auxiliary outputs")],
)
def test_a_network_that_cannot_read_the_images_says_so_before_training(architecture: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        TorchvisionNet(architecture=architecture).build(3, 32, 5, torch.zeros(3), torch.ones(3))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
