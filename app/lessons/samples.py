"""What of a shipped run a lesson shows: the same rows and images every time, drawn once and for all."""

import numpy as np

from app.lessons.shipped import need
from core.runs.view import RunView

WALL, WALL_POISONS = 18, 5
DARK, BRIGHT = 25, 230
"""Levels beyond which a change is hard to see."""


def wall_rows(seen: RunView) -> np.ndarray:
    """(m,) rows of the class that most poisons claim to be: a few poisons among clean ones, in no order."""
    poisons, labels = need(seen.poison_rows, "poisons"), need(seen.labels, "labels")
    random = np.random.default_rng(4)
    label = int(np.bincount(labels[poisons]).argmax())
    clean = np.setdiff1d(np.flatnonzero(labels == label), poisons)
    bad = random.permutation(poisons)[:WALL_POISONS]
    return random.permutation(np.concatenate([bad, random.permutation(clean)[: WALL - len(bad)]]))


def least_suspicious(seen: RunView, defense: str) -> np.ndarray:
    """(m,) of the rows that a filter removed, those with the lowest scores."""
    removed = np.flatnonzero(need(seen.flagged(defense), "removed rows"))
    scores = need(seen.scores(defense), "scores")
    return removed[np.argsort(scores[removed], kind="stable")][:WALL]


def puzzle_row(seen: RunView) -> int:
    """The poison of the spot-the-poison question: the one whose original is least over- or underexposed."""
    rows = need(seen.poison_rows, "poisons")
    originals = need(seen.originals(rows), "originals")
    plain = ((originals > DARK) & (originals < BRIGHT)).mean(axis=(1, 2, 3))
    return int(rows[plain.argmax()])


def puzzle_side(seen: RunView) -> str:
    """On which side, A or B, it stands."""
    return "AB"[puzzle_row(seen) % 2]
