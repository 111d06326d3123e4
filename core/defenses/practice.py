"""What a defense that poisons its own batches made of a few of them, kept for the view inside the step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.models.base import Net
from core.models.folded import in_half
from core.train.epochs import spread
from core.train.hooks import Hooks

COMPONENT = False

EPOCHS = 6
POISONS, TARGETS = 32, 16
"""Images that are kept of a batch, at most."""
ROOM = 900_000
"""Bytes of all images of a record: with everything else it stays below a megabyte."""
NOBODY = -1
"""Stands for the class that a target is to be read as where the attack inside the step has no such."""


@dataclass(frozen=True)
class Practice:
    """One batch as the defense divided and changed it.

    Attributes:
        before, after: (b, c, h, w) float32 in [0, 1].
        labels, rows: (b,) int64; rows of the training set.
        poisons: how many images, from the first on, are poisons.
        targets: (t,) int64, places of the targets in the batch.
        fake: (poisons + t,) int64: the class that a poison wants targets to be read as, and that a target is to be read
            as; None where the attack knows no classes.
        course: how well the attack does before anything, at its random start and after each of its steps; empty where
            it has no measure.
    """

    before: Tensor
    after: Tensor
    labels: Tensor
    rows: Tensor
    poisons: int
    targets: Tensor
    fake: Tensor | None
    course: list[Tensor]


class Practising(Hooks):
    """Hooks of a defense that makes poisons; `record`, where there is one, is handed the first batch of an epoch."""

    record: "PracticeRecord | None" = None

    def rows(self, epoch: int, rows: Tensor, net: Net) -> Tensor:
        if self.record is not None:
            self.record.begin(epoch + 1)
        return rows

    @property
    def watched(self) -> bool:
        """Whether the next batch is to be handed over."""
        return self.record is not None and self.record.due


class PracticeRecord:
    """Keeps the first batch of a few epochs, evenly spread; the training takes no notice."""

    def __init__(self, epochs: int) -> None:
        """Prepare for a training of so many epochs."""
        self.chosen = spread(epochs, EPOCHS)
        self.epoch, self.due = 0, False
        self.epochs: list[int] = []
        self.kept: list[dict[str, np.ndarray]] = []
        self.sizes: dict[str, int] = {}

    def begin(self, epoch: int) -> None:
        """An epoch begins; 1 is the first."""
        self.epoch, self.due = epoch, epoch in self.chosen

    def note(self, seen: Practice, net: Net) -> None:
        """Keep a batch, with what a network in evaluation mode makes of it, and wait for another epoch."""
        self.due = False
        most = self.most(seen.before)
        poisons, targets = (min(*sizes) for sizes in zip(most, (seen.poisons, len(seen.targets)), strict=True))
        everybody = torch.cat([torch.arange(seen.poisons), seen.targets])
        some = torch.cat([everybody[:poisons], seen.targets[:targets]])
        fake = torch.full((len(everybody),), NOBODY) if seen.fake is None else seen.fake.cpu()
        with torch.no_grad(), in_half(seen.before.device.type):
            logits = torch.stack([net(seen.before).float(), net(seen.after).float()])
        self.epochs.append(self.epoch)
        self.sizes = {"batch": len(seen.before), "all": seen.poisons, "shown": poisons, "targets": len(seen.targets)}
        places = some.to(seen.labels.device)
        self.kept.append(
            {
                "rows": seen.rows.cpu()[some].numpy(),
                "labels": seen.labels[places].cpu().numpy(),
                "fake": torch.cat([fake[:poisons], fake[seen.poisons :][:targets]]).numpy(),
                "before": _as_bytes(seen.before[places]),
                "after": _as_bytes(seen.after[places]),
                "course": np.array([float(value) for value in seen.course], dtype=np.float32),
                "losses": _losses(logits, seen, fake).cpu().numpy(),
                "probabilities": logits[:, places].softmax(dim=2).transpose(0, 1).cpu().numpy().astype(np.float16),
            }
        )

    def most(self, images: Tensor) -> tuple[int, int]:
        """How many poisons and targets of a batch (b, c, h, w) have room."""
        room = ROOM // (len(self.chosen) * 2 * images[0].numel())
        return max(2, min(POISONS, room * 2 // 3)), max(1, min(TARGETS, room // 3))

    def saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What is to be kept beside the training; nothing where no batch was large enough to be divided.

        Returns:
            meta "practice": images of a batch, all its poisons and targets, and how many poisons are shown; and arrays,
            of e epochs, m images (poisons, then targets) and k classes: practice_epochs (e,), practice_rows, _labels,
            _fake (e, m) int64; practice_before, _after (e, m, c, h, w) uint8; practice_course (e, steps + 2) float32;
            practice_losses (e, 3, 2) float32, of poisons and targets with their own labels and of targets with the fake
            one, before and after; practice_probabilities (e, m, 2, k) float16.
        """
        if not self.kept:
            return {}, {}
        arrays = {f"practice_{name}": np.stack([one[name] for one in self.kept]) for name in self.kept[0]}
        return {"practice": self.sizes}, {"practice_epochs": np.array(self.epochs, dtype=np.int64), **arrays}


def _losses(logits: Tensor, seen: Practice, fake: Tensor) -> Tensor:
    """(3, 2): mean cross-entropy of poisons, of targets, of targets with their fake label; nan where there is none."""
    device, targets = logits.device, seen.targets.to(logits.device)
    parts = (
        (logits[:, : seen.poisons], seen.labels[: seen.poisons]),
        (logits[:, targets], seen.labels[targets]),
        (logits[:, targets], fake[seen.poisons :].to(device)),
    )
    found = torch.full((3, 2), torch.nan, device=device)
    for part, (both, wanted) in enumerate(parts):
        if len(wanted) and int(wanted.min()) != NOBODY:
            for side in (0, 1):
                found[part, side] = nn.functional.cross_entropy(both[side], wanted)
    return found


def _as_bytes(images: Tensor) -> np.ndarray:
    return (images * 255).round().to(torch.uint8).cpu().numpy()
