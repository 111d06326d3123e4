"""A few images before and after an attack, for the Lab: read from a finished data step where there is one."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import cache
from core.attacks.base import Attack, Tools, apply, evaluation
from core.datasets.base import Dataset, ImageSet
from core.errors import PoisonscopeError
from core.home import home
from core.spec import Experiment

PER_CLASS = 12
"""Rows of each class that the preview keeps: enough for any attack to find something to poison."""
FEW = {"train": 300, "test": 300, "train_per_class": PER_CLASS, "test_per_class": PER_CLASS}
"""Settings of a data set that the preview lowers, where it has to read or draw the images itself."""
FETCHED = ("torchvision_set",)
"""Data sets that come from other machines: never without being asked to."""


class NotFetched(PoisonscopeError):
    """The images are not here yet, and getting them is the person's decision."""


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


def sample(experiment: Experiment, fetch: bool = False) -> Sample:
    """Some images of an experiment's data set.

    Args:
        experiment: whose data.
        fetch: whether the images may be downloaded.

    Raises:
        NotFetched: they would have to be downloaded.
        PoisonscopeError: they cannot be read.
    """
    assert isinstance(experiment.data, Dataset)
    key = _data_key(experiment.data.model_dump_json(), experiment)
    ready = cache.store().artifacts.has(key)
    asked = st.session_state.setdefault("fetched", set())
    if fetch:
        asked.add(key)
    if not ready and experiment.data.name in FETCHED and key not in asked:
        raise NotFetched("These images are not on this machine yet. They are downloaded when the run starts.")
    return _sample(str(home()), key, ready, experiment.data)


@st.cache_resource(max_entries=32, ttl=20, show_spinner=False)
def _data_key(content: str, _experiment: Experiment) -> str:
    """Key of the data step. It may depend on thousands of files, so it is not asked for at every move of a slider."""
    from core.steps import plan

    return plan(_experiment)[0].key


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
    lowered = {name: few for name, few in FEW.items() if name in type(_data).model_fields}
    lowered = {name: few for name, few in lowered.items() if (getattr(_data, name) or few + 1) > few}
    split = _data.model_copy(update=lowered).load(lambda fraction, text: None)
    told = getattr(_data, "train", None) if lowered else len(split.train)
    return Sample(_few(split.train), _few(split.test), told)


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
