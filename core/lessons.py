"""Lessons as they are written: one markdown file each in assets/lessons, and the glossary beside them.

A file begins with its head, TOML between two lines of `+++`. Every `## Title` after it is a step, with a head of its
own, the words that everybody reads first, and two parts that wait: `### Reveal` and `### Teacher`. `## Sources` comes
last. Words may ask for a number of a shipped run, `{{badnets.asr}}`: no measured number is typed in by hand.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core import describe
from core.errors import LessonError, explain

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "lessons"
GLOSSARY = "glossary"
MOST_WORDS = 60
"""Words of a step before its reveal, the question among them, and again of the reveal."""

FILE = re.compile(r"(\d\d)-([a-z][a-z-]*)")
FACT = re.compile(r"\{\{([a-z_]+)\.([a-z_0-9]+)\}\}")
_FENCE = "+++"
_MARKUP = re.compile(r"<[a-zA-Z/!?]|!\[")
_LINK = re.compile(r"\]\(([^)]*)\)")


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Guess(_Head):
    """What is asked before the reveal: one of some choices, or a number.

    Attributes:
        question: one sentence.
        choices: to choose from; none where a number is asked for.
        low, high, step: what the number may be.
        unit: of the number.
        answer: the choice or the number, which may be a fact of a run; empty where no answer is right or wrong.
    """

    question: Annotated[str, Field(min_length=3)]
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    step: float = 1
    unit: str = ""
    answer: str = ""

    @model_validator(mode="after")
    def _answerable(self) -> "Guess":
        if self.choices:
            known = self.answer in ("", *self.choices) or FACT.fullmatch(self.answer)
            if len(self.choices) < 2 or not known:
                raise ValueError(f"a guess needs two choices or more, and its answer {self.answer!r} to be one of them")
        elif not self.high > self.low:
            raise ValueError("a guess needs choices, or a number's low and high")
        elif self.answer and not FACT.fullmatch(self.answer) and not self.low <= float(self.answer) <= self.high:
            raise ValueError(f"the answer {self.answer} lies outside of {self.low:g} to {self.high:g}")
        return self


class _StepHead(_Head):
    widget: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    show: dict[str, Any] = {}
    minutes: Annotated[float, Field(gt=0, le=30)] = 2
    guess: Guess


class _LessonHead(_Head):
    title: Annotated[str, Field(min_length=3, max_length=60)]
    summary: Annotated[str, Field(min_length=3)]


@dataclass(frozen=True)
class Step:
    """One screen of a lesson.

    Attributes:
        title: a few words.
        prose: markdown, read before the guess.
        widget, show: the live part, and what it is told.
        guess: the question.
        reveal: markdown, read after it.
        teacher: markdown, for the teacher alone.
        minutes: that it takes in a class.
    """

    title: str
    prose: str
    widget: str
    show: dict[str, Any]
    guess: Guess
    reveal: str
    teacher: str
    minutes: float


@dataclass(frozen=True)
class Lesson:
    """A lesson: its number and name (from the file's name), title, one sentence, steps, and sources in markdown."""

    number: int
    name: str
    title: str
    summary: str
    steps: tuple[Step, ...]
    sources: str

    @property
    def minutes(self) -> float:
        """Minutes of all steps."""
        return sum(step.minutes for step in self.steps)


def load_all(folder: Path = FOLDER) -> list[Lesson]:
    """All lessons, in order.

    Raises:
        LessonError: a file is not a lesson.
    """
    return [load(path) for path in sorted(folder.glob("*.md")) if path.stem != GLOSSARY]


def load(path: Path) -> Lesson:
    """One lesson from its file.

    Raises:
        LessonError: the name or the content is not as described above; the sentence names file and step.
    """
    named = FILE.fullmatch(path.stem)
    if named is None:
        raise LessonError(f"{path.name}: a lesson's file is called 03-some-name.md.")
    text = path.read_text(encoding="utf-8")
    _check_markup(text, path.name)
    before, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    head, _ = _headed(before, _LessonHead, path.name)
    titles = [section.partition("\n")[0].strip() for section in sections]
    if not titles or titles[-1] != "Sources" or len(titles) < 2:
        raise LessonError(f"{path.name}: a lesson has steps, and ends with ## Sources.")
    steps = tuple(
        _step(title, section.partition("\n")[2], f"{path.name}, {title!r}")
        for title, section in zip(titles[:-1], sections[:-1], strict=True)
    )
    sources = sections[-1].partition("\n")[2].strip()
    return Lesson(int(named[1]), named[2], head.title, head.summary, steps, sources)


def _step(title: str, text: str, where: str) -> Step:
    head, body = _headed(text, _StepHead, where)
    prose, *parts = re.split(r"^### ", body, flags=re.MULTILINE)
    found = {name.strip(): words.strip() for name, _, words in (part.partition("\n") for part in parts)}
    if list(found) != ["Reveal", "Teacher"] or not prose.strip() or not all(found.values()):
        raise LessonError(f"{where}: a step has words, then ### Reveal, then ### Teacher.")
    return Step(
        title=title,
        prose=prose.strip(),
        widget=head.widget,
        show=head.show,
        guess=head.guess,
        reveal=found["Reveal"],
        teacher=found["Teacher"],
        minutes=head.minutes,
    )


def _headed(text: str, kind: type[Any], where: str) -> tuple[Any, str]:
    """The head of a part, checked, and what comes after it."""
    empty, fence, rest = text.lstrip().partition(_FENCE + "\n")
    toml, closed, body = rest.partition("\n" + _FENCE + "\n")
    if empty or not fence or not closed:
        raise LessonError(f"{where}: a head in TOML between two lines of {_FENCE} is missing.")
    try:
        return kind(**tomllib.loads(toml)), body
    except tomllib.TOMLDecodeError as error:
        raise LessonError(f"{where}: the head is not TOML: {error}.") from None
    except ValidationError as error:
        raise LessonError(f"{where}: {explain(error)}") from None


def _check_markup(text: str, where: str) -> None:
    """Words only: no HTML, no pictures, and links only to the web."""
    found = _MARKUP.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise LessonError(f"{where}, line {line}: lessons hold no HTML and no pictures.")
    for address in _LINK.findall(text):
        if not address.startswith("https://"):
            raise LessonError(f"{where}: the link {address!r:.60} does not begin with https://.")


def words(text: str) -> int:
    """How many words a text has; a formula or a fact counts as one, and marks of markdown as none."""
    text = FACT.sub("fact", text)
    text = re.sub(r"\$\$.+?\$\$|\$[^$\n]+\$", "formula", text, flags=re.DOTALL)
    return len([word for word in text.split() if re.search(r"\w", word)])


def facts(text: str) -> list[tuple[str, str]]:
    """The (run, fact) pairs that a text asks for."""
    return FACT.findall(text)


def filled(text: str, known: dict[str, str], *, blank: str | None = None) -> str:
    """A text with its facts.

    Args:
        text: markdown.
        known: by `run.fact`; plain words, which are escaped here.
        blank: stands for a fact that is not known; without it, the paragraph that asks for one is left out.
    """

    def fact(found: re.Match[str]) -> str:
        name = f"{found[1]}.{found[2]}"
        return describe.markdown(known[name]) if name in known else str(blank)

    paragraphs = re.split(r"\n\s*\n", text)
    if blank is None:
        paragraphs = [part for part in paragraphs if all(f"{run}.{name}" in known for run, name in facts(part))]
    return "\n\n".join(FACT.sub(fact, part) for part in paragraphs)


def glossary(folder: Path = FOLDER) -> dict[str, str]:
    """The words of the field: term to its meaning in markdown, by the alphabet.

    Raises:
        LessonError: a term has no meaning, or stands there twice.
    """
    path = folder / f"{GLOSSARY}.md"
    text = path.read_text(encoding="utf-8")
    _check_markup(text, path.name)
    found: dict[str, str] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        term, _, meaning = (part.strip() for part in section.partition("\n"))
        if not meaning or term in found:
            raise LessonError(f"{path.name}: {term!r} has no meaning, or stands there twice.")
        found[term] = meaning
    return dict(sorted(found.items(), key=lambda item: item[0].casefold()))
