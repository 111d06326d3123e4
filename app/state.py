"""What a link holds beside an experiment's settings: a run's id. No widgets here."""

from core.runs.store import ID


def run_id(text: str | None) -> str | None:
    """The id in a link, or None where it cannot be one."""
    return text if text and ID.fullmatch(text) else None
