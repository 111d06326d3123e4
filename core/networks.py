"""Trained networks of a run, for a forward pass: what each makes of images that the run has never seen."""

import numpy as np
import torch
from safetensors import SafetensorError

from core.errors import StoreError
from core.models.base import Net
from core.runs.view import RunView
from core.spec import parse
from core.steps import Step
from core.train import predict
from core.train.loop import on_device
from core.watch import Nobody, Watch
from core.work import Work


def load(seen: RunView, arm: str) -> Net:
    """The network that an arm of a run trained, on the processor and in evaluation mode.

    Raises:
        StoreError: it is not stored here, or its weights are not those of the run's kind of network.
        SpecError: this version cannot read the run's experiment.
    """
    data, trained = seen.step("data"), seen.step("train", arm=arm)
    if data is None or trained is None or not seen.has_network(arm):
        raise StoreError(f"The network {arm!r} of run {seen.run.id!r} is not stored here; repeat the run to train it.")
    source = Step("data", data["key"], "", (), 1.0)
    step = Step("train", trained["key"], "", (source,), 1.0, arm=arm)
    work = Work(parse(seen.run.spec), seen.store.artifacts, Watch(Nobody(), {}), "cpu")
    try:
        return work.net(Step("look", trained["key"], "", (source, step), 1.0))
    except (RuntimeError, SafetensorError) as error:
        raise StoreError(f"The weights of the network {arm!r} do not fit: {str(error).splitlines()[0]:.200}") from None


def probabilities(net: Net, images: np.ndarray) -> np.ndarray:
    """What a network makes of images: (m, c, h, w) uint8 to (m, k) float32, each row of sum 1.

    One thread: the images are few, and threads that wait for each other would take longer than the work.
    """
    torch.set_num_threads(1)  # of the calling thread alone
    found: np.ndarray = predict.logits(net, on_device(images, "cpu")).softmax(dim=1).numpy()
    return found
