"""A verdict as HTML."""

import html

from core.verdict import Verdict


def block(said: Verdict, flags: list[dict[str, str]]) -> str:
    """The verdict and its flags as HTML; all words are escaped."""
    warned = "".join(f"<li>{html.escape(flag['message'])}</li>" for flag in flags)
    listed = f'<ul class="ps-flags" aria-label="What to keep in mind">{warned}</ul>' if warned else ""
    return f'<div class="ps-verdict {said.tone}" role="status">{html.escape(said.text)}</div>{listed}'
