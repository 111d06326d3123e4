"""Where runs, caches and downloads live: one folder, never inside the repository."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The folder named by POISONSCOPE_HOME, else the platform's data folder; made if it is missing."""
    named = os.environ.get("POISONSCOPE_HOME")
    folder = Path(named).expanduser() if named else Path(platformdirs.user_data_dir("poisonscope", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
