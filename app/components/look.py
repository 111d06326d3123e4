"""What the lens looks at, and how: the choices that all its parts share."""

from dataclasses import dataclass

from core.runs.view import RunView

AXES = {"v1 × v2": (0, 1), "v1 × v3": (0, 2)}
TOOLS = {"Inspect": "pan", "Lasso": "lasso", "Box": "select"}
"""Tools of a map, and what Plotly calls them."""
COLOURS = {"label": "Label", "score": "Score", "removed": "Removed", "truth": "Truth"}


@dataclass(frozen=True)
class Look:
    """What is looked at, and how.

    Attributes:
        label: the class.
        defense: the filter whose scores and removals are shown; None without one.
        axes, tool, colour: keys of `AXES`, `TOOLS` and `COLOURS`.
        truth: whether poisons may be told.
        big: presentation size.
    """

    seen: RunView
    label: int
    defense: str | None
    axes: str
    tool: str
    colour: str
    truth: bool
    big: bool

    @property
    def place(self) -> str:
        """A text that differs between any two things that deserve a memory of their own."""
        return f"{self.seen.run.id}-{self.seen.poison_key}-{self.seen.victim}-{self.label}"

    @property
    def tile(self) -> int:
        """Width of a picture in a wall, in pixels."""
        return 96 if self.big else 64
