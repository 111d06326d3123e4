"""What all commands share: the arguments that come again, and where people read."""

from typing import Annotated

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a setting, e.g. attack.poison_fraction=0.02."),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `list` shows it.")]


def console() -> Console:
    """Standard output for people. What stands in brackets, as in a run's name, is text and not markup."""
    return Console(markup=False)
