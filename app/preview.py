"""A few images before and after an attack, for the Lab: read from a finished data step where there is one."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import cache
from core.attacks.base import Attack, Tools, apply, evaluation
from core.datasets.base import Dataset, ImageSet
from core.home import home
from core.spec import Experiment

PER_CLASS = 12
"""Rows of each class that the preview keeps: enough for any attack to find something to poison."""
FEW = 300
"""Images of a drawn set that the preview draws itself when no run has drawn it yet."""


@dataclass(frozen=True)
class Sample:
    """A small part of a data set; `rows` counts the training rows of the whole set, None where that is unknown."""

    train: ImageSet
    test: ImageSet
    rows: int | None


@dataclass(frozen=True)
class Pairs:
    """Images before and after, with a sentence each."""

    clean: np.ndarray
    changed: np.ndarray
    words: list[str]


def sample(experiment: Experiment) -> Sample:
    """Some images of an experiment's data set.

    Raises:
        PoisonscopeError: the data cannot be read.
    """
    from core.steps import plan

    step = plan(experiment)[0]
    assert isinstance(experiment.data, Dataset)
    return _sample(str(home()), step.key, cache.store().artifacts.has(step.key), experiment.data)


@st.cache_resource(max_entries=6, show_spinner="Looking at the images …")
def _sample(folder: str, key: str, ready: bool, _data: Dataset) -> Sample:
    if ready:
        artifacts = cache.store().artifacts
        names = tuple(artifacts.meta(key)["class_names"])
        parts = []
        for part in ("train", "test"):
            images, labels, indices = (
                artifacts.array(key, f"{part}_{what}") for what in ("images", "labels", "indices")
            )
            parts.append(ImageSet(images, labels, names, indices))
        return Sample(_few(parts[0]), _few(parts[1]), len(parts[0]))
    whole = getattr(_data, "train", None)
    small = {
        name: min(getattr(_data, name), FEW)
        for name in ("train", "test")
        if isinstance(getattr(_data, name, None), int)
    }
    split = _data.model_copy(update=small).load(lambda fraction, text: None)
    return Sample(_few(split.train), _few(split.test), whole if isinstance(whole, int) else len(split.train))


def _few(images: ImageSet) -> ImageSet:
    labels = np.asarray(images.labels)
    rows = np.concatenate([np.flatnonzero(labels == label)[:PER_CLASS] for label in range(len(images.class_names))])
    return images.rows(np.sort(rows))


def poisoned(attack: Attack, data: Sample, count: int = 3) -> Pairs:
    """Training images before and after; the attack gets just so many rows that it has `count` to poison.

    Raises:
        PoisonscopeError: the attack cannot do what it is asked to.
    """
    budget = attack.model_copy(update={"poison_fraction": count / len(data.train)})
    done = apply(budget, data.train, Tools(seed=0))
    names, labels = data.train.class_names, done.data.labels[done.rows]
    words = [f"{names[old]}, labelled {names[new]}" for old, new in zip(done.original_labels, labels, strict=True)]
    return Pairs(done.originals[:count], done.data.images[done.rows][:count], words[:count])


def shown(attack: Attack, data: Sample, count: int = 3) -> Pairs:
    """Test images as the attacker shows them; one of each class as far as they go.

    Raises:
        PoisonscopeError: the attack cannot do what it is asked to.
    """
    judged = evaluation(attack, data.test, Tools(seed=0))
    _, first = np.unique(judged.true, return_index=True)
    chosen = np.concatenate([first, np.setdiff1d(np.arange(len(judged.true)), first)])[:count]
    names = data.test.class_names
    words = [f"{names[judged.true[i]]}, to be read as {names[judged.wanted[i]]}" for i in chosen]
    return Pairs(data.test.images[judged.indices[chosen]], judged.images[chosen], words)
