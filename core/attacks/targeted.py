"""What clean-label attacks on one test image share: the key, the surrogates, rounding within epsilon.

One key fixes the target image, the target class and the base images; it follows from the experiment's seed and the
key's number, and never from a model.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import field_validator
from torch import Tensor

from core import registry
from core.attacks.base import Attack, Evaluation, Need, Poisoned, Tools
from core.attacks.stamping import check_class, draw, replaced, shown
from core.attacks.toxic import Setup, read_setups
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.models.base import Net
from core.seeds import derive
from core.spec import Scenario, setting
from core.train.loop import on_device

COMPONENT = False


@dataclass(frozen=True)
class Aim:
    """Which test image is to be misread as what: its row, its true class, the wanted class."""

    row: int
    source_class: int
    target_class: int


@dataclass(frozen=True)
class Key:
    """One draw of an attack.

    Attributes:
        target: row of the test set whose image is to be misread.
        source_class, target_class: its true class, and the one that the attacker wants.
        rows: (p,) int64, base images in the training set, ascending.
    """

    target: int
    source_class: int
    target_class: int
    rows: np.ndarray


@dataclass(frozen=True)
class Problem:
    """What a crafting method works on; all tensors on `device`.

    Attributes:
        nets: surrogates in evaluation mode, float32, channels last; which parameters learn says `requires_grad`.
        bases: (p, c, h, w) float32 in [0, 1].
        labels: (p,) int64.
        target: (1, c, h, w) float32 in [0, 1].
        target_class: the label that the attacker wants for it.
        epsilon: largest change of a pixel, in [0, 1].
        shift, flip: the augmentation that the victim trains with.
        data, rows: the clean training set, and which rows of it are the bases.
        tools: the runner's.
    """

    nets: tuple[Net, ...]
    bases: Tensor
    labels: Tensor
    target: Tensor
    target_class: int
    epsilon: float
    shift: int
    flip: bool
    data: ImageSet
    rows: np.ndarray
    tools: Tools

    @property
    def device(self) -> str:
        return self.tools.device

    def generator(self, *names: object) -> torch.Generator:
        """A stream of torch random numbers of this key's own, on the CPU, so that every device draws the same."""
        return torch.Generator().manual_seed(derive(self.tools.seed, "key", self.tools.key, *names))

    def within(self, images: Tensor) -> Tensor:
        """Images moved back to at most epsilon from their bases and into [0, 1]; no gradient."""
        return torch.clamp(images, self.bases - self.epsilon, self.bases + self.epsilon).clamp_(0, 1)


@dataclass(frozen=True)
class Crafted:
    """What came out: images (p, c, h, w) in [0, 1], and the loss (restarts, steps) on the way."""

    images: Tensor
    trace: np.ndarray | None


