"""A few images before and after an attack, for the Lab: read from a finished data step where there is one."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from app import cache
from core import estimate, remembered
from core.attacks.base import Attack, Poisoned, Tools, apply, evaluation
from core.attacks.targeted import Targeted
from core.crafted import relabelled
from core.datasets.base import Dataset, ImageSet, Split
from core.errors import PoisonscopeError
from core.home import home
from core.sets import read_split
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
    """Images of a data set to look at.

    Attributes:
        train, test: a few of every class.
        rows: training rows of a victim; None where that is unknown.
        whole: all images that a run with these settings will use; None where no run has read them yet.
        key: of the step that reads them.
    """

    train: ImageSet
    test: ImageSet
    rows: int | None
    whole: Split | None
    key: str


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
    key = _data_key(experiment)
    ready = cache.store().artifacts.has(key)
    asked = st.session_state.setdefault("fetched", set())
    if fetch:
        asked.add(key)
    if not ready and experiment.data.name in FETCHED and key not in asked:
        raise NotFetched("These images are not on this machine yet. They are downloaded when the run starts.")
    if ready:
        return _stored(str(home()), key)
    found = _loaded(str(home()), _data_key(experiment.model_copy(update={"scenario": "from_scratch"})), experiment.data)
    known = estimate.victims_rows(experiment) if found.rows or estimate.counted(experiment.data) else None
    return replace(found, rows=known)


def _data_key(experiment: Experiment) -> str:
    """Key of the images that victims see. It depends on pretraining where that sets a part of them aside."""
    bare = experiment.model_copy(update={"attack": None, "defenses": (), "keys": 1, "victims": 1})
    content = bare.model_dump_json(include={"data", "scenario", "pretraining", "seed"})
    return _planned_key(content, bare)


@st.cache_resource(max_entries=32, ttl=20, show_spinner=False)
def _planned_key(content: str, _experiment: Experiment) -> str:
    """It may depend on thousands of files, so it is not asked for at every move of a slider."""
    from core.steps import plan

    return next(step.key for step in plan(_experiment) if step.kind == "data")


@st.cache_resource(max_entries=6, show_spinner=False)
def _stored(folder: str, key: str) -> Sample:
    """What a run has read, mapped into memory rather than loaded."""
    split = read_split(cache.store().artifacts, key)
    return Sample(_few(split.train), _few(split.test), len(split.train), split, key)


@st.cache_resource(max_entries=6, show_spinner="Looking at the images …")
def _loaded(folder: str, key: str, _data: Dataset) -> Sample:
    """What the data set itself gives, asked for few images where it can be."""
    lowered = {name: few for name, few in FEW.items() if name in type(_data).model_fields}
    lowered = {name: few for name, few in lowered.items() if (getattr(_data, name) or few + 1) > few}
    split = _data.model_copy(update=lowered).load(lambda fraction, text: None)
    if not lowered:
        remembered.keep_rows(_data, len(split.train))
    told = getattr(_data, "train", None) if lowered else len(split.train)
    return Sample(_few(split.train), _few(split.test), told, None, key)


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
    return _before_and_after(apply(budget, data.train, Tools(seed=0)), data, count)


def from_file(attack: Attack, data: Sample) -> Pairs | None:
    """Poisons that were crafted before, beside their originals; None where the images that they need are not here yet.

    Raises:
        PoisonscopeError: there is no such file, or they were made for other images.
    """
    content = f"{attack.model_dump_json()} {attack.fingerprint()}"  # looks for the file, whatever there is to show
    return None if data.whole is None else _from_file(content, data.key, attack, data)


@st.cache_resource(max_entries=6, show_spinner="Looking at the poisons …")
def _from_file(content: str, key: str, _attack: Attack, _data: Sample) -> Pairs:
    assert _data.whole is not None
    return _before_and_after(apply(_attack, _data.whole.train, Tools(seed=0)), _data, 3)


def _before_and_after(done: Poisoned, data: Sample, count: int) -> Pairs:
    names, labels = data.train.class_names, done.data.labels[done.rows]
    shown = np.flatnonzero(relabelled(labels, done.original_labels))[:count]  # poisons, and no covers
    words = [f"{names[done.original_labels[each]]}, labelled {names[labels[each]]}" for each in shown]
    return Pairs(done.originals[shown], done.data.images[done.rows[shown]], words)


@dataclass(frozen=True)
class KeyImages:
    """What a key of an attack on one image is about.

    Attributes:
        target: (c, h, w) uint8, the test image that is to be misread.
        true, wanted: names of its class and of the one that the attacker wants.
        bases: (m, c, h, w) uint8, some of the images that are going to be changed.
        poisons: how many they are altogether; None where the size of the training set is unknown.
        exact: whether these are the very images of the run, and not examples: of a data set that no run has read, or
            where the attacker's networks choose.
    """

    target: np.ndarray
    true: str
    wanted: str
    bases: np.ndarray
    poisons: int | None
    exact: bool


def key_images(attack: Targeted, data: Sample, seed: int, count: int = 6) -> KeyImages:
    """The first key of an attack: which image is to be misread as what, and which images will be changed.

    Nothing is crafted, because that needs surrogates and minutes.

    Raises:
        PoisonscopeError: the attack cannot do what it is asked to.
    """
    train, test = (data.whole.train, data.whole.test) if data.whole else (data.train, data.test)
    poisons = data.rows and attack.budget(data.rows)
    if data.whole is None:  # of few images, few; which ones the run takes depends on all of them
        attack = attack.model_copy(update={"poison_fraction": min(count, PER_CLASS) / len(train)})
    key = attack.key(train, Tools(seed=seed, test=test))
    return KeyImages(
        target=test.images[key.target],
        true=test.class_names[key.source_class],
        wanted=test.class_names[key.target_class],
        bases=np.asarray(train.images[key.rows[:count]]),
        poisons=len(key.rows) if data.whole else poisons,
        exact=data.whole is not None and getattr(attack, "choice", "random") == "random",
    )


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
