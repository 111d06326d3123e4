"""torchvision's classification networks by name, with fresh weights and their last linear layer as the head."""

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
        body = nn.Sequential(_ThreeChannels(), network) if channels == 1 else network
        return Net(body, last.in_features, classes, mean, std)


class _ThreeChannels(nn.Module):
    """Repeats a grey image for networks that expect colour."""

    def forward(self, images: Tensor) -> Tensor:
        return images.expand(-1, 3, -1, -1)
