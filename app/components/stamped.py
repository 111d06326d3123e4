"""A sign without and with the sticker, and what a model of a shipped run makes of it: all of it was computed before."""

import html
from dataclasses import dataclass

import numpy as np

from app.components.images import png
from core.runs.view import RunView
from core.verdict import percent

SUREST = 0.9999
"""A network's numbers run out of digits above this; nobody is sure of everything."""


@dataclass(frozen=True)
class Pictures:
    """Test images that a run was shipped with.

    Attributes:
        arms: of the answers.
        names: of the k classes.
        true, wanted: (m,) int64; what they show, and what the attacker wants them to be taken for.
        images: without and with the sticker, (m, c, h, w) uint8 each.
        answers: without and with it, (a, m, k) float32 each.
    """

    arms: list[str]
    names: list[str]
    true: np.ndarray
    wanted: np.ndarray
    images: tuple[np.ndarray, np.ndarray]
    answers: tuple[np.ndarray, np.ndarray]

    def __len__(self) -> int:
        return len(self.true)

    def read(self, arm: str, number: int, stamped: bool) -> tuple[int, float]:
        """What an arm's model takes a picture for, and how sure it is (0 to 1)."""
        answer = self.answers[stamped][self.arms.index(arm), number]
        return int(answer.argmax()), float(answer.max())


def pictures(seen: RunView) -> Pictures | None:
    """The pictures of a shipped run; None where it has none."""
    meta = seen.meta("shipped")
    if meta is None or "arms" not in meta:
        return None
    names = ("true", "wanted", "clean", "stamped", "clean_answers", "stamped_answers")
    true, wanted, clean, stamped, clean_answers, stamped_answers = (
        np.asarray(seen.array("shipped", name)) for name in names
    )
    arms, classes = list(meta["arms"]), list(meta["class_names"])
    return Pictures(arms, classes, true, wanted, (clean, stamped), (clean_answers, stamped_answers))


def tile(shown: Pictures, number: int, *, arm: str, stamped: bool, heading: str) -> str:
    """One picture with what one model says about it, as HTML."""
    label, sure = shown.read(arm, number, stamped)
    right = label == shown.true[number]
    name, true = html.escape(shown.names[label]), html.escape(shown.names[shown.true[number]])
    seen = f"A “{true}” sign{' with the sticker' if stamped else ''}"
    mark, word = ("✓", "right") if right else ("✗", "wrong")
    return (
        f'<figure class="ps-read {word}"><figcaption>{html.escape(heading)}</figcaption>'
        f'<img src="{png(shown.images[stamped][number])}" alt="{seen}">'
        f'<div class="ps-answer"><span aria-label="{word}">{mark}</span> “{name}”</div>'
        f'<div class="ps-sure">{percent(min(sure, SUREST))} sure</div></figure>'
    )
