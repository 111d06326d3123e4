"""What can be wrong with the machine before anything starts, each said in one sentence that names what mends it.

The app and the command line ask here first. The machine's parts are given as arguments, so that a test can break them.
"""

import importlib
import sys
from collections.abc import Callable
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


def torch_problem(load: Callable[[str], ModuleType] = importlib.import_module) -> str | None:
    """Import torch and torchvision, which takes seconds, and say what is wrong with the pair.

    Args:
        load: imports a module by name.

    Returns:
        One sentence, or None where both can be imported.
    """
    found = "torch"
    try:
        found = f"torch {load('torch').__version__}"
        load("torchvision")
    except ModuleNotFoundError as error:
        return f"The package {error.name} is not installed: run `make setup`."
    except (ImportError, OSError, RuntimeError) as error:
        # A torch of another build lacks the operators that torchvision registers, and says so as a RuntimeError:
        # "operator torchvision::nms does not exist".
        if "torchvision::" in str(error):
            return (
                f"{found} and the installed torchvision come from different builds and do not fit each other: {MEND}, "
                "which takes both from one place."
            )
        return f"{found} cannot be loaded ({' '.join(str(error).split())[:200]}): {MEND}."
    return None
