"""Lessons as text: the eight that ship, and what is said about a file that is no lesson."""

import math
import re
from pathlib import Path

import pytest

from core import lessons, metrics
from core.analysis import toys
from core.errors import LessonError
from core.lessons import Lesson, Step

EVERY = lessons.load_all()
STEPS = [(lesson, step) for lesson in EVERY for step in lesson.steps]
EACH = pytest.mark.parametrize(("lesson", "step"), STEPS, ids=[f"{a.number} {b.title}" for a, b in STEPS])

GOOD = """+++
title = "A title"
summary = "A sentence."
+++

## First

+++
widget = "plane"
[guess]
question = "How many?"
high = 10
answer = "3"
+++

Some words.

### Reveal

Three.

### Teacher

A note.

## Sources

- Somebody: *Something*, 2020.
"""


def written(folder: Path, text: str, name: str = "01-a-lesson.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# ---- those that ship


def test_there_are_eight_of_four_to_six_steps() -> None:
    assert [lesson.number for lesson in EVERY] == list(range(1, 9))
    assert all(4 <= len(lesson.steps) <= 6 for lesson in EVERY)
    assert all(10 <= lesson.minutes <= 25 for lesson in EVERY)


@EACH
def test_a_step_is_short(lesson: Lesson, step: Step) -> None:
    assert lessons.words(step.prose) + lessons.words(step.guess.question) <= lessons.MOST_WORDS
    assert lessons.words(step.reveal) <= lessons.MOST_WORDS
    assert lessons.words(step.teacher) >= 15, "a teacher gets more than a word"


@EACH
def test_a_reveal_without_runs_still_says_something_or_needs_them_all(lesson: Lesson, step: Step) -> None:
    assert lessons.filled(step.reveal, {}) or lessons.facts(step.reveal)


@pytest.mark.parametrize("lesson", EVERY, ids=[lesson.name for lesson in EVERY])
def test_sources_have_year_and_number(lesson: Lesson) -> None:
    sources = lesson.sources.splitlines()
    assert sources
    for line in sources:
        assert re.search(r"\b20\d\d\b", line), line
        number = re.search(r"\[arXiv:(\d{4}\.\d{5})\]\(https://arxiv\.org/abs/(\d{4}\.\d{5})\)", line)
        assert number and number[1] == number[2], line


@pytest.mark.parametrize("path", sorted(lessons.FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_spelling_is_american(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"defence|colour|neighbour|labell|behaviour|centre[^d]|recogniz?se", text, re.I)


def step_of(number: int, title: str) -> Step:
    return next(step for lesson, step in STEPS if lesson.number == number and step.title == title)


def answer(number: int, title: str) -> float:
    return float(step_of(number, title).guess.answer)


def test_answers_that_are_arithmetic_are_right() -> None:
    assert answer(2, "Counting squares") == 0.005 * 6000
    assert answer(2, "How often is it met?") == round(100 * (1 - 0.99**128))
    assert answer(3, "Why the shift shows") == pytest.approx(0.1 * 0.9 * 5**2)
    assert answer(3, "The condition") == pytest.approx(toys.needed_shift(0.05), abs=0.01)
    assert answer(4, "How much is epsilon?") == pytest.approx(100 * 16 / 255, abs=0.01)
    assert answer(7, "What does it cost?") == toys.passes(0.75, 5)


def test_the_interval_holds_what_the_lesson_says() -> None:
    assert step_of(2, "Luck or effect?").guess.answer == "No"
    assert metrics.wilson(10, 10).low == pytest.approx(0.72, abs=0.005) and metrics.wilson(10, 10).low < 0.75
    assert round(100 * 0.75**10, 1) == 5.6
    assert metrics.wilson(72, 72).low <= 0.95 < metrics.wilson(73, 73).low, "the teacher's note"


def test_the_medoids_stand_alone_as_the_lesson_counts() -> None:
    _, cluster = toys.medoids(toys.islands(), 7)
    sizes = [cluster.tolist().count(place) for place in range(7)]
    assert answer(6, "Who stands for whom?") == sizes.count(1)


# ---- the loader


def test_a_lesson_is_read(tmp_path: Path) -> None:
    lesson = lessons.load(written(tmp_path, GOOD, "07-some-name.md"))
    (step,) = lesson.steps
    assert (lesson.number, lesson.name, lesson.title, lesson.minutes) == (7, "some-name", "A title", 2)
    assert (step.title, step.prose, step.reveal, step.teacher) == ("First", "Some words.", "Three.", "A note.")
    assert step.widget == "plane" and step.guess.answer == "3" and lesson.sources.startswith("- Somebody")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('title = "A title"\n', "", "01-a-lesson.md: title: Field required."),
        ('summary = "A sentence."', "summary = ", "the head is not TOML"),
        ('widget = "plane"', 'widget = "plane"\nwidgets = 3', "'First': widgets: there is no such setting."),
        ('widget = "plane"', 'widget = "Plane!"', "'First': widget:"),
        ("high = 10\n", "", "a guess needs choices, or a number's low and high"),
        ('answer = "3"', 'answer = "11"', "the answer 11 lies outside of 0 to 10"),
        ("high = 10", 'choices = ["2", "4"]', "its answer '3' to be one of them"),
        ("### Teacher", "### Student", "a step has words, then ### Reveal, then ### Teacher"),
        ("Some words.", "", "a step has words"),
        ("## Sources", "## Origins", "ends with ## Sources"),
        ("## First\n\n+++", "## First\n\n---", "a head in TOML between two lines of +++ is missing"),
        ("Some words.", "Some <b>words</b>.", "line 16: lessons hold no HTML and no pictures."),
        ("Some words.", "![x](https://x.org/a.png)", "no pictures"),
        ("Some words.", "[x](javascript:alert)", "the link 'javascript:alert' does not begin with https://."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    with pytest.raises(LessonError, match=re.escape(said)) as raised:
        lessons.load(written(tmp_path, GOOD.replace(before, after, 1)))
    assert "01-a-lesson.md" in str(raised.value)


def test_a_file_of_another_name_is_no_lesson(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match="a lesson's file is called 03-some-name.md"):
        lessons.load(written(tmp_path, GOOD, "lesson.md"))


def test_words_are_counted() -> None:
    assert lessons.words("One *two* – three $a+b$ $$x\n= y$$ {{badnets.asr}}.") == 6


def test_facts_are_filled_in_and_cannot_bring_markup() -> None:
    text = "It is {{a.b}}.\n\nAnd {{a.c}}, and $\\frac{{1}}{2}$."
    assert lessons.facts(text) == [("a", "b"), ("a", "c")]
    assert lessons.filled(text, {"a.b": "*<b>"}) == r"It is \*\<b\>.", "the other paragraph is left out"
    assert lessons.filled(text, {"a.b": "1"}, blank="…") == "It is 1.\n\nAnd …, and $\\frac{{1}}{2}$."


# ---- the glossary

TERMS = (
    "poison budget", "epsilon", "target class", "source class", "target image", "base images", "trigger", "clean-label",
    "dirty-label", "surrogate", "victim", "control", "from scratch", "fine-tune", "transfer", "clean accuracy",
    "attack success", "ASR", "features", "gradient", "suspicion score", "clean baseline", "after defense",
    "rows removed", "poisons caught", "clean rows lost", "cut", "truth", "selection", "medoid", "random filter",
)  # fmt: skip


def test_the_glossary_has_the_words_of_the_dashboard() -> None:
    words = lessons.glossary()
    assert list(words) == sorted(words, key=str.casefold)
    everything = " ".join(f"{term} {meaning}" for term, meaning in words.items()).casefold()
    assert [term for term in TERMS if term.casefold() not in everything] == []


def test_a_term_needs_a_meaning_and_stands_once(tmp_path: Path) -> None:
    for text, said in (("## Poison\n", "'Poison' has no meaning"), ("## A\nx\n## A\ny\n", "'A' has no meaning, or")):
        written(tmp_path, text, "glossary.md")
        with pytest.raises(LessonError, match=said):
            lessons.glossary(tmp_path)


def test_the_condition_in_the_text_is_the_one_that_is_computed() -> None:
    assert r"\lVert\mu_D-\mu_W\rVert^2\ge6\sigma^2/\varepsilon" in step_of(3, "The condition").prose
    assert toys.needed_shift(0.05) ** 2 == pytest.approx(6 / 0.05) and math.isclose(toys.needed_shift(1.5), 2)
