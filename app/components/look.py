"""What the lens looks at, and how: the choices that all its parts share."""

from dataclasses import dataclass

from core.runs.view import RunView


@dataclass(frozen=True)
class Look:
    """What is looked at, and how."""

    seen: RunView
    label: int
    defense: str | None
    axes: str
    tool: str
    truth: bool
    big: bool

    @property
    def place(self) -> str:
        """A text that differs between any two things that deserve a memory of their own."""
        return f"{self.seen.run.id}-{self.seen.poison_key}-{self.seen.victim}-{self.label}"
