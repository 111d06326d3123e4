"""What a link may hold as a run's id."""

import pytest

from app import state


@pytest.mark.parametrize(
    ("text", "known"), [("r-7k2m9q", True), ("../x", False), ("", False), (None, False), ("R-1", False)]
)
def test_only_ids_are_ids(text: str | None, known: bool) -> None:
    assert (state.run_id(text) is not None) is known