class Targeted(Attack):
    """Base of attacks that make a victim misread one chosen test image; a subclass writes `craft`."""

    family: ClassVar[Literal["trigger", "targeted", "noise", "imported"]] = "targeted"
    changes_labels = False
    epsilon_bound = True
    needs: ClassVar[tuple[Need, ...]] = ("test", "surrogates")

    poison_fraction: float = setting(
        0.01, "Poison budget: poisoned rows among all training rows.", unit="fraction", gt=0, le=0.5
    )
    epsilon: int = setting(16, "Largest change of a pixel.", unit="/255", ge=1, le=255)
    target_class: int = setting(-1, "Class that the attacker wants predicted; -1 draws one for every key.", ge=-1)
    source_class: int = setting(-1, "True class of the image to be misread; -1 draws one for every key.", ge=-1)
    knowledge: Literal["white_box", "grey_box", "black_box"] = setting(
        "grey_box",
        "What the attacker's surrogates share with the victim. white_box: the pretrained weights (fine_tune and "
        "transfer only). grey_box: the kind of network, with another seed. black_box: not even that.",
    )
    surrogates: int = setting(
        1, "Networks that the attacker trains to craft on; more are slower and stronger.", unit="networks", ge=1, le=32
    )
    surrogate_model: str = setting(
        "resnet_small", "Kind of the surrogate network, where the attacker knows none (black_box).", advanced=True
    )
    setups: str = setting(
        "",
        "Path of a published list of set-ups; a key then takes its target and base images from it.",
        advanced=True,
    )

    @field_validator("surrogate_model")
    @classmethod
    def _known_model(cls, name: str) -> str:
        if name not in registry.names("models"):
            raise ValueError(f"{name!r} is no network; legal are {', '.join(registry.names('models'))}")
        return name

    def check(self, scenario: Scenario) -> None:
        if scenario == "from_scratch" and self.knowledge == "white_box":
            raise ValueError(
                "attack.knowledge 'white_box' needs pretrained weights to know; legal from scratch are grey_box and "
                "black_box, because a victim's seed is never the surrogate's"
            )

    def fingerprint(self) -> str:
        if not self.setups:
            return ""
        read_setups(Path(self.setups))  # says in one sentence what is wrong with the file
        return hashlib.sha256(Path(self.setups).read_bytes()).hexdigest()[:20]

    def most_keys(self) -> int | None:
        return len(read_setups(Path(self.setups))) if self.setups else None

    def aim(self, test: ImageSet, tools: Tools) -> Aim:
        """The target of this key.

        Raises:
            AttackError: a class that is not there, or one without test images.
        """
        if self.setups:
            return self._published_aim(test, tools)
        for name in ("source_class", "target_class"):
            check_class(name, getattr(self, name), test)
        order = tools.random("classes").permutation(len(test.class_names)).tolist()
        source = self.source_class if self.source_class >= 0 else next(c for c in order if c != self.target_class)
        wanted = self.target_class if self.target_class >= 0 else next(c for c in order if c != source)
        if source == wanted:
            raise AttackError(f"source_class and target_class are both {source}; they must differ.")
        images = np.flatnonzero(test.labels == source)
        if len(images) == 0:
            raise AttackError(f"There is no test image of class {source} to be misread; choose another source_class.")
        return Aim(int(tools.random("target").permutation(images)[0]), source, wanted)

    def _published_aim(self, test: ImageSet, tools: Tools) -> Aim:
        setup = self._setup(tools)
        rows = np.flatnonzero(test.indices == setup.target_index)
        if len(rows) == 0 or test.labels[rows[0]] != setup.target_class:
            raise AttackError(
                f"Set-up {tools.key} wants test image {setup.target_index} of class {setup.target_class}; this data "
                "set has no such image."
            )
        return Aim(int(rows[0]), setup.target_class, setup.base_class)

    def _setup(self, tools: Tools) -> Setup:
        return read_setups(Path(self.setups))[tools.key]

    def key(self, data: ImageSet, tools: Tools) -> Key:
        """Target and base images of this key; the same whatever the models are.

        Raises:
            AttackError: no test images were handed over, a class that is not there, or too few base images.
        """
        if tools.test is None:
            raise AttackError(f"{self.name} chooses a test image, and was given none.")
        aim, budget = self.aim(tools.test, tools), self.budget(len(data))
        if self.setups:
            rows = np.flatnonzero(np.isin(data.indices, self._setup(tools).base_indices[:budget]))
            if len(rows) == 0 or (data.labels[rows] != aim.target_class).any():
                raise AttackError(f"The base images of set-up {tools.key} are not in this data set's training part.")
        else:
            bases = np.flatnonzero(data.labels == aim.target_class)
            rows = draw(bases, budget, tools.random("rows"), f"of class {aim.target_class}")
        return Key(aim.row, aim.source_class, aim.target_class, rows)

    def craft(self, problem: Problem) -> Crafted:
        """Change the base images so that a model trained on them misreads the target."""
        raise NotImplementedError

    def base_rows(self, data: ImageSet, key: Key, tools: Tools) -> np.ndarray:
        """The rows to perturb: the key's, unless the method chooses better ones."""
        return key.rows

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        key = self.key(data, tools)
        assert tools.test is not None
        rows = self.base_rows(data, key, tools)
        bases, target = data.images[rows], tools.test.images[key.target : key.target + 1]
        crafted = self.craft(
            Problem(
                nets=tools.surrogates,
                bases=on_device(bases, tools.device).float() / 255,
                labels=on_device(data.labels[rows], tools.device),
                target=on_device(target, tools.device).float() / 255,
                target_class=key.target_class,
                epsilon=self.epsilon / 255,
                shift=tools.training.shift,
                flip=tools.flip and tools.training.flip,
                data=data,
                rows=rows,
                tools=tools,
            )
        )
        images = _rounded(crafted.images.detach().float().cpu().numpy(), bases, self.epsilon)
        changed = replaced(data, rows, images, data.labels[rows])
        return Poisoned(changed.data, rows, changed.originals, changed.original_labels, crafted.trace)

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        aim = self.aim(test, tools)
        row = np.array([aim.row])
        return shown(test, row, test.images[row], np.array([aim.target_class]))


def _rounded(images: np.ndarray, bases: np.ndarray, epsilon: int) -> np.ndarray:
    """Images in [0, 1] as uint8, at most epsilon whole levels from their bases."""
    levels = np.rint(images * 255)
    low, high = bases.astype(np.int16) - epsilon, bases.astype(np.int16) + epsilon
    return np.clip(np.clip(levels, low, high), 0, 255).astype(np.uint8)
