"""Names to classes: a component's name is the name of its file.

A package (`core.attacks`, `core.defenses`, `core.datasets`, `core.models`) is a folder with one component a file.
Files that hold no component (`base.py`, helpers) say so by `COMPONENT = False`. Nothing is imported before it is asked
for by name.
"""

import difflib
import importlib
import inspect
import pkgutil
from functools import cache

from core.errors import SpecError

KINDS = ("datasets", "models", "attacks", "defenses")


@cache
def names(kind: str) -> tuple[str, ...]:
    """All names of a kind, sorted; imports every file of the package once."""
    package = importlib.import_module(f"core.{kind}")
    stems = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(stem for stem in stems if getattr(importlib.import_module(f"core.{kind}.{stem}"), "COMPONENT", True))


@cache
def load(kind: str, name: str) -> type:
    """The class behind a name.

    Raises:
        SpecError: no file of that name; says what is legal and what was probably meant.
    """
    if kind not in KINDS:
        raise SpecError(f"There is no kind of component named {kind!r}; legal are {', '.join(KINDS)}.")
    if name not in names(kind):
        close = difflib.get_close_matches(name, names(kind), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SpecError(f"There is no {name!r} among the {kind}; legal are {', '.join(names(kind))}.{hint}")
    module = importlib.import_module(f"core.{kind}.{name}")
    found = [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if c.__module__ == module.__name__ and isinstance(getattr(c, "title", None), str)  # str.title is a method
    ]
    if len(found) != 1:
        raise SpecError(f"{module.__name__} must define exactly one component, not {len(found)}.")
    return found[0]
