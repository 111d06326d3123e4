"""torchvision's classification networks by name, with fresh weights and their last linear layer as the head."""

import torch
from torch import Tensor, nn

from core.errors import SpecError
from core.models.base import Model, Net
from core.spec import setting


class TorchvisionNet(Model):
    """Any torchvision classifier that ends in a linear layer, such as mobilenet_v3_small or vgg11_bn; never downloads
    weights."""

    title = "torchvision network"
    summary = "Any classifier of torchvision by name, such as mobilenet_v3_small."

    architecture: str = setting("mobilenet_v3_small", "Name in torchvision.models.", pattern=r"^[a-z0-9_]{1,60}$")

    def build(self, channels: int, size: int, classes: int, mean: Tensor, std: Tensor) -> Net:
        from torchvision import models

        legal = models.list_models(module=models)
        if self.architecture not in legal:
            raise SpecError(f"torchvision has no classifier {self.architecture!r}; legal are {', '.join(legal)}.")
        network = models.get_model(self.architecture, weights=None, num_classes=classes)
        places = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
        last = network.get_submodule(places[-1]) if places else None
        if not isinstance(last, nn.Linear) or last.out_features != classes:
            raise SpecError(
                f"{self.architecture!r} does not end in a linear layer; choose one that does, such as resnet18."
            )
        parent, _, child = places[-1].rpartition(".")
        setattr(network.get_submodule(parent), child, nn.Identity())
        if getattr(network, "aux_logits", False):
            raise SpecError(f"{self.architecture!r} learns from auxiliary outputs, which Poisonscope has no place for.")
        body = nn.Sequential(_ThreeChannels(), network) if channels == 1 else network
        net = Net(body, last.in_features, classes, mean, std)
        self._try(net, torch.zeros(1, channels, size, size))
        net.passes = 0.0
        return net.train()

    def _try(self, net: Net, image: Tensor) -> None:
        """Raise SpecError where the network cannot read images of this size; only trying tells."""
        try:
            with torch.no_grad():
                net.eval()(image)
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise SpecError(
                f"{self.architecture!r} cannot read images of {image.shape[-1]} pixels ({reason:.120}); "
                "choose another network or larger images."
            ) from None


class _ThreeChannels(nn.Module):
    """Repeats a grey image for networks that expect colour."""

    def forward(self, images: Tensor) -> Tensor:
        return images.expand(-1, 3, -1, -1)
