"""Weights that somebody brings: compared with the network that they are said to be of, before they are believed."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.errors import DataError
from core.models.base import Model, Net

COMPONENT = False

MOST_BYTES = 2**30
OPTIONAL = ("normalise.mean", "normalise.std")
"""What another tool does not save: the channel statistics of the images are measured here then."""
COUNTED = "num_batches_tracked"
"""Ending of a whole number that batch normalisation keeps and evaluation does not use."""
FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def load_brought(net: Net, path: Path) -> None:
    """Give a network the weights of a safetensors file.

    Args:
        net: of the right kind, for the right images; it is changed.
        path: the file.

    Raises:
        DataError: one sentence that names the first thing that does not fit.
    """
    weights, wanted = _read(path), net.state_dict()
    needed = {name for name in wanted if name not in OPTIONAL and not name.endswith(COUNTED)}
    if missing := sorted(needed - weights.keys()):
        raise DataError(
            f"The weights have no {missing[0]!r} ({len(missing)} of {len(needed)} tensors of the chosen network are "
            "missing); choose the network that they are of."
        )
    if unknown := sorted(weights.keys() - wanted.keys()):
        raise DataError(f"The weights have {unknown[0]!r:.80}, which is no part of the chosen network.")
    for name, tensor in weights.items():
        _check(name, tensor, wanted[name])
    net.load_state_dict({**wanted, **{name: tensor.to(wanted[name].dtype) for name, tensor in weights.items()}})


def verify(model: Model, path: Path, channels: int, size: int, classes: int) -> None:
    """Refuse weights that are not of a network for images of some size and number of classes.

    Raises:
        DataError: as for `load_brought`.
    """
    load_brought(model.build(channels, size, classes, torch.zeros(channels), torch.ones(channels)), path)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"The weights have {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are taken.")
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"The weights are no safetensors file that can be read ({reason:.120}).") from None


def _check(name: str, tensor: Tensor, wanted: Tensor) -> None:
    if tensor.shape != wanted.shape:
        theirs, ours = (" x ".join(map(str, each.shape)) or "one number" for each in (tensor, wanted))
        raise DataError(
            f"{name!r} of the weights is {theirs}, where the chosen network has {ours} for these images and classes."
        )
    if name.endswith(COUNTED):
        return
    if tensor.dtype not in FLOATS:
        raise DataError(f"{name!r} of the weights is of {tensor.dtype}; legal are float32, float16 and bfloat16.")
    if not torch.isfinite(tensor).all():
        raise DataError(f"{name!r} of the weights holds values that are not finite.")
    if name == "normalise.std" and not (tensor > 0).all():
        raise DataError("'normalise.std' of the weights holds values that are not above 0.")
