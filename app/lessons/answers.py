"""What a visitor has guessed, and what has been revealed: kept for the tab, and never put into a link."""

import html
import re
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.lessons import facts
from core import lessons
from core.lessons import FACT, Guess, Lesson, Step

CLOSE = 0.05
"""Share of a guess's range within which a number counts as close."""


@dataclass(frozen=True)
class Place:
    """A step of a lesson; `number` counts from 1."""

    lesson: Lesson
    number: int

    @property
    def step(self) -> Step:
        """The step itself."""
        return self.lesson.steps[self.number - 1]

    @property
    def key(self) -> str:
        """Tells it from every other step; letters, digits and dashes only."""
        return f"{self.lesson.name}-{self.number}"


def _all() -> dict[str, dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = st.session_state.setdefault("lesson_answers", {})
    return kept


def guess(place: Place) -> Any:
    """What was guessed, or None."""
    return _all().get(place.key, {}).get("guess")


def revealed(place: Place) -> bool:
    """Whether the answer may be seen."""
    return bool(_all().get(place.key, {}).get("revealed"))


def done(lesson: Lesson) -> int:
    """Steps of a lesson that were revealed."""
    return sum(revealed(Place(lesson, number)) for number in range(1, len(lesson.steps) + 1))


def note(place: Place, widget: str) -> None:
    """Keep a guess; for the callback of the widget that holds it."""
    _all().setdefault(place.key, {})["guess"] = st.session_state[widget]


def reveal(place: Place) -> None:
    """Show the answer from now on."""
    _all().setdefault(place.key, {})["revealed"] = True


def forget(lesson: Lesson | None = None) -> None:
    """Forget guesses and reveals of a lesson, or of all."""
    for key in list(_all()):
        if lesson is None or key.rpartition("-")[0] == lesson.name:
            del _all()[key]


# ---- what was right


def right(question: Guess) -> str | None:
    """The answer in plain words; None where it is not known, empty where there is none."""
    asked = FACT.fullmatch(question.answer)
    if asked is None:
        return question.answer
    return facts.known([(asked[1], asked[2])]).get(f"{asked[1]}.{asked[2]}")


def number(text: str) -> float | None:
    """The number in an answer such as `98.7 %` or `1,440`."""
    found = re.search(r"-?\d[\d,]*\.?\d*", text)
    return float(found[0].replace(",", "")) if found else None


def feedback(question: Guess, guessed: Any) -> tuple[str, str]:
    """A sentence about a guess, escaped, and its tone: `good`, `bad` or `plain`."""
    answer = right(question)
    yours = "" if guessed is None else f"Your guess: {html.escape(_said(question, guessed))}. "
    if answer is None:
        return f"{yours}The answer needs a shipped run that is not here.", "plain"
    if answer == "":
        return f"{yours}No guess is right or wrong here.", "plain"
    told = f"The answer: <b>{html.escape(_said(question, answer))}</b>."
    if guessed is None:
        return told, "plain"
    if question.choices:
        return (f"<b>Right.</b> {told}", "good") if guessed == answer else (f"{yours}{told}", "bad")
    truth = number(answer)
    near = truth is not None and abs(float(guessed) - truth) <= CLOSE * (question.high - question.low)
    return f"{'<b>Close.</b> ' if near else ''}{yours}{told}", "good" if near else "bad"


def _said(question: Guess, value: Any) -> str:
    text = value if isinstance(value, str) else f"{value:g}"
    unit = question.unit
    return text if question.choices or not unit or text.endswith(unit) else f"{text} {unit}"


def texts(step: Step) -> list[str]:
    """Everything in a step that may ask for facts."""
    return [step.prose, step.reveal, step.teacher, step.guess.question]


def known(step: Step) -> dict[str, str]:
    """The facts that a step asks for."""
    return facts.known(pair for text in texts(step) for pair in lessons.facts(text))
