"""What can be wrong with the machine before anything starts, each said in one sentence that names what mends it.

The app and the command line ask here first. The machine's parts are given as arguments, so that a test can break them.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

OLDEST_PYTHON = (3, 11)
MEND = "delete the .venv folder and run `make setup`"


def python_problem(version: tuple[int, ...] = sys.version_info[:3]) -> str | None:
    """Say what is wrong with the Python that runs this.

    Args:
        version: (major, minor, patch).

    Returns:
        One sentence, or None where all is well.
    """
    if version[:2] >= OLDEST_PYTHON:
        return None
    wanted, given = ".".join(map(str, OLDEST_PYTHON)), ".".join(map(str, version))
    return f"Poisonscope needs Python {wanted} or newer, and this is {given}: install a newer one, {MEND}."


def link_torchvision() -> None:
    """Load torchvision's compiled operators into torch, as its import does, but none of its Python: seconds less.

    Raises:
        ModuleNotFoundError: there is no torchvision.
        OSError: its operators were built for another torch.
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'torchvision'", name="torchvision")
    folder = Path(found.submodule_search_locations[0])
    for library in (*folder.glob("_C*.so"), *folder.glob("_C*.pyd")):
        torch.ops.load_library(library)


def torch_problem(
    load: Callable[[str], ModuleType] = importlib.import_module, link: Callable[[], None] = link_torchvision
) -> str | None:
    """Import torch, which takes seconds, and say what is wrong with it or with torchvision beside it.

    Args:
        load: imports a module by name.
        link: loads what torchvision needs of torch.

    Returns:
        One sentence, or None where both can be used.
    """
    try:
        found = f"torch {load('torch').__version__}"
    except ModuleNotFoundError as error:
        return _missing(error)
    except (ImportError, OSError, RuntimeError) as error:
        return f"torch cannot be loaded ({' '.join(str(error).split())[:200]}): {MEND}."
    try:
        link()
    except ModuleNotFoundError as error:
        return _missing(error)
    except OSError:  # a symbol or a library that only another build of torch has
        return (
            f"{found} and the installed torchvision come from different builds and do not fit each other: {MEND}, "
            "which takes both from one place."
        )
    return None


def _missing(error: ModuleNotFoundError) -> str:
    return f"The package {error.name} is not installed: run `make setup`."
