"""The stages of a run: done, now, still to come."""

import html
import re

from core.runs.store import Run, Store

MARKS = {"done": "✓", "now": "●", "wait": "○"}
COUNTED = re.compile(r",? (key )?\d+ of \d+$")
"""The end of a label that says which of several steps it is; the stage has a count of its own."""
SPOKEN = {"done": "done", "now": "now", "wait": "to come"}


def stages(run: Run, store: Store) -> str:
    """All steps in order as an HTML list. Steps that differ in a count only (several keys or victims) are one stage."""
    marked: dict[str, list[bool]] = {}
    for step in run.steps:
        marked.setdefault(COUNTED.sub("", step["label"]), []).append(store.artifacts.has(step["key"]))
    working = run.live and run.state != "queued"
    # Steps may run side by side, and the phase names all that do; before it names any, the first open one is next.
    now = [label for label, finished in marked.items() if not all(finished) and label in run.phase]
    now = now or [label for label, finished in marked.items() if not all(finished)][:1]
    items = []
    for label, finished in marked.items():
        state = "done" if all(finished) else "now" if working and label in now else "wait"
        count = f" {sum(finished)}/{len(finished)}" if len(finished) > 1 and state != "done" else ""
        items.append(
            f'<li class="{state}"><span aria-hidden="true">{MARKS[state]}</span>{html.escape(label)}{count}'
            f'<span style="position:absolute;left:-9999px">{SPOKEN[state]}</span></li>'
        )
    return f'<ol class="ps-stages" aria-label="Stages">{"".join(items)}</ol>'
