"""The errors that a person may see.

PoisonscopeError          one sentence: the value that is wrong and what is legal
├── SpecError             an experiment that cannot be meant
├── DataError             a data set that cannot be read or downloaded
├── AttackError           an attack that broke its own promise (budget, labels, epsilon)
├── StoreError            a run or a file that is not there, or not what it claims to be
├── LessonError           a lesson's file that is not written as lessons are
└── Cancelled             somebody pressed Stop
"""

from pydantic import ValidationError


class PoisonscopeError(Exception):
    """Base of every error that is shown to a person as one sentence."""


class SpecError(PoisonscopeError):
    """An experiment, or a part of one, that is not legal."""


class DataError(PoisonscopeError):
    """A data set that cannot be read, downloaded or used."""


class AttackError(PoisonscopeError):
    """An attack whose poisons break what it declares."""


class StoreError(PoisonscopeError):
    """A run, an artifact or an archive that is missing or damaged."""


class LessonError(PoisonscopeError):
    """A lesson's file that is not written as lessons are."""


class Cancelled(PoisonscopeError):
    """The run was asked to stop."""


def explain(error: ValidationError) -> str:
    """Say in one sentence what pydantic found: where, which value, what is legal."""
    sentences = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in item["loc"]) or "the experiment"
        message = item["msg"].removeprefix("Value error, ").rstrip(".")
        if item["type"] == "extra_forbidden":
            message = "there is no such setting"
        shown = "" if item["type"] in ("value_error", "missing", "extra_forbidden") else f" (got {item['input']!r:.80})"
        sentences.append(f"{where}: {message}{shown}")
    text = "; ".join(sentences)
    return text if text.endswith("?") else f"{text}."
