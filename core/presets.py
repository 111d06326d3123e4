"""Named experiments: one TOML file each in assets/presets, read fresh, checked like any other experiment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import spec
from core.errors import SpecError

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "presets"
DEFAULT = "badnets-signs"


@dataclass(frozen=True)
class Preset:
    """A named experiment.

    Attributes:
        name: stem of its file.
        title, summary: for people.
        needs: settings that the user must give, such as `data.path`.
        content: the experiment's mapping, unchecked.
    """

    name: str
    title: str
    summary: str
    needs: tuple[str, ...]
    content: dict[str, Any]


def names() -> list[str]:
    """All presets, the default first."""
    return sorted((path.stem for path in FOLDER.glob("*.toml")), key=lambda name: (name != DEFAULT, name))


def load(name: str) -> Preset:
    """A preset by name.

    Raises:
        SpecError: there is none of that name.
    """
    if name not in names():
        raise SpecError(f"There is no preset {name!r}; legal are {', '.join(names())}.")
    content = spec.read(FOLDER / f"{name}.toml")
    about = content.pop("preset", {})
    content.setdefault("name", name)
    return Preset(name, about.get("title", name), about.get("summary", ""), tuple(about.get("needs", ())), content)
