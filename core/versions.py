"""Which versions of what compute a run: what has to be the same for its numbers to come out the same."""

import platform
from functools import cache
from importlib import metadata

from core import __version__

LIBRARIES = ("torch", "numpy")


@cache
def versions() -> dict[str, str]:
    """Versions by name, this project's first; nothing is imported for it."""
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    return {"poisonscope": __version__, "python": platform.python_version(), **libraries}
