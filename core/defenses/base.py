"""What a defense is: a filter, a training defense or a repair, each with what it is told.

A defense gets a view without ground truth. Facts that it does not list in `knows` are not handed over: asking for
one of them raises.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor

from core.errors import PoisonscopeError
from core.facts import FACTS, Fact
from core.seeds import stream
from core.spec import Component, Training
from core.train.hooks import Hooks

COMPONENT = False

Criterion = Literal["random", "loss", "confidence"]


@dataclass(frozen=True)
class View:
    """What a defense may look at.

    Attributes:
        labels: (n,) int64, the labels of the training set as they are given; read-only, for the victim reads them too.
        class_names: names of the classes.
        seed: root of the defense's random streams.
        read_features: computes or reads the features of the model trained on all rows.
        facts: only those that the defense lists in `knows`.
    """

    labels: np.ndarray
    class_names: tuple[str, ...]
    seed: int
    read_features: Callable[[], np.ndarray]
    facts: dict[Fact, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = self.labels.view()
        labels.flags.writeable = False
        object.__setattr__(self, "labels", labels)  # the one way to set a field of a frozen dataclass

    @cached_property
    def features(self) -> np.ndarray:
        """(n, d) float32: input of the last linear layer, without augmentation, model in evaluation mode."""
        return self.read_features()

    def fact(self, name: Fact) -> Any:
        """A fact that the defense was told.

        Raises:
            PoisonscopeError: the defense does not list it in `knows`.
        """
        if name not in self.facts:
            raise PoisonscopeError(
                f"This defense was not told {FACTS[name]}; a defense lists what it is told in `knows`."
            )
        return self.facts[name]

    def random(self, *names: object) -> np.random.Generator:
        """A random stream of the defense's own."""
        return stream(self.seed, "defense", *names)


class Defense(Component):
    """Base of the three kinds."""

    kind: ClassVar[Literal["filter", "training", "repair"]]
    summary: ClassVar[str]
    fails_when: ClassVar[str]

    @property
    def knows(self) -> tuple[Fact, ...]:
        """The facts that this defense, as it is configured, is told."""
        return ()


@dataclass(frozen=True)
class Session:
    """The training that a training defense takes part in; it holds no ground truth.

    Attributes:
        images: (n, c, h, w) uint8, on the device that trains.
        labels: (n,) int64, as they are given.
        classes: k.
        training: epochs, schedule, augmentation.
        flip: whether the data set allows mirror images.
        seed: root of the defense's random streams.
    """

    images: Tensor
    labels: Tensor
    classes: int
    training: Training
    flip: bool
    seed: int

    def random(self, *names: object) -> np.random.Generator:
        """A random stream of the defense's own."""
        return stream(self.seed, "defense", *names)


class TrainingDefense(Defense):
    """Takes part in training, through the loop's hooks, instead of cleaning up after it."""

    kind: ClassVar[Literal["filter", "training", "repair"]] = "training"
    practises: ClassVar[bool] = False
    """Whether it makes poisons of its own, whose making is recorded to be looked at (`core.defenses.practice`)."""
    multiplies: ClassVar[bool] = False
    """Whether more images leave its step than came in, so that no attacker can craft through it."""

    def hooks(self, session: Session) -> Hooks:
        """What the defense does at the loop's named places."""
        raise NotImplementedError

    def check(self, training: Training) -> None:
        """Raise ValueError, in one sentence, where the defense could do nothing in such a training."""

    @property
    def cost(self) -> float:
        """Expected passes of a training with it, beside 1 without: for estimates."""
        return 1.0

    @property
    def once(self) -> float:
        """Expected passes of every image that a whole training takes in addition, however many epochs it has."""
        return 0.0

    @property
    def first(self) -> int | None:
        """The epoch (0 is the first) before which it first changes what is trained on; None where there is no such."""
        return None

    @property
    def twins(self) -> tuple[Criterion, ...]:
        """Controls that drop as many rows at the same epochs, by another criterion; none where nothing is dropped."""
        return ()


class Filter(Defense):
    """Scores every row, flags some, and has the model retrained on the rest."""

    kind: ClassVar[Literal["filter", "training", "repair"]] = "filter"

    def scores(self, view: View) -> np.ndarray:
        """(n,) float64, higher = more suspicious."""
        raise NotImplementedError

    def flag(self, scores: np.ndarray, view: View) -> np.ndarray:
        """(n,) bool, the rows to remove."""
        raise NotImplementedError


def scored(defense: Filter, view: View) -> np.ndarray:
    """Let a filter score every row, and verify what comes back: (n,) finite numbers.

    Raises:
        PoisonscopeError: anything else.
    """
    scores = np.asarray(defense.scores(view), dtype=np.float64)
    if scores.shape != view.labels.shape or not np.isfinite(scores).all():
        raise PoisonscopeError(f"{defense.title} must give each of {len(view.labels)} rows a finite score.")
    return scores


def decided(defense: Filter, scores: np.ndarray, view: View) -> np.ndarray:
    """Let a filter flag rows, and verify what comes back: (n,) bool.

    Raises:
        PoisonscopeError: anything else.
    """
    flagged = defense.flag(scores, view)
    if flagged.shape != view.labels.shape or flagged.dtype != bool:
        raise PoisonscopeError(f"{defense.title} must say yes or no to each of {len(view.labels)} rows.")
    return flagged


def random_flags(flagged: np.ndarray, view: View) -> np.ndarray:
    """The control of every filter: as many rows of each class, drawn at random.

    Args:
        flagged: (n,) bool, what the filter removes.
        view: the filter's view; only labels and the random stream are used.

    Returns:
        (n,) bool.
    """
    random = view.random("random_filter")
    result = np.zeros_like(flagged)
    for label in np.unique(view.labels):
        rows = np.flatnonzero(view.labels == label)
        result[random.choice(rows, int(flagged[rows].sum()), replace=False)] = True
    return result
