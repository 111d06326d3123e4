"""When two runs are the same experiment but for something: experiments as their hash sees them, part by part.

What no rate depends on does not count: names, devices, what is measured besides (`analysis`), and pretraining where
nothing is pretrained. An attacker that knows a defense is another attacker where it expects another defense.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from core.runs.record import Run
from core.spec import parse

UNCOUNTED = ("name", "device", "analysis")
ADDED = ("controls",)
"""Settings of a defense that ask for more trainings beside it, and change nothing about it."""

Content = dict[str, Any]
"""An experiment's mapping, every default written out."""


def normal(spec: Content) -> Content:
    """An experiment with every default written out, as its hash sees it.

    Raises:
        SpecError: this version cannot read it.
    """
    return dict(_read(json.dumps(spec, sort_keys=True))[0])


def expected(spec: Content) -> Content | None:
    """The defense that the attacker expects, as `defenses` has it; None of an attacker that knows of none.

    Raises:
        SpecError: this version cannot read the experiment.
    """
    return _read(json.dumps(spec, sort_keys=True))[1]


def defenses(spec: Content) -> list[Content]:
    """The defenses of an experiment, each with the settings that make it what it is.

    Raises:
        SpecError: this version cannot read the experiment.
    """
    return [without(defense, ADDED) for defense in normal(spec)["defenses"]]


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[Content, Content | None]:
    experiment = parse(json.loads(text))
    content = experiment.model_dump(mode="json")
    knows = experiment.attack is not None and experiment.attack.knows_defense  # type: ignore[attr-defined]
    known = experiment.known_defense if knows else None
    unread = ["pretraining"] if content["scenario"] == "from_scratch" else []
    met = None if known is None else without(known.model_dump(mode="json"), ADDED)
    return without(content, (*UNCOUNTED, *unread)), met


def without(content: Content, names: Iterable[str]) -> Content:
    """The mapping without some of its parts."""
    return {name: value for name, value in content.items() if name not in names}


def same_images(run: Run, other: Run) -> bool:
    """Whether both read the same images, as far as both have read theirs.

    The key of the step that read them knows what an experiment does not: what was in the folder, and which version of
    this project read it.
    """
    mine, theirs = images_of(run), images_of(other)
    return mine == theirs or None in (mine, theirs)


def images_of(run: Run) -> str | None:
    """Key of the step that read a run's images; None where it has not come to that."""
    return next((step["key"] for step in run.steps if step["kind"] == "data"), None)
